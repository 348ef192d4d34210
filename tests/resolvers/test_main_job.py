"""The main job, as two partners' programs live it: HTTP in, a WebSocket out."""

from typing import Any

from gql import Client as GqlClient
from gql import gql
from gql.transport.websockets import WebsocketsTransport
from graphql import GraphQLSchema

from api.models import Project
from tests.conftest import Actor, Running
from tests.resolvers.calls import (
    UPDATES,
    call,
    contract,
    donate,
    earned,
    energy,
    in_utc,
    project_id,
    record,
    sealed,
    trip,
    user,
)

TRACE = """
query ($donation: ID!, $action: ID!) {
  donation(id: $donation) {
    amount status donor user { externalRef } partner { slug } project { code } event { sequence totalAfter }
    fundedBy { amount action { id } }
  }
  action(id: $action) { spentOn { amount returned project { code } donation { id } } }
}
"""
LANDED = """
query ($key: String!, $ref: String!) { donation(idempotencyKey: $key, user: {externalRef: $ref}) { id status } }
"""


def empty_balance(**grams: int) -> dict[str, int]:
    return {"available": 0, "earned": 0, "donated": 0} | grams


async def test_a_trip_becomes_energy_a_donation_and_news_for_the_ngo(
    service: Running, app_partner: Actor, ngo: Actor, project: Project
) -> None:
    app = service.client(app_partner)

    # A trip: 8,000 m by bus.
    recorded = await record(app, "trip-1", externalRef="t-1")
    assert (recorded["errors"], recorded["replayed"]) == ([], False)
    assert recorded["balance"] == empty_balance(available=416, earned=416)
    trip_1 = recorded["action"]["id"]
    shown = await app(
        """query ($id: ID!) { action(id: $id) {
          type quantity startedAt endedAt status credited externalRef user { externalRef } partner { slug }
          actionType { code unit }
          calculation { rounding emissionReduction capApplied credited legs {
            type quantity unit formula baselineEmissions projectEmissions emissionReduction capRemaining credited
            factor { methodology baselineKind baselineMg projectMg per }
          } }
        } }""",
        id=trip_1,
    )
    assert shown["action"] == {
        "type": "BUS",
        "quantity": 8_000,
        "startedAt": in_utc(trip()["startedAt"]),
        "endedAt": in_utc(trip()["endedAt"]),
        "status": "CREDITED",
        "credited": 416,
        "externalRef": "t-1",
        "user": {"externalRef": "u1"},
        "partner": {"slug": "maps"},
        "actionType": {"code": "BUS", "unit": "METRE"},
        "calculation": {
            "rounding": "FLOOR_EACH_LEG",
            "emissionReduction": 416,
            "capApplied": False,
            "credited": 416,
            "legs": [
                {
                    "type": "BUS",
                    "quantity": 8_000,
                    "unit": "METRE",
                    "formula": "floor(quantity x (104,000 - 52,000) mg per passenger-km / (1,000 x 1,000 mg per g))",
                    "baselineEmissions": 832,
                    "projectEmissions": 416,
                    "emissionReduction": 416,
                    "capRemaining": 3_900,
                    "credited": 416,
                    "factor": {
                        "methodology": "BJ-2024",
                        "baselineKind": "MODAL_AVERAGE",
                        "baselineMg": 104_000,
                        "projectMg": 52_000,
                        "per": "passenger-km",
                    },
                }
            ],
        },
    }
    trip_2 = (await record(app, "trip-2", legs=[trip(hour=12)]))["action"]["id"]

    # The NGO listens with a client of the shelf while 500 of the 832 grams are donated.
    transport = WebsocketsTransport(
        url=service.websocket_address, init_payload=ngo.headers, subprotocols=["graphql-transport-ws"]
    )
    heard: list[dict[str, Any]] = []
    schema: GraphQLSchema = contract()
    async with GqlClient(transport=transport, schema=schema) as session:
        request = gql(UPDATES)
        request.variable_values = {"projects": [project_id(project)]}
        async for result in session.subscribe(request):
            heard.append(result["donationUpdates"])
            if len(heard) == 1:  # the checkpoint after an empty backlog
                donated = await donate(app, "gift-1", project, 500)
            elif len(heard) == 2:
                break
    donation = donated["donation"]["id"]
    assert donated["balance"] == empty_balance(available=332, earned=832, donated=500)
    assert [one["__typename"] for one in heard] == ["Checkpoint", "DonationEvent"]
    event = heard[1]
    donor = event.pop("donor")
    assert len(donor) == 20
    event.pop("cursor")
    assert event == {
        "__typename": "DonationEvent",
        "kind": "DONATION",
        "sequence": 1,
        "donationId": donation,
        "projectId": project_id(project),
        "amount": 500,
        "totalAfter": 500,
        "project": {"code": "longwu"},
    }

    # The grams are traced both ways.
    traced = await app(TRACE, donation=donation, action=trip_2)
    assert traced["donation"] == {
        "amount": 500,
        "status": "DONATED",
        "donor": donor,
        "user": {"externalRef": "u1"},
        "partner": {"slug": "maps"},
        "project": {"code": "longwu"},
        "event": {"sequence": 1, "totalAfter": 500},
        "fundedBy": [{"amount": 416, "action": {"id": trip_1}}, {"amount": 84, "action": {"id": trip_2}}],
    }
    assert traced["action"]["spentOn"] == [
        {"amount": 84, "returned": False, "project": {"code": "longwu"}, "donation": {"id": donation}}
    ]

    # Did my call land?
    assert (await app(LANDED, key="gift-1", ref="u1"))["donation"] == {"id": donation, "status": "DONATED"}
    assert (await app(LANDED, key="gift-2", ref="u1"))["donation"] is None
    assert (await app(LANDED, key="trip-1", ref="u1"))["donation"] is None

    # The donation is taken back, then the trip.
    back = await call(app, "reverseDonation", idempotencyKey="back-1", donationId=donation)
    assert back["donation"] == {"id": donation, "amount": 500, "status": "REVERSED"}
    assert back["balance"] == empty_balance(available=832, earned=832)
    void = await call(app, "reverseAction", idempotencyKey="void-1", actionId=trip_1)
    assert (void["action"]["status"], void["action"]["takenBack"]) == ("REVERSED", 416)
    assert void["balance"] == empty_balance(available=416, earned=416)
    await sealed()
    assert (await app('{ project(code: "longwu") { progress { energyRaised donations donors sequence } } }'))[
        "project"
    ]["progress"] == {"energyRaised": 0, "donations": 0, "donors": 0, "sequence": 2}
    traced = await app(TRACE, donation=donation, action=trip_2)
    assert traced["donation"]["status"] == "REVERSED"
    assert traced["action"]["spentOn"][0]["returned"] is True


