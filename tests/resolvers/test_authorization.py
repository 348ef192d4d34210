"""Who may call what: each root field by each kind of caller. A field that is not in the table fails the test."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from api.access import Scope, issue_key
from api.models import Project, now
from tests.conftest import Actor, Running
from tests.resolvers.calls import (
    call,
    contract,
    donate,
    earned,
    energy,
    mutation,
    project_id,
    record,
    sealed,
    socket_of,
    trip,
    user,
)

YES, NONE, WHO, NO = "yes", "none", "UNAUTHENTICATED", "FORBIDDEN"


@dataclass(frozen=True)
class Row:
    """What each kind of caller gets; for a wrong key it is always UNAUTHENTICATED."""

    nobody: str
    app: str
    other_app: str
    sandbox: str
    ngo: str
    other_ngo: str
    operator: str


#: In this order: what one caller of a mutation changes, the next one finds.
CALLERS = ("nobody", "sandbox", "ngo", "other_ngo", "operator", "other_app", "app")
ALL = Row(YES, YES, YES, YES, YES, YES, YES)
OWNED_BY_APP = Row(WHO, YES, NONE, NONE, NO, NO, YES)
DONATED = Row(WHO, YES, NONE, NONE, YES, NONE, YES)

QUERIES: dict[str, tuple[str, Row]] = {
    "viewer": ("{ viewer { environment } }", ALL),
    "actionTypes": ("{ actionTypes { code } }", ALL),
    "estimateAction": ("query ($legs: [LegInput!]!) { estimateAction(legs: $legs) { calculation { credited } } }", ALL),
    "partners": ("{ partners { nodes { id } } }", ALL),
    "partner": ('{ partner(slug: "maps") { id } }', ALL),
    "projects": ("{ projects { nodes { id } } }", ALL),
    "project": ('{ project(code: "longwu") { id } }', ALL),
    "node": ("query ($donation: ID!) { node(id: $donation) { id } }", Row(NONE, YES, NONE, NONE, YES, NONE, YES)),
    "nodes": ("query ($action: ID!) { nodes(ids: [$action]) { id } }", Row(NONE, YES, NONE, NONE, NONE, NONE, YES)),
    "user": ("query ($user: ID!) { user(by: {id: $user}) { id } }", OWNED_BY_APP),
    "users": ("{ users { nodes { id } } }", OWNED_BY_APP),
    "action": ("query ($action: ID!) { action(id: $action) { id } }", OWNED_BY_APP),
    "actions": ("{ actions { nodes { id } } }", OWNED_BY_APP),
    "donation": ("query ($donation: ID!) { donation(id: $donation) { id } }", DONATED),
    "donations": ("{ donations { nodes { id } } }", DONATED),
    "errorCatalog": ("{ errorCatalog { code } }", ALL),
    "auditLog": ("{ auditLog { nodes { id } } }", Row(WHO, NO, NO, NO, NO, NO, YES)),
}

#: In this order too: the code that `linkUser` redeems was issued by the app.
MUTATIONS: dict[str, Row] = {
    "reverseAction": Row(WHO, YES, "ActionNotFound", "ActionNotFound", NO, NO, NO),
    "reverseDonation": Row(WHO, YES, "DonationNotFound", "DonationNotFound", NO, NO, NO),
    "donateEnergy": Row(WHO, YES, "UserNotFound", "UserNotFound", NO, NO, NO),
    "createUserToken": Row(WHO, YES, "UserNotFound", "UserNotFound", NO, NO, NO),
    "issueLinkCode": Row(WHO, YES, "UserNotFound", "UserNotFound", NO, NO, NO),
    "linkUser": Row(WHO, "LinkCodeInvalid", YES, "LinkCodeInvalid", NO, NO, NO),
    "unlinkUser": Row(WHO, "LastLink", YES, "UserNotFound", NO, NO, NO),
    "recordAction": Row(WHO, YES, YES, YES, NO, NO, NO),
    "recordActions": Row(WHO, YES, YES, YES, NO, NO, NO),
    "advanceSandboxClock": Row(WHO, "SandboxOnly", "SandboxOnly", YES, "SandboxOnly", "SandboxOnly", "SandboxOnly"),
}
#: Those that leave users, actions and energy as they are.
WITHOUT_ENERGY = {"createUserToken", "advanceSandboxClock"}

SUBSCRIPTIONS: dict[str, tuple[str, Row]] = {
    "donationUpdates": (
        "subscription ($project: ID!) { donationUpdates(projectIds: [$project]) { __typename } }",
        Row(WHO, NO, NO, NO, YES, NO, YES),
    ),
    "projectProgress": (
        "subscription ($project: ID!) { projectProgress(projectId: $project) { sequence } }",
        ALL,
    ),
}


def outcome(answer: Mapping[str, Any]) -> str:
    """Tell what an answer with one root field comes to."""
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    (value,) = answer["data"].values()
    if isinstance(value, dict) and value.get("errors"):
        return str(value["errors"][0]["__typename"])
    if isinstance(value, dict) and "nodes" in value:
        value = value["nodes"]
    return YES if value and value != [None] else NONE


def test_every_root_field_is_in_the_table() -> None:
    schema = contract()
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    assert schema.subscription_type is not None
    assert set(QUERIES) == set(schema.query_type.fields)
    assert set(MUTATIONS) == set(schema.mutation_type.fields)
    assert set(SUBSCRIPTIONS) == set(schema.subscription_type.fields)


@dataclass(frozen=True)
class World:
    """A user with an action and a donation of the app's, and everybody who may ask for them."""

    service: Running
    actors: dict[str, Actor | None]
    wrong: Actor
    ids: dict[str, Any]


