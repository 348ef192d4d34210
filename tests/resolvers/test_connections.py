"""Lists, page by page: whatever the page, together they are the whole list, each item once, in order."""

from itertools import pairwise
from typing import Any

from api.models import Project, decode_id, encode_id
from tests.conftest import Actor, Client, Running, add_partner, add_project
from tests.resolvers.calls import call, donate, earned, in_utc, project_id, record, trip

LISTS = ("actions", "users", "donations", "projects", "partners")
ARGUMENTS = "first: $first, after: $after, last: $last, before: $before, order: $order"
PAGE = "nodes { id } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"


def document(name: str) -> str:
    declared = "$first: Int, $after: String, $last: Int, $before: String, $order: ListOrder!"
    return f"query ({declared}) {{ {name}({ARGUMENTS}) {{ {PAGE} }} }}"


async def page(client: Client, name: str, order: str, **window: Any) -> dict[str, Any]:
    """Ask for a page, and see that its three ways to tell the items agree."""
    found: dict[str, Any] = (await client(document(name), order=order, **window))[name]
    ids = [one["id"] for one in found["nodes"]]
    assert [edge["node"]["id"] for edge in found["edges"]] == ids
    cursors = [edge["cursor"] for edge in found["edges"]]
    assert found["pageInfo"]["startCursor"] == (cursors[0] if cursors else None)
    assert found["pageInfo"]["endCursor"] == (cursors[-1] if cursors else None)
    return {**found["pageInfo"], "ids": ids}


async def pages(client: Client, name: str, order: str, size: int, *, from_end: bool) -> list[str]:
    """Walk a whole list, and see that each page knows whether there is more."""
    found: list[str] = []
    window: dict[str, Any] = {"last" if from_end else "first": size}
    while True:
        one = await page(client, name, order, **window)
        found = [*one["ids"], *found] if from_end else [*found, *one["ids"]]
        went, goes = ("hasNextPage", "hasPreviousPage") if from_end else ("hasPreviousPage", "hasNextPage")
        assert one[went] is (len(window) == 2)
        if not one[goes]:
            return found
        window["before" if from_end else "after"] = one["startCursor" if from_end else "endCursor"]


async def test_pages_put_together_are_the_whole_list_in_both_orders_from_both_ends(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)
    for number in range(5):
        await add_project(f"p{number}", ngo)
        await add_partner(f"partner-{number}")
    await earned(app, *((f"u{number}", 1) for number in range(7)))
    for number in range(7):
        await donate(app, "k", project, 1, ref=f"u{number}")
    for name, total in (("actions", 7), ("users", 7), ("donations", 7), ("projects", 6), ("partners", 7)):
        whole = (await page(app, name, "OLDEST", first=100))["ids"]
        assert len(whole) == total
        # Ids sort by time, so the oldest first is the order of ids.
        assert all(decode(a) < decode(b) for a, b in pairwise(whole))
        for order, expected in (("OLDEST", whole), ("NEWEST", whole[::-1])):
            for size in (1, 3, 100):
                assert await pages(app, name, order, size, from_end=False) == expected, (name, order, size)
                assert await pages(app, name, order, size, from_end=True) == expected, (name, order, size)
    # Between two cursors.
    whole = await page(app, "actions", "OLDEST", first=100)
    edges = [encode_id("cur", decode(one)[1]) for one in whole["ids"]]
    between = await page(app, "actions", "OLDEST", after=edges[1], before=edges[5], first=2)
    assert (between["ids"], between["hasNextPage"]) == (whole["ids"][2:4], True)
    between = await page(app, "actions", "NEWEST", after=edges[5], before=edges[1], last=2)
    assert (between["ids"], between["hasPreviousPage"]) == (whole["ids"][3:1:-1], True)


def decode(text: str) -> Any:
    decoded = decode_id(text)
    assert decoded is not None
    return decoded


