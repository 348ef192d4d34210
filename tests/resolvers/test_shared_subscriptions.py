"""What many follow is executed once, and nobody is sent what was executed for somebody who may see something else."""

import gc
from contextlib import AsyncExitStack
from typing import Any

import pytest

from api.access import issue_key
from api.execution.fanout import Broadcast
from api.models import Environment, Project
from tests.conftest import Actor, Client, Running, add_project, eventually
from tests.resolvers.calls import Socket, contract, donate, earned, project_id, sealed, socket_of

LIVE, SANDBOX = Environment.LIVE, Environment.SANDBOX

#: Each subscription of the schema, with what can be selected of it that depends on who asks.
FOLLOWED = {
    "donationUpdates": (
        "subscription ($project: ID!, $after: String) { donationUpdates(projectIds: [$project], after: $after) { "
        "... on DonationEvent { sequence cursor amount donor totalAfter project { code progress { energyRaised } } } "
        "... on Checkpoint { cursor positions { sequence } } } }"
    ),
    "projectProgress": (
        "subscription ($project: ID!) { projectProgress(projectId: $project) { energyRaised donations sequence } }"
    ),
}
PUBLIC = {"projectProgress"}
#: Results in each world before the first that is told to all: the backlog and a checkpoint, or the state of things.
BEFORE_LIVE = {"donationUpdates": {LIVE: 2, SANDBOX: 3}, "projectProgress": {LIVE: 1, SANDBOX: 1}}


def test_every_subscription_of_the_schema_is_tried_here() -> None:
    subscriptions = contract().subscription_type
    assert subscriptions is not None
    assert subscriptions.fields.keys() == FOLLOWED.keys()


def broadcasts() -> list[Broadcast]:
    return [one for one in gc.get_objects() if type(one) is Broadcast and not one.ended]


async def all_live(count: int) -> None:
    """Wait until so many followers wait for the same as others."""

    async def are_live() -> bool:
        return sum(len(one._live) for one in broadcasts()) == count

    await eventually(are_live)


async def until_no_broadcasts() -> None:
    """Wait until the last follower's leaving has ended everything."""

    async def are_none() -> bool:
        return not broadcasts()

    await eventually(are_none)


def shown(told: dict[str, Any]) -> tuple[int, int]:
    """Return a project's last number and its energy, which differ from world to world."""
    (value,) = told.values()
    progress = value["project"]["progress"] if "project" in value else value
    return value["sequence"], progress["energyRaised"]


class Followers:
    """Two sockets of one actor that follow the same, or nobody's."""

    def __init__(self, actor: Actor | None, sockets: list[Socket]) -> None:
        self.environment = actor.environment if actor is not None else LIVE
        self.actor = actor
        self.sockets = sockets
        self.heard: list[Any] = []

    async def hear(self, count: int = 1) -> None:
        """Hear what each of them is told, which must be the same but for the time of a checkpoint."""
        for _ in range(count):
            told = [await socket.next() for socket in self.sockets]
            assert all(one == told[0] for one in told)
            self.heard.append(told[0])


async def follow(
    stack: AsyncExitStack, service: Running, actor: Actor | None, name: str, **variables: Any
) -> Followers:
    sockets = [await stack.enter_async_context(socket_of(service, actor)) for _ in range(2)]
    for socket in sockets:
        await socket.subscribe(FOLLOWED[name], **variables)
    return Followers(actor, sockets)


async def worlds(service: Running, app_partner: Actor, project: Project) -> dict[Environment, Client]:
    """Give once in the live world and twice in the sandbox, and return who gives there."""
    sandbox = Actor(app_partner.partner, await issue_key(app_partner.partner, SANDBOX), SANDBOX)
    clients = {LIVE: service.client(app_partner), SANDBOX: service.client(sandbox)}
    for number, client in enumerate(clients.values(), 1):
        await earned(client, ("u1", 2))
        for step in range(number):
            await donate(client, f"before-{step}", project, 10 * number)
    await sealed()
    return clients


@pytest.mark.parametrize("name", FOLLOWED)
async def test_an_event_is_executed_once_for_who_sees_the_same_and_nobody_is_sent_what_others_see(
    service: Running, app_partner: Actor, ngo: Actor, other_ngo: Actor, operator: Actor, name: str
) -> None:
    project = await add_project("shared", ngo, other_ngo)
    clients = await worlds(service, app_partner, project)
    same = Actor(ngo.partner, await issue_key(ngo.partner, LIVE))
    sandbox = Actor(ngo.partner, await issue_key(ngo.partner, SANDBOX), SANDBOX)
    actors: list[Actor | None] = [ngo, same, other_ngo, operator, sandbox]
    if name in PUBLIC:
        actors += [None, app_partner]
    async with AsyncExitStack() as stack:
        crowd = [await follow(stack, service, actor, name, project=project_id(project)) for actor in actors]
        await all_live(2 * len(crowd))
        # Two keys of one partner in one world are shown the same; all others might not be.
        assert len(broadcasts()) == len(crowd) - 1
        for followers in crowd:
            await followers.hear(BEFORE_LIVE[name][followers.environment])
        for environment, client in clients.items():
            await donate(client, "now", project, 7)
            for followers in crowd:
                if followers.environment is environment:
                    await followers.hear()

    for followers in crowd:
        donations = 2 if followers.environment is LIVE else 3
        assert shown(followers.heard[-1]) == (donations, 10 * (donations - 1) ** 2 + 7)
    await until_no_broadcasts()
    for followers in crowd:  # alone, it is told the same
        async with AsyncExitStack() as stack:
            after = {"after": followers.heard[-3][name]["cursor"]} if name == "donationUpdates" else {}
            alone = await follow(stack, service, followers.actor, name, project=project_id(project), **after)
            await alone.hear()
            assert alone.heard[-1] == followers.heard[-1]