@pytest.fixture
async def world(  # noqa: PLR0917 - a world has many people
    service: Running,
    app_partner: Actor,
    other_app: Actor,
    sandbox: Actor,
    ngo: Actor,
    other_ngo: Actor,
    operator: Actor,
    project: Project,
) -> World:
    client = service.client(app_partner)
    await earned(client, ("u1", 2))
    donation = (await donate(client, "gift", project, 100))["donation"]["id"]
    await sealed()
    code = (await call(client, "issueLinkCode", idempotencyKey="first", user=user("u1")))["linkCode"]["code"]
    found = await client("{ actions(order: OLDEST) { nodes { id user { id } } } }")
    action = found["actions"]["nodes"][0]
    ids = {
        "user": action["user"]["id"],
        "action": action["id"],
        "donation": donation,
        "project": project_id(project),
        "legs": [trip()],
        "code": code,
    }
    actors: dict[str, Actor | None] = {
        "nobody": None,
        "app": app_partner,
        "other_app": other_app,
        "sandbox": sandbox,
        "ngo": ngo,
        "other_ngo": other_ngo,
        "operator": operator,
    }
    return World(service, actors, Actor(app_partner.partner, f"{app_partner.key[:-5]}wrong"), ids)


async def test_each_caller_reads_what_the_table_says(world: World) -> None:
    expected = {f"{name} by {one}": getattr(row, one) for name, (_, row) in QUERIES.items() for one in CALLERS}
    before = await energy()
    got = {
        f"{name} by {one}": outcome(await world.service.client(world.actors[one]).send(document, **world.ids))
        for name, (document, _) in QUERIES.items()
        for one in CALLERS
    }
    assert got == expected
    for document, _ in QUERIES.values():
        body = {"query": document, "variables": world.ids}
        answer = await world.service.http.post("/graphql", json=body, headers=world.wrong.headers)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="graphql"')
        assert outcome(answer.json()) == WHO
    assert await energy() == before