async def test_a_list_that_grows_meanwhile_neither_skips_nor_repeats(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    await earned(app, *((f"u{number}", 1) for number in range(5)))
    whole = (await page(app, "actions", "NEWEST", first=100))["ids"]
    seen: list[str] = []
    window: dict[str, Any] = {"first": 2}
    while True:
        one = await page(app, "actions", "NEWEST", **window)
        seen += one["ids"]
        await record(app, f"new-{len(seen)}", ref="late", legs=[trip(hour=len(seen) + 1)])
        if not one["hasNextPage"]:
            break
        window["after"] = one["endCursor"]
    assert seen == whole
    # Oldest first, what was added lies ahead and is reached.
    walked = await pages(app, "actions", "OLDEST", 3, from_end=False)
    assert walked[:5] == whole[::-1]
    assert len(walked) == 8


async def test_a_window_that_makes_no_sense_is_refused(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    await earned(app, ("u1", 1))
    for window, message in (
        ({"first": 0}, "A page has 1 to 100 items."),
        ({"first": -1}, "A page has 1 to 100 items."),
        ({"first": 101}, "A page has 1 to 100 items."),
        ({"last": 0}, "A page has 1 to 100 items."),
        ({"last": 101}, "A page has 1 to 100 items."),
        ({"first": 1, "last": 1}, "Say first or last, not both."),
        ({"after": ""}, "The cursor is not one that this list has given out."),
        ({"after": "garbage"}, "The cursor is not one that this list has given out."),
        ({"before": "act_01h455vb4pex5vsknk084sn02q"}, "The cursor is not one that this list has given out."),
        ({"before": "cur_81h455vb4pex5vsknk084sn02q"}, "The cursor is not one that this list has given out."),
    ):
        answer = await app.send(document("actions"), order="NEWEST", **window)
        (error,) = answer["errors"]
        assert (error["message"], error["extensions"]["code"]) == (message, "BAD_USER_INPUT"), window
    # Every list has the same bounds.
    for other in LISTS:
        answer = await app.send(document(other), order="NEWEST", first=101)
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT", other
    assert len((await page(app, "actions", "NEWEST", first=100))["ids"]) == 1
    # A cursor outlives its row's place in the list: any moment of the list will do.
    assert (await page(app, "actions", "NEWEST", after="cur_00000000000000000000000000"))["ids"] == []


async def test_the_filters_of_actions_find_what_they_say(
    service: Running, app_partner: Actor, other_app: Actor, operator: Actor
) -> None:
    app = service.client(app_partner)
    made = {
        "bus": await record(app, "bus", ref="u1", legs=[trip(hour=8)]),
        "walk": await record(app, "walk", ref="u1", legs=[trip("WALK", 4_000, hour=12, kmh=5)]),
        "subway": await record(app, "subway", ref="u2", legs=[trip("SUBWAY", hour=16)]),
        "journey": await record(app, "journey", ref="u2", legs=[trip(hour=18), trip("SUBWAY", hour=20)]),
        "foreign": await record(service.client(other_app), "foreign", ref="rider", legs=[trip(hour=9)]),
    }
    await call(app, "reverseAction", idempotencyKey="void", actionId=made["bus"]["action"]["id"])
    names = {payload["action"]["id"]: name for name, payload in made.items()}
    person = (await app('{ user(by: {externalRef: "u1"}) { id } }'))["user"]["id"]
    mine = encode_id("ptn", app_partner.partner.id)
    theirs = encode_id("ptn", other_app.partner.id)
    listing = """query (
      $user: ID, $partner: ID, $type: String, $status: ActionStatus, $since: DateTime, $until: DateTime
    ) {
      actions(userId: $user, partnerId: $partner, type: $type, status: $status, since: $since, until: $until) {
        nodes { id }
      }
    }"""

    async def found(client: Client, **filters: Any) -> list[str]:
        return [names[one["id"]] for one in (await client(listing, **filters))["actions"]["nodes"]]

    started = trip("WALK", 4_000, hour=12, kmh=5)["startedAt"]
    for filters, expected in (
        ({}, ["journey", "subway", "walk", "bus"]),
        ({"user": person}, ["walk", "bus"]),
        ({"type": "SUBWAY"}, ["subway"]),
        ({"type": "JOURNEY"}, ["journey"]),
        ({"type": "ROCKET"}, []),
        ({"status": "REVERSED"}, ["bus"]),
        ({"status": "CAPPED"}, ["walk"]),
        ({"since": started}, ["journey", "subway", "walk"]),
        ({"since": in_utc(started)}, ["journey", "subway", "walk"]),
        ({"until": started}, ["bus"]),
        ({"since": started, "until": trip("SUBWAY", hour=16)["startedAt"]}, ["walk"]),
        ({"user": person, "type": "BUS", "status": "REVERSED"}, ["bus"]),
        ({"partner": mine}, ["journey", "subway", "walk", "bus"]),
        ({"partner": theirs}, []),
    ):
        assert await found(app, **filters) == expected, filters
    overseer = service.client(operator)
    assert await found(overseer) == ["foreign", "journey", "subway", "walk", "bus"]
    assert await found(overseer, partner=theirs) == ["foreign"]
    assert await found(overseer, user=person) == ["walk", "bus"]


async def test_the_filters_of_donations_and_projects_find_what_they_say(
    service: Running, app_partner: Actor, other_app: Actor, ngo: Actor, other_ngo: Actor, project: Project
) -> None:
    app, transit = service.client(app_partner), service.client(other_app)
    forest = await add_project("forest", other_ngo, ngo)
    await earned(app, ("u1", 1), ("u2", 1))
    await earned(transit, ("rider", 1))
    await donate(app, "a", project, 1, ref="u1")
    await donate(app, "b", forest, 2, ref="u1")
    await donate(app, "c", project, 3, ref="u2")
    await donate(transit, "d", project, 4, ref="rider")
    listing = """query ($user: ID, $partner: ID, $project: ID, $since: DateTime, $until: DateTime) {
      donations(userId: $user, partnerId: $partner, projectId: $project, since: $since, until: $until) {
        nodes { amount createdAt }
      }
    }"""

    async def amounts(client: Client, **filters: Any) -> list[int]:
        return [one["amount"] for one in (await client(listing, **filters))["donations"]["nodes"]]

    person = (await app('{ user(by: {externalRef: "u1"}) { id } }'))["user"]["id"]
    at = (await app(listing))["donations"]["nodes"][1]["createdAt"]
    assert await amounts(app) == [3, 2, 1]
    assert await amounts(app, user=person) == [2, 1]
    assert await amounts(app, project=project_id(forest)) == [2]
    assert await amounts(app, since=at) == [3, 2]
    assert await amounts(app, until=at) == [1]
    assert await amounts(app, partner=encode_id("ptn", other_app.partner.id)) == []
    waters, forests = service.client(ngo), service.client(other_ngo)
    assert await amounts(waters) == [4, 3, 2, 1]
    assert await amounts(waters, partner=encode_id("ptn", other_app.partner.id)) == [4]
    assert await amounts(waters, project=project_id(project)) == [4, 3, 1]
    assert await amounts(forests) == [2]
    assert await amounts(forests, project=project_id(project)) == []

    nested = """{ user(by: {externalRef: "u1"}) {
      actions { nodes { type } } donations(first: 1) { nodes { amount } }
      transfers { nodes { kind amount isCredit } }
    } }"""
    assert (await app(nested))["user"] == {
        "actions": {"nodes": [{"type": "BUS"}]},
        "donations": {"nodes": [{"amount": 2}]},
        "transfers": {
            "nodes": [
                {"kind": "DONATE", "amount": 2, "isCredit": False},
                {"kind": "DONATE", "amount": 1, "isCredit": False},
                {"kind": "EARN", "amount": 416, "isCredit": True},
            ]
        },
    }

    projects = """query ($partner: ID, $category: ProjectCategory, $status: ProjectStatus) {
      projects(partnerId: $partner, category: $category, status: $status) { nodes { code } }
    }"""
    nobody = service.client()
    for filters, codes in (
        ({}, ["longwu", "forest"]),
        ({"partner": encode_id("ptn", other_ngo.partner.id)}, ["forest"]),
        ({"partner": encode_id("ptn", app_partner.partner.id)}, []),
        ({"category": "WATER"}, ["longwu", "forest"]),
        ({"category": "EDUCATION"}, []),
        ({"status": "CLOSED"}, []),
    ):
        assert [one["code"] for one in (await nobody(projects, **filters))["projects"]["nodes"]] == codes, filters

    for argument in ("user", "partner", "project"):
        wrong = await app.send(listing, **{argument: "garbage"})
        assert wrong["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
