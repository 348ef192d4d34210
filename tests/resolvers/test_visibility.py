"""What is whose: partners, NGOs, the two worlds."""

from typing import Any

from tortoise.context import TortoiseContext

from api.access import Scope, issue_key
from api.models import Project
from tests.conftest import Actor, Running, add_project
from tests.resolvers.calls import (
    PROGRESS,
    UPDATES,
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

EVERYTHING = """{
  users { nodes { externalRef } }
  actions { nodes { user { externalRef } } }
  donations { nodes { amount } }
}"""


async def test_a_partner_app_does_not_see_another_apps_users_actions_and_donations(
    service: Running, app_partner: Actor, other_app: Actor, operator: Actor, project: Project
) -> None:
    maps, transit = service.client(app_partner), service.client(other_app)
    await earned(maps, ("u1", 1))
    await earned(transit, ("rider", 1))
    await donate(maps, "k", project, 10)
    await donate(transit, "k", project, 20, ref="rider")
    assert await maps(EVERYTHING) == {
        "users": {"nodes": [{"externalRef": "u1"}]},
        "actions": {"nodes": [{"user": {"externalRef": "u1"}}]},
        "donations": {"nodes": [{"amount": 10}]},
    }
    assert await transit(EVERYTHING) == {
        "users": {"nodes": [{"externalRef": "rider"}]},
        "actions": {"nodes": [{"user": {"externalRef": "rider"}}]},
        "donations": {"nodes": [{"amount": 20}]},
    }
    # The operator sees all, but knows no partner's names for people.
    assert await service.client(operator)(EVERYTHING) == {
        "users": {"nodes": [{"externalRef": None}, {"externalRef": None}]},
        "actions": {"nodes": [{"user": {"externalRef": None}}, {"user": {"externalRef": None}}]},
        "donations": {"nodes": [{"amount": 20}, {"amount": 10}]},
    }
    # Asking for another partner's with a filter finds nothing.
    other = (await maps('{ partner(slug: "transit") { id } }'))["partner"]["id"]
    filtered = """query ($partner: ID!) {
      actions(partnerId: $partner) { nodes { id } } donations(partnerId: $partner) { nodes { id } }
    }"""
    assert await maps(filtered, partner=other) == {"actions": {"nodes": []}, "donations": {"nodes": []}}


async def test_the_ngo_sees_a_donor_by_a_pseudonym_that_tells_nothing_elsewhere(
    service: Running, app_partner: Actor, ngo: Actor, other_ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    forest = await add_project("forest", other_ngo)
    await earned(app, ("u1", 3), ("u2", 1))
    for key, to, ref in (("a", project, "u1"), ("b", project, "u1"), ("c", forest, "u1"), ("d", project, "u2")):
        await donate(app, key, to, 10, ref=ref)
    seen = """{ donations(order: OLDEST) { nodes {
      amount donor project { code } partner { slug } user { id } fundedBy { amount }
    } } }"""
    at_waters = (await service.client(ngo)(seen))["donations"]["nodes"]
    at_forests = (await service.client(other_ngo)(seen))["donations"]["nodes"]
    assert [one["project"]["code"] for one in at_waters] == ["longwu"] * 3
    assert [one["project"]["code"] for one in at_forests] == ["forest"]
    assert [(one["user"], one["fundedBy"]) for one in [*at_waters, *at_forests]] == [(None, None)] * 4
    first, again, other = (one["donor"] for one in at_waters)
    assert first == again
    assert len({first, other, at_forests[0]["donor"]}) == 3
    # The pseudonym is the same wherever the donation is shown, and it is no part of the user's id.
    own = (await app(seen.replace("user { id }", "user { id externalRef }")))["donations"]["nodes"]
    assert [one["donor"] for one in own if one["project"]["code"] == "longwu"] == [first, again, other]
    assert own[0]["user"]["externalRef"] == "u1"
    assert first not in own[0]["user"]["id"]
    # An NGO may not turn a guess about a user into an answer.
    guess = "query ($user: ID!) { donations(userId: $user) { nodes { id } } }"
    assert await service.client(ngo)(guess, user=own[0]["user"]["id"]) == {"donations": {"nodes": []}}


async def test_the_sandbox_and_the_live_world_never_meet(
    service: Running, app_partner: Actor, sandbox: Actor, ngo: Actor, project: Project
) -> None:
    live, tests = service.client(app_partner), service.client(sandbox)
    await earned(live, ("u1", 1))
    await earned(tests, ("u1", 2), ("u2", 1))
    real = (await donate(live, "k", project, 10))["donation"]["id"]
    tried = (await donate(tests, "k", project, 500))["donation"]["id"]
    assert real != tried
    await sealed()
    state = """query ($project: ID!) {
      viewer { environment }
      users(order: OLDEST) { nodes { externalRef environment balance { available earned donated } } }
      actions { nodes { credited } }
      donations { nodes { amount event { sequence totalAfter } } }
      project(id: $project) { progress { energyRaised donations donors sequence } }
    }"""

    def world(name: str, people: list[tuple[str, int, int]], actions: int, donated: int) -> dict[str, Any]:
        return {
            "viewer": {"environment": name},
            "users": {
                "nodes": [
                    {
                        "externalRef": ref,
                        "environment": name,
                        "balance": {"available": earned - given, "earned": earned, "donated": given},
                    }
                    for ref, earned, given in people
                ]
            },
            "actions": {"nodes": [{"credited": 416}] * actions},
            "donations": {"nodes": [{"amount": donated, "event": {"sequence": 1, "totalAfter": donated}}]},
            "project": {"progress": {"energyRaised": donated, "donations": 1, "donors": 1, "sequence": 1}},
        }

    wanted = project_id(project)
    assert await live(state, project=wanted) == world("LIVE", [("u1", 416, 10)], 1, 10)
    assert await tests(state, project=wanted) == world("SANDBOX", [("u1", 832, 500), ("u2", 416, 0)], 3, 500)
    # Neither by id, nor by key, nor by reference does one lead into the other.
    crossing = """query ($real: ID!, $tried: ID!) {
      nodes(ids: [$real, $tried]) { id }
      landed: donation(idempotencyKey: "k", user: {externalRef: "u1"}) { id }
      only: user(by: {externalRef: "u2"}) { id }
    }"""
    mine = await live(crossing, real=real, tried=tried)
    assert mine == {"nodes": [{"id": real}, None], "landed": {"id": real}, "only": None}
    mine = await tests(crossing, real=real, tried=tried)
    assert (mine["nodes"], mine["landed"]) == ([None, {"id": tried}], {"id": tried})
    stranger = mine["only"]["id"]
    payload = await record(live, "by-id", legs=[trip(hour=20)])
    assert payload["errors"] == []
    by_id = "query ($id: ID!) { user(by: {id: $id}) { id } node(id: $id) { id } }"
    assert await live(by_id, id=stranger) == {"user": None, "node": None}
    # The NGO is told of the live donation alone, and so is everybody of the progress.
    async with socket_of(service, ngo) as socket:
        await socket.subscribe(UPDATES, projects=[wanted])
        assert [one.get("amount") for one in await socket.updates(2)] == [10, None]
    for actor, raised in ((None, 10), (sandbox, 500)):
        async with socket_of(service, actor) as socket:
            await socket.subscribe(PROGRESS, project=wanted)
            assert (await socket.next())["projectProgress"]["energyRaised"] == raised


async def test_a_user_of_the_sandbox_is_no_user_for_a_live_call(
    service: Running, app_partner: Actor, sandbox: Actor, project: Project
) -> None:
    live, tests = service.client(app_partner), service.client(sandbox)
    await earned(tests, ("u1", 1))
    person = (await tests("{ users { nodes { id } } }"))["users"]["nodes"][0]["id"]
    code = (await tests.send(ISSUE, user=user("u1")))["data"]["issueLinkCode"]["linkCode"]["code"]
    for document, variables in (
        (DONATE, {"user": {"id": person}, "project": project_id(project)}),
        (DONATE, {"user": user("u1"), "project": project_id(project)}),
        (ISSUE, {"user": {"id": person}}),
    ):
        payload = next(iter((await live(document, **variables)).values()))
        assert [error["__typename"] for error in payload["errors"]] == ["UserNotFound"]
    linked = await live(LINK, code=code)
    assert [error["__typename"] for error in linked["linkUser"]["errors"]] == ["LinkCodeInvalid"]


DONATE = """mutation ($user: UserBy!, $project: ID!) {
  donateEnergy(input: {idempotencyKey: "x", user: $user, projectId: $project, amount: {all: ALL}}) {
    errors { __typename }
  }
}"""
ISSUE = """mutation ($user: UserBy!) {
  issueLinkCode(input: {idempotencyKey: "y", user: $user}) { linkCode { code } errors { __typename } }
}"""
LINK = """mutation ($code: String!) {
  linkUser(input: {idempotencyKey: "z", code: $code, externalRef: "u9"}) { errors { __typename } }
}"""


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
    assert [error["extensions"]["code"] for error in partly["errors"]] == ["FORBIDDEN"]
    assert partly["data"] == {"users": {"nodes": [{"externalRef": "u1", "actions": None}]}}
    action = (await service.client(app_partner)("{ actions { nodes { id } } }"))["actions"]["nodes"][0]["id"]
    assert (await client("query ($id: ID!) { node(id: $id) { id } }", id=action)) == {"node": None}