def given(name: str, caller: str, ids: dict[str, Any]) -> dict[str, Any]:
    """Return the input of a mutation about what is the app's."""
    person = {"id": ids["user"]}
    fields: dict[str, dict[str, Any]] = {
        "reverseAction": {"actionId": ids["action"]},
        "reverseDonation": {"donationId": ids["donation"]},
        "donateEnergy": {"user": person, "projectId": ids["project"], "amount": {"grams": 1}},
        "createUserToken": {"user": person, "scopes": ["actions:read"]},
        "issueLinkCode": {"user": person},
        "linkUser": {"code": ids["code"], "externalRef": "linked"},
        "unlinkUser": {"user": person},
        "recordAction": {"user": user("new"), "legs": ids["legs"]},
        "recordActions": {"actions": [{"user": user("newer"), "legs": ids["legs"]}]},
        "advanceSandboxClock": {"to": (now() + timedelta(minutes=1)).isoformat()},
    }
    return {"idempotencyKey": f"{name} {caller}", **fields[name]}


async def test_each_caller_does_what_the_table_says_and_a_denied_call_changes_nothing(world: World) -> None:
    expected = {f"{name} by {one}": getattr(row, one) for name, row in MUTATIONS.items() for one in CALLERS}
    got = {}
    for name in MUTATIONS:
        for one in CALLERS:
            before = await energy()
            client = world.service.client(world.actors[one])
            answer = outcome(await client.send(mutation(name), input=given(name, one, world.ids)))
            got[f"{name} by {one}"] = answer
            has_effect = answer == YES and name not in WITHOUT_ENERGY
            assert (await energy() != before) is has_effect, f"{name} by {one}: {answer}"
        before = await energy()
        body = {"query": mutation(name), "variables": {"input": given(name, "wrong", world.ids)}}
        refused = await world.service.http.post("/graphql", json=body, headers=world.wrong.headers)
        assert (refused.status_code, outcome(refused.json())) == (401, WHO)
        assert await energy() == before
    assert got == expected


async def test_each_caller_follows_what_the_table_says(world: World) -> None:
    expected = {f"{name} by {one}": getattr(row, one) for name, (_, row) in SUBSCRIPTIONS.items() for one in CALLERS}
    got = {}
    for name, (document, _) in SUBSCRIPTIONS.items():
        for one in CALLERS:
            async with socket_of(world.service, world.actors[one]) as socket:
                await socket.subscribe(document, project=world.ids["project"])
                message = await socket.receive()
                payload = message["payload"]
                answer = {"errors": payload} if message["type"] == "error" else payload
                got[f"{name} by {one}"] = outcome(answer)
    assert got == expected


async def test_a_key_opens_no_more_than_its_scopes(service: Running, app_partner: Actor, db: TortoiseContext) -> None:
    await record(service.client(app_partner), "k")
    reader = Actor(app_partner.partner, await issue_key(app_partner.partner, scopes={Scope.USERS_READ}))
    client = service.client(reader)
    people = await client("{ users { nodes { id externalRef balance { available } } } viewer { scopes } }")
    assert people["viewer"] == {"scopes": ["users:read"]}
    (person,) = people["users"]["nodes"]
    assert (person["externalRef"], person["balance"]) == ("u1", {"available": 416})
    before = await energy()
    denied = await client.send(mutation("recordAction"), input={"idempotencyKey": "k2", "user": user("u1"), "legs": []})
    (error,) = denied["errors"]
    assert error["extensions"]["requiredScopes"] == ["actions:write"]
    assert error["message"] == "Your key lacks the scope actions:write."
    assert await energy() == before
    # Below the roots too: what needs another scope is refused, and the rest of the answer stands.
    partly = await client.send("{ users { nodes { externalRef actions { nodes { id } } } } }")
    assert [error["extensions"]["code"] for error in partly["errors"]] == [NO]
    assert partly["data"] == {"users": {"nodes": [{"externalRef": "u1", "actions": None}]}}
    action = (await service.client(app_partner)("{ actions { nodes { id } } }"))["actions"]["nodes"][0]["id"]
    assert (await client("query ($id: ID!) { node(id: $id) { id } }", id=action)) == {"node": None}