def item(number: int, **changed: Any) -> dict[str, Any]:
    """Return an action of many: 100 users, ten bus trips each, of which nine fill the day's cap of 3,900 g."""
    return {"user": user(f"u{number % 100}"), "legs": [trip(hour=6 + number // 100)]} | changed


async def test_a_bad_item_never_stops_the_other_999(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    await record(app, "before", ref="u1", legs=[trip(hour=20)])
    bad = {
        0: (item(0, legs=[trip("ROCKET")]), "ActionTypeNotFound"),
        1: (item(1, legs=[]), "InvalidInput"),
        250: (item(250, user={"id": "usr_nobody"}), "UserNotFound"),
        333: (item(333, legs=[trip("WALK", 4_000, kmh=40)]), "ImplausibleSpeed"),
        500: (item(500, idempotencyKey="x" * 129), "InvalidInput"),
        601: (item(601, legs=[trip(hour=20)]), "ActionOverlaps"),
        700: (item(700, externalRef="x" * 129), "InvalidInput"),
        999: (item(999, legs=[trip(days_ago=8)]), "ActionTooOld"),
    }
    actions = [bad[number][0] if number in bad else item(number) for number in range(1_000)]

    payload = await call(app, "recordActions", idempotencyKey="day", actions=actions)

    assert payload["errors"] == []
    refused = {number: one["errors"][0]["__typename"] for number, one in enumerate(payload["results"]) if one["errors"]}
    assert refused == {number: code for number, (_, code) in bad.items()}
    # Each is decided by itself, so which of a user's ten trips meets the day's cap is not said.
    credited = [one["action"] and one["action"]["credited"] for one in payload["results"]]
    assert sorted(credited[42::100]) == [156] + [416] * 9
    assert {one["replayed"] for one in payload["results"]} == {False}

    before = await energy()
    again = await call(app, "recordActions", idempotencyKey="day", actions=actions)
    assert await energy() == before
    assert [one["action"] and one["action"]["id"] for one in again["results"]] == [
        one["action"] and one["action"]["id"] for one in payload["results"]
    ]
    # What was refused for its form was never stored: it is looked at again.
    assert {number for number, one in enumerate(again["results"]) if not one["replayed"]} == {1, 250, 500, 700}


async def test_a_person_carries_energy_from_one_partner_to_another(
    service: Running, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    maps, transit = service.client(app_partner), service.client(other_app)
    await earned(maps, ("u1", 2))

    issued = await call(maps, "issueLinkCode", idempotencyKey="code", user=user("u1"))
    code = issued["linkCode"]["code"]
    linked = await call(transit, "linkUser", idempotencyKey="link", code=code.lower(), externalRef="rider-9")
    assert linked["user"]["externalRef"] == "rider-9"
    assert linked["balance"] == empty_balance(available=832, earned=832)

    # One user, one balance: the second partner donates what the first one recorded.
    donated = await donate(transit, "gift", project, 500, ref="rider-9")
    assert donated["balance"] == empty_balance(available=332, earned=832, donated=500)
    seen = """query ($id: ID!, $ref: String!) {
      user(by: {externalRef: $ref}) { id balance { available } } node(id: $id) { id }
    }"""
    donation = donated["donation"]["id"]
    by_maps = await maps(seen, id=donation, ref="u1")
    by_transit = await transit(seen, id=donation, ref="rider-9")
    assert by_maps["user"] == by_transit["user"]
    # Each partner's own doings stay its own.
    assert (by_maps["node"], by_transit["node"]) == (None, {"id": donation})
    funded = await transit("query ($id: ID!) { donation(id: $id) { fundedBy { amount action { id } } } }", id=donation)
    assert funded["donation"]["fundedBy"] == [{"amount": 416, "action": None}, {"amount": 84, "action": None}]
    spent = await maps("{ actions(order: OLDEST) { nodes { spentOn { amount donation { id } project { code } } } } }")
    assert [one["spentOn"] for one in spent["actions"]["nodes"]] == [
        [{"amount": 416, "donation": None, "project": {"code": "longwu"}}],
        [{"amount": 84, "donation": None, "project": {"code": "longwu"}}],
    ]
    # The first partner forgets the user: the energy stays with the second, and the first sees no more of it.
    forgotten = await call(maps, "unlinkUser", idempotencyKey="bye", user=user("u1"))
    assert (forgotten["unlinkedId"], forgotten["balance"]) == (by_maps["user"]["id"], None)
    after = await maps('{ user(by: {externalRef: "u1"}) { id } actions { nodes { user { balance { available } } } } }')
    assert after == {"user": None, "actions": {"nodes": [{"user": None}, {"user": None}]}}
    assert (await transit(seen, id=donation, ref="rider-9"))["user"]["balance"] == {"available": 332}
