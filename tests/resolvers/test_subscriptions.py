"""What an NGO hears: all of it, in order, once, also when its socket drops."""

from datetime import timedelta
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from api.models import ApiKey, Project, encode_id, new_id
from api.schema.event import write_cursor
from api.settings import Settings
from tests.conftest import Actor, Running, add_project, serving
from tests.resolvers.calls import (
    PROGRESS,
    UPDATES,
    call,
    donate,
    earned,
    project_id,
    sealed,
    socket_of,
)


def short(updates: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Tell the updates apart: an event by sequence and amount, a checkpoint by its positions."""
    return [
        ("checkpoint", *(position["sequence"] for position in one["positions"]))
        if one["__typename"] == "Checkpoint"
        else (one["sequence"], one["amount"])
        for one in updates
    ]


async def test_the_backlog_comes_first_then_a_checkpoint_then_each_donation_as_it_is_made(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 3))
    for grams in (10, 20):
        await donate(app, f"k{grams}", project, grams)
    await sealed()
    async with socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=[project_id(project)])
        assert short(await socket.updates(3)) == [(1, 10), (2, 20), ("checkpoint", 2)]
        donation = (await donate(app, "k30", project, 30))["donation"]["id"]
        assert short(await socket.updates(1)) == [(3, 30)]
        await call(app, "reverseDonation", idempotencyKey="r", donationId=donation)
        (reversal,) = await socket.updates(1)
        assert (reversal["kind"], reversal["donationId"]) == ("DONATION_REVERSED", donation)
        assert (reversal["sequence"], reversal["amount"], reversal["totalAfter"]) == (4, 30, 30)


async def test_a_quiet_subscription_is_sent_checkpoints(
    db: TortoiseContext, url: str, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    settings = Settings(database_url=url, checkpoint=timedelta(seconds=1))
    async with serving(settings, db) as service, socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=[project_id(project)])
        assert short(await socket.updates(3)) == [("checkpoint", 0)] * 3
        app = service.client(app_partner)
        await earned(app, ("u1", 1))
        await donate(app, "k", project, 10)
        heard = await socket.updates(1)
        while heard[-1]["__typename"] == "Checkpoint":
            heard += await socket.updates(1)
        assert short(heard)[-1] == (1, 10)
        assert short(await socket.updates(1)) == [("checkpoint", 1)]


async def test_who_drops_and_comes_back_hears_each_event_once_in_order(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 5))
    second = await add_project("second", ngo)
    projects = [project_id(project), project_id(second)]
    heard: list[dict[str, Any]] = []
    cursor: str | None = None
    for round_number in range(10):
        async with socket_of(service, ngo) as socket:
            await socket.subscribe(UPDATES, projects=projects, after=cursor)
            for step in range(4):
                key = f"k{round_number}-{step}"
                await donate(app, key, (project, second)[step % 2], 1 + round_number * 4 + step)
            # Drop somewhere in the middle: after one, two or three messages, and whatever was on its way is lost.
            for update in await socket.updates(1 + round_number % 3):
                heard.append(update)
                cursor = update["cursor"]
            socket.drop()
    await sealed()
    async with socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=projects, after=cursor)
        while True:
            (update,) = await socket.updates(1)
            heard.append(update)
            if update["__typename"] == "Checkpoint" and all(one["sequence"] == 20 for one in update["positions"]):
                break
    events = [one for one in heard if one["__typename"] == "DonationEvent"]
    for wanted, first in (projects[0], 1), (projects[1], 2):
        mine = [one for one in events if one["projectId"] == wanted]
        assert [one["sequence"] for one in mine] == list(range(1, 21))
        assert [one["amount"] for one in mine] == list(range(first, 41, 2))
        assert [one["totalAfter"] for one in mine] == [
            sum(range(first, amount + 1, 2)) for amount in range(first, 41, 2)
        ]


async def test_a_subscription_may_begin_with_what_happens_next(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 1))
    second = await add_project("second", ngo)
    await donate(app, "old", project, 10)
    await donate(app, "old-2", second, 11)
    await sealed()
    async with socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=[project_id(project)], startAt="LATEST")
        (checkpoint,) = await socket.updates(1)
        assert short([checkpoint]) == [("checkpoint", 1)]
        await donate(app, "new", project, 20)
        (event,) = await socket.updates(1)
        assert short([event]) == [(2, 20)]
    # A project that the cursor does not know begins where `startAt` says; one that it knows goes on.
    for start, expected in (
        ("LATEST", [(2, 20), ("checkpoint", 2, 1)]),
        ("BEGINNING", [(2, 20), (1, 11), ("checkpoint", 2, 1)]),
    ):
        async with socket_of(service, ngo) as socket:
            projects = [project_id(project), project_id(second)]
            await socket.subscribe(UPDATES, projects=projects, after=checkpoint["cursor"], startAt=start)
            assert short(await socket.updates(len(expected))) == expected


async def test_a_subscription_that_cannot_be_served_says_why(
    service: Running, ngo: Actor, other_ngo: Actor, app_partner: Actor, project: Project, operator: Actor
) -> None:
    foreign = await add_project("foreign", other_ngo)
    mine = project_id(project)
    ahead = write_cursor({project.id: 1})
    cases: list[tuple[Actor | None, dict[str, Any], str]] = [
        (ngo, {"projects": [mine], "after": "garbage"}, "BAD_CURSOR"),
        (ngo, {"projects": [mine], "after": ""}, "BAD_CURSOR"),
        (ngo, {"projects": [mine], "after": "x" * 100_000}, "BAD_CURSOR"),
        (ngo, {"projects": [mine], "after": ahead}, "BAD_CURSOR"),
        (ngo, {"projects": [project_id(foreign)]}, "FORBIDDEN"),
        (ngo, {"projects": [mine, project_id(foreign)]}, "FORBIDDEN"),
        (ngo, {"projects": [encode_id("prj", new_id())]}, "FORBIDDEN"),
        (operator, {"projects": [encode_id("prj", new_id())]}, "FORBIDDEN"),
        (ngo, {"projects": []}, "BAD_USER_INPUT"),
        (ngo, {"projects": [encode_id("prj", new_id()) for _ in range(51)]}, "BAD_USER_INPUT"),
        (ngo, {"projects": ["longwu"]}, "BAD_USER_INPUT"),
        (ngo, {"projects": [mine], "startAt": "NOON"}, "BAD_USER_INPUT"),
        (app_partner, {"projects": [mine]}, "FORBIDDEN"),
        (None, {"projects": [mine]}, "UNAUTHENTICATED"),
    ]
    for actor, variables, code in cases:
        async with socket_of(service, actor) as socket:
            await socket.subscribe(UPDATES, **variables)
            (error,) = await socket.refusal()
            assert error["extensions"]["code"] == code, variables
            # The socket lives on.
            await socket.subscribe("{ viewer { environment } }")
            assert await socket.next() == {"viewer": {"environment": "LIVE"}}
    async with socket_of(service, operator) as socket:
        await socket.subscribe(UPDATES, projects=[mine, project_id(foreign)])
        assert short(await socket.updates(1)) == [("checkpoint", 0, 0)]


async def test_the_progress_of_a_project_is_told_to_anybody_as_it_changes(
    service: Running, app_partner: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 1), ("u2", 1))
    base = {"projectId": project_id(project)}
    async with socket_of(service, None) as socket:
        await socket.subscribe(PROGRESS, project=project_id(project))
        nothing = {"energyRaised": 0, "donations": 0, "donors": 0, "sequence": 0}
        assert (await socket.next())["projectProgress"] == base | nothing
        for number, (ref, grams) in enumerate((("u1", 10), ("u1", 20), ("u2", 30))):
            await donate(app, f"k{number}", project, grams, ref=ref)
            told = (await socket.next())["projectProgress"]
            assert told == base | {
                "energyRaised": (10, 30, 60)[number],
                "donations": number + 1,
                "donors": (1, 1, 2)[number],
                "sequence": number + 1,
            }
    for wanted, code in ((encode_id("prj", new_id()), "NOT_FOUND"), ("garbage", "BAD_USER_INPUT")):
        async with socket_of(service, None) as socket:
            await socket.subscribe(PROGRESS, project=wanted)
            (error,) = await socket.refusal()
            assert error["extensions"]["code"] == code


async def test_a_socket_with_a_key_that_is_no_good_is_closed_with_the_reason(service: Running, ngo: Actor) -> None:
    wrong = Actor(ngo.partner, ngo.key[:-1] + ("a" if ngo.key[-1] != "a" else "b"))
    with pytest.raises(Exception, match="4403"):
        async with socket_of(service, wrong):
            pass
    key = await ApiKey.get(id=ngo.key.split("_")[1])
    assert key.revoked_at is None
