"""How many questions a document asks of the database: as many as it has lists, however long they are."""

import asyncio
import re
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from api.models import Project
from tests.conftest import Actor, Running, add_project, eventually
from tests.resolvers.calls import donate, earned, project_id, sealed
from tests.statements import counted

USER_PAGE = """query ($ref: String!, $n: Int!) { user(by: {externalRef: $ref}) {
  id createdAt externalRef balance { available }
  actions(first: $n) { nodes { id type quantity startedAt credited status } pageInfo { hasNextPage } }
  donations(first: $n) { nodes { id amount createdAt project { id code name { zh en } } } pageInfo { endCursor } }
} }"""
BY_ID = (
    USER_PAGE.replace("$ref: String!, $n: Int!", "$id: ID!").replace("externalRef: $ref", "id: $id").replace("$n", "5")
)
PROJECTS = """query ($n: Int!) { projects(first: $n) { nodes {
  id code name { en } organisations { role partner { id slug name { en } } } progress { energyRaised }
} } }"""
PROJECT = "query ($id: ID!) { project(id: $id) { id code status } }"
USERS = """query ($n: Int!) { users(first: $n) { nodes {
  externalRef balance { available earned donated }
  actions(first: $n) { nodes { partner { slug } user { externalRef } calculation { credited } } }
  donations(first: $n) { nodes { status reversedAt donor project { code } event { sequence } } }
  transfers(first: $n) { nodes { amount } }
} } }"""
LISTS = re.compile(r"\b(action a|transfer t)\b")
#: A key costs its look-up, and that it was used is written down once a minute.
AUTHENTICATION = re.compile("api_key")


def asked(statements: list[str]) -> list[str]:
    return [one for one in statements if not AUTHENTICATION.search(one)]


@pytest.fixture
async def used(service: Running, app_partner: Actor, project: Project, ngo: Actor) -> Running:
    """A service in which two users have each recorded three trips and donated twice, to two projects."""
    forest = await add_project("forest", ngo)
    client = service.client(app_partner)
    await earned(client, ("u1", 3), ("u2", 3))
    for ref in ("u1", "u2"):
        await donate(client, f"{ref}-a", project, 10, ref=ref)
        await donate(client, f"{ref}-b", forest, 20, ref=ref)
    await sealed()  # or the sealer's statements would be counted, and numbers come while answers are compared
    return service


@pytest.mark.parametrize("n", [1, 2, 50])
async def test_the_page_of_a_user_is_four_statements_whatever_its_size(
    used: Running, db: TortoiseContext, app_partner: Actor, n: int
) -> None:
    with counted(db) as statements:
        page = await used.client(app_partner)(USER_PAGE, ref="u1", n=n)
    assert len(page["user"]["actions"]["nodes"]) == min(n, 3)
    assert len(page["user"]["donations"]["nodes"]) == min(n, 2)
    assert len(asked(statements)) == 4


async def test_the_lists_of_a_user_are_asked_for_together_with_the_user(
    used: Running, db: TortoiseContext, app_partner: Actor, other_app: Actor
) -> None:
    page = await used.client(app_partner)(USER_PAGE, ref="u1", n=5)
    stranger = used.client(other_app)
    await stranger(BY_ID, id=page["user"]["id"])
    with counted(db) as statements:  # it is compiled now that it comes again
        assert await stranger(BY_ID, id=page["user"]["id"]) == {"user": None}

        async def are_asked_for() -> bool:
            return len([one for one in asked(statements) if LISTS.search(one)]) == 2

        # In vain for whoever may not see the user. And nothing could have come: they ask for what is the partner's own.
        await eventually(are_asked_for)

    for ids in ("usr_00000000000000000000000000", "", page["user"]["id"]):
        nobody = used.client()
        for _ in range(2):
            with counted(db) as statements:
                await nobody.send(BY_ID, id=ids)
        assert not asked(statements)


@pytest.mark.parametrize("n", [1, 50])
async def test_a_list_of_projects_with_their_partners_is_three_statements(
    used: Running, db: TortoiseContext, n: int
) -> None:
    with counted(db) as statements:
        page = await used.client()(PROJECTS, n=n)
    assert len(page["projects"]["nodes"]) == min(n, 2)
    assert len(asked(statements)) == 3


async def test_a_project_is_one_statement(used: Running, db: TortoiseContext, project: Project) -> None:
    with counted(db) as statements:
        assert (await used.client()(PROJECT, id=project_id(project)))["project"]["code"] == "longwu"
    assert len(asked(statements)) == 1


async def test_users_with_all_that_is_theirs_are_as_many_statements_for_one_as_for_many(
    used: Running, db: TortoiseContext, app_partner: Actor
) -> None:
    counts = []
    for n in (1, 2):
        with counted(db) as statements:
            page = await used.client(app_partner)(USERS, n=n)
        assert len(page["users"]["nodes"]) == n
        counts.append(len(asked(statements)))
    assert counts[0] == counts[1] <= 13


async def test_requests_of_the_same_moment_share_their_statements_and_not_their_answers(
    used: Running, db: TortoiseContext, app_partner: Actor, other_app: Actor, operator: Actor
) -> None:
    transit = used.client(other_app)
    await earned(transit, ("u1", 2), ("rider", 1))
    await sealed()
    calls: list[tuple[Actor, str, dict[str, Any]]] = [
        *((actor, USER_PAGE, {"ref": ref, "n": 5}) for actor in (app_partner, other_app) for ref in ("u1", "u2")),
        *((actor, USERS, {"n": 5}) for actor in (app_partner, other_app, operator)),
    ]
    with counted(db) as statements:
        alone = [await used.client(actor)(document, **given) for actor, document, given in calls]
    assert [page["user"] is None for page in alone[:4]] == [False, False, False, True]
    assert alone[0] != alone[2]
    one_by_one = len(asked(statements))

    for _ in range(3):
        with counted(db) as statements:
            together = await asyncio.gather(
                *(used.client(actor)(document, **given) for actor, document, given in calls * 4)
            )
        assert together == alone * 4
        assert len(asked(statements)) < 4 * one_by_one
