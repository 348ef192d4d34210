"""Recording and reversing actions: each refusal with its facts, repetitions, conflicts."""

from datetime import timedelta
from typing import Any

import pytest
from tortoise.context import TortoiseContext

from api.models import now
from api.models.database import is_sqlite
from tests.conftest import Actor, Running, leg
from tests.resolvers.calls import (
    assert_refused,
    at_hour,
    call,
    donate,
    energy,
    in_utc,
    record,
    refusal,
    trip,
    user,
    written,
)


async def test_each_rule_of_an_action_refuses_with_its_facts(
    service: Running, app_partner: Actor, other_app: Actor
) -> None:
    app = service.client(app_partner)
    await record(app, "known", externalRef="t-1", legs=[trip(hour=9)])
    await record(app, "walked", legs=[trip("WALK", 20_000, hour=12, kmh=8)])
    foreign = (await record(service.client(other_app), "foreign", ref="rider"))["action"]["id"]
    stranger = (await service.client(other_app)("query ($id: ID!) { action(id: $id) { user { id } } }", id=foreign))[
        "action"
    ]["user"]["id"]
    future = leg("BUS", 8_000, now() + timedelta(hours=1), kmh=40)
    walk_at_40 = trip("WALK", 4_000, hour=15, kmh=40)
    in_no_time = {**trip(hour=15), "startedAt": (at_hour(15) - timedelta(microseconds=1)).isoformat()}
    table: list[tuple[dict[str, Any], dict[str, Any], bool]] = [
        ({"legs": [trip("ROCKET")]}, refusal("ActionTypeNotFound", "legs.0.type", type="ROCKET"), True),
        (
            {"legs": [trip("WALK", 1_000, hour=15, kmh=5)], "methodology": "DESNZ-2026"},
            refusal("FactorNotFound", "legs.0.type", type="WALK", methodology="DESNZ-2026"),
            True,
        ),
        ({"legs": [walk_at_40]}, refusal("ImplausibleSpeed", "legs.0", type="WALK", speedKmh=40, speedKmhMax=8), True),
        (
            {"legs": [in_no_time]},
            refusal("ImplausibleSpeed", "legs.0", type="BUS", speedKmh=1_000_000, speedKmhMax=60),
            True,
        ),
        (
            {"legs": [trip(hour=14), trip("WALK", 20_001, hour=18, kmh=8)]},
            refusal("ImplausibleQuantity", "legs.1.quantity", type="WALK", quantity=20_001, quantityMax=20_000),
            True,
        ),
        (
            {"legs": [trip("WALK", 10_001, hour=15, kmh=8)]},
            refusal(
                "DailyQuantityExceeded",
                "legs.0.quantity",
                type="WALK",
                quantity=10_001,
                remaining=10_000,
                quantityDayMax=30_000,
            ),
            True,
        ),
        ({"legs": [trip(hour=9.1)]}, refusal("ActionOverlaps", "legs.0"), True),
        (
            {"legs": [trip(hour=15)], "externalRef": "t-1"},
            refusal("ExternalRefUsed", "externalRef", externalRef="t-1"),
            True,
        ),
        ({"user": {"id": stranger}, "legs": [trip(hour=15)]}, refusal("UserNotFound", "user"), False),
        ({"user": {"id": "usr_garbage"}, "legs": [trip(hour=15)]}, refusal("UserNotFound", "user"), False),
        (
            {"legs": []},
            refusal("InvalidInput", "legs", reason="An action has 1 to 20 legs, not 0."),
            False,
        ),
        (
            {"legs": [trip(hour=1)] * 21},
            refusal("InvalidInput", "legs", reason="An action has 1 to 20 legs, not 21."),
            False,
        ),
        (
            {"legs": [trip(hour=15), trip(hour=14)]},
            refusal("InvalidInput", "legs.1.startedAt", reason="Legs follow one another and do not overlap."),
            False,
        ),
        (
            {"legs": [{**trip(), "quantity": 0}]},
            refusal("InvalidInput", "legs.0.quantity", reason="A quantity is a whole number of at least 1."),
            False,
        ),
        (
            {"legs": [{**trip(), "endedAt": trip()["startedAt"]}]},
            refusal("InvalidInput", "legs.0.endedAt", reason="A leg ends after it starts."),
            False,
        ),
        *(
            (
                {"legs": [trip(hour=15)], **given},
                refusal("InvalidInput", path, reason="Expected 1 to 128 printable characters."),
                False,
            )
            for given, path in (
                ({"idempotencyKey": ""}, "idempotencyKey"),
                ({"idempotencyKey": "x" * 129}, "idempotencyKey"),
                ({"idempotencyKey": "line\nbreak"}, "idempotencyKey"),
                ({"externalRef": ""}, "externalRef"),
                ({"externalRef": "x" * 129}, "externalRef"),
                ({"user": user("x" * 129)}, "user.externalRef"),
                ({"user": user("")}, "user.externalRef"),
            )
        ),
    ]
    for number, (given, expected, stored) in enumerate(table):
        full = {"idempotencyKey": f"key-{number}", "user": user("u1"), **given}
        payload = await assert_refused(app, "recordAction", full, expected, stored=stored)
        balance = {"available": 712, "earned": 712, "donated": 0} if stored else None
        assert payload["balance"] == balance, expected

    # Those that depend on the clock tell the moments.
    before = await energy()
    late = await record(app, "late", legs=[written(future)])
    (error,) = late["errors"]
    assert (error["__typename"], error["retryable"], error["path"]) == (
        "ActionInFuture",
        True,
        ["legs", "0", "endedAt"],
    )
    assert error["endedAt"] == in_utc(future.ended_at.isoformat())
    assert error["receivedAt"] < error["endedAt"]
    again = await record(app, "late", legs=[written(future)])
    assert (again["replayed"], again["errors"]) == (True, [error])
    old = await record(app, "old", legs=[trip(days_ago=8)])
    (error,) = old["errors"]
    assert (error["__typename"], error["retryable"], error["path"]) == ("ActionTooOld", False, ["legs", "0", "endedAt"])
    assert error["endedAt"] == in_utc(trip(days_ago=8)["endedAt"]) < error["earliest"]
    assert await energy() == before


async def test_an_action_is_recorded_once_for_its_key(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    first = await record(app, "k", externalRef="t-1")
    again = await record(app, "k", externalRef="t-1")
    assert (again["replayed"], again["errors"]) == (True, [])
    assert (again["action"], again["balance"]) == (first["action"], first["balance"])

    # The same moment in another offset is the same body; anything else is not.
    leg_in_utc = {name: in_utc(value) if name.endswith("At") else value for name, value in trip().items()}
    assert (await record(app, "k", externalRef="t-1", legs=[leg_in_utc]))["replayed"] is True
    before = await energy()
    changes: tuple[dict[str, Any], ...] = (
        {"legs": [trip(quantity=8_001)]},
        {"legs": [trip(hour=9.01)]},
        {"legs": [trip("SUBWAY")]},
        {"externalRef": "t-2"},
        {"externalRef": None},
        {"methodology": "DESNZ-2026"},
    )
    for changed in changes:
        payload = await record(app, "k", **{"externalRef": "t-1", **changed})
        (error,) = payload["errors"]
        assert (error["__typename"], error["code"], error["path"]) == (
            "IdempotencyConflict",
            "IDEMPOTENCY_CONFLICT",
            ["idempotencyKey"],
        )
        assert (error["key"], error["retryable"], payload["replayed"]) == ("k", False, False)
        assert error["firstUsedAt"].endswith("Z")
        assert payload["balance"]["available"] == 416
    assert await energy() == before


async def test_a_capped_action_says_what_the_cap_left(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    first = await record(app, "1", legs=[trip("WALK", 2_000, hour=9, kmh=5)])
    second = await record(app, "2", legs=[trip("WALK", 2_000, hour=12, kmh=5)])
    third = await record(app, "3", legs=[trip("WALK", 2_000, hour=15, kmh=5)])
    assert [(one["action"]["status"], one["action"]["credited"]) for one in (first, second, third)] == [
        ("CREDITED", 208),
        ("CAPPED", 88),
        ("CAPPED", 0),
    ]
    assert third["action"]["calculation"] == {"emissionReduction": 208}
    assert third["balance"] == {"available": 296, "earned": 296, "donated": 0}


async def test_a_journey_is_one_action_with_a_line_for_each_leg(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    legs = [trip("WALK", 500, hour=8, kmh=5), trip("SUBWAY", 10_000, hour=9), trip("BICYCLE", 1_500, hour=10, kmh=15)]
    await record(app, "journey", legs=legs)
    shown = await app(
        "{ actions { nodes { type quantity credited actionType { code } calculation { legs { type credited } } } } }"
    )
    assert shown["actions"]["nodes"] == [
        {
            "type": "JOURNEY",
            "quantity": 12_000,
            "credited": 52 + 720 + 142,
            "actionType": None,
            "calculation": {
                "legs": [
                    {"type": "WALK", "credited": 52},
                    {"type": "SUBWAY", "credited": 720},
                    {"type": "BICYCLE", "credited": 142},
                ]
            },
        }
    ]


async def test_an_action_is_reversed_once_and_only_by_its_partner(
    service: Running, app_partner: Actor, other_app: Actor, project: Any
) -> None:
    app, other = service.client(app_partner), service.client(other_app)
    action = (await record(app, "k"))["action"]["id"]
    other_action = (await record(app, "k2", legs=[trip(hour=12)]))["action"]["id"]
    await donate(app, "gift", project, 100)
    not_found = refusal("ActionNotFound", "actionId")
    for client, wanted in (
        (other, action),
        (app, "act_garbage"),
        (app, action.replace("act_", "don_")),
        (app, "act_00000000000000000000000000"),
    ):
        given = {"idempotencyKey": "r", "actionId": wanted}
        await assert_refused(client, "reverseAction", given, not_found, stored=False)
    given = {"idempotencyKey": "", "actionId": action}
    bad_key = refusal("InvalidInput", "idempotencyKey", reason="Expected 1 to 128 printable characters.")
    await assert_refused(app, "reverseAction", given, bad_key, stored=False)

    # 100 of the 416 g are spent and stay with the project; 316 g are taken back.
    reversed_ = await call(app, "reverseAction", idempotencyKey="r", actionId=action)
    assert (reversed_["action"]["status"], reversed_["action"]["takenBack"]) == ("REVERSED", 316)
    assert reversed_["balance"] == {"available": 416, "earned": 516, "donated": 100}
    again = await call(app, "reverseAction", idempotencyKey="r", actionId=action)
    assert (again["replayed"], again["action"]) == (True, reversed_["action"])
    given = {"idempotencyKey": "r2", "actionId": action}
    await assert_refused(app, "reverseAction", given, refusal("AlreadyReversed", "actionId"))
    conflict = await call(app, "reverseAction", idempotencyKey="r", actionId=other_action)
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]
    # A key belongs to one operation.
    conflict = await call(app, "reverseAction", idempotencyKey="k", actionId=other_action)
    assert [error["__typename"] for error in conflict["errors"]] == ["IdempotencyConflict"]


async def test_an_estimate_is_what_recording_gives_and_records_nothing(service: Running, app_partner: Actor) -> None:
    app, nobody = service.client(app_partner), service.client()
    await record(app, "k", legs=[trip("WALK", 2_000, hour=9, kmh=5)])
    before = await energy()
    estimate = """query ($legs: [LegInput!]!, $user: UserBy, $methodology: String) {
      estimateAction(legs: $legs, user: $user, methodology: $methodology) {
        calculation { credited capApplied legs { capRemaining } } errors { __typename ... on UserError { path } }
      }
    }"""
    walk = [trip("WALK", 2_000, hour=15, kmh=5)]
    alone = (await nobody(estimate, legs=walk))["estimateAction"]
    assert alone == {
        "calculation": {"credited": 208, "capApplied": False, "legs": [{"capRemaining": 296}]},
        "errors": [],
    }
    after_the_first = (await app(estimate, legs=walk, user=user("u1")))["estimateAction"]
    assert after_the_first["calculation"] == {"credited": 88, "capApplied": True, "legs": [{"capRemaining": 88}]}
    for client, given, kind, path in (
        (app, {"legs": walk, "user": user("nobody")}, "UserNotFound", ["user"]),
        (nobody, {"legs": walk, "user": user("u1")}, "UserNotFound", ["user"]),
        (nobody, {"legs": [trip("ROCKET")]}, "ActionTypeNotFound", ["legs", "0", "type"]),
        (nobody, {"legs": walk, "methodology": "DESNZ-2026"}, "FactorNotFound", ["legs", "0", "type"]),
        (nobody, {"legs": [trip("WALK", 2_000, kmh=9)]}, "ImplausibleSpeed", ["legs", "0"]),
        (nobody, {"legs": [trip("WALK", 20_001, kmh=5)]}, "ImplausibleQuantity", ["legs", "0", "quantity"]),
        (nobody, {"legs": [trip(days_ago=9)]}, "ActionTooOld", ["legs", "0", "endedAt"]),
        (nobody, {"legs": [trip(days_ago=-2)]}, "ActionInFuture", ["legs", "0", "endedAt"]),
        (nobody, {"legs": []}, "InvalidInput", ["legs"]),
        (
            app,
            {"legs": [trip("WALK", 14_000 - hour, hour=hour, kmh=8) for hour in (3, 6)] + walk, "user": user("u1")},
            "DailyQuantityExceeded",
            ["legs", "2", "quantity"],
        ),
    ):
        answer = (await client(estimate, **given))["estimateAction"]
        assert answer == {"calculation": None, "errors": [{"__typename": kind, "path": path}]}
    assert await energy() == before


POISON = {
    True: [
        "CREATE TRIGGER poison BEFORE INSERT ON action WHEN NEW.external_ref = 'poison' "
        "BEGIN SELECT RAISE(ABORT, 'poisoned'); END"
    ],
    False: [
        "CREATE FUNCTION poison() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'poisoned'; END $$",
        "CREATE TRIGGER poison BEFORE INSERT ON action FOR EACH ROW WHEN (NEW.external_ref = 'poison') "
        "EXECUTE FUNCTION poison()",
    ],
}


async def test_a_fault_with_one_item_leaves_the_others_standing_and_is_masked(
    service: Running, app_partner: Actor, db: TortoiseContext, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = service.client(app_partner)
    for statement in POISON[is_sqlite(url)]:
        await db.db().execute_script(statement)
    items = [{"user": user(ref), "legs": [trip()], "externalRef": ref} for ref in ("a", "poison", "b")]

    payload = await call(app, "recordActions", idempotencyKey="k", actions=items)

    assert [one["balance"] and one["balance"]["available"] for one in payload["results"]] == [416, None, 416]
    (error,) = payload["results"][1]["errors"]
    message = error.pop("message")
    assert message.startswith("Something unexpected happened.")
    assert "poisoned" not in message
    assert error == refusal("TemporaryFailure", retryable=True)
    assert "poisoned" in caplog.text
    assert len((await energy())["actions"]) == 2

    # Nothing was stored under its key: once the fault is gone the same call goes through.
    await db.db().execute_script("DROP TRIGGER poison" if is_sqlite(url) else "DROP TRIGGER poison ON action")
    again = await call(app, "recordActions", idempotencyKey="k", actions=items)
    assert [one["replayed"] for one in again["results"]] == [True, False, True]
    assert [one["errors"] for one in again["results"]] == [[], [], []]


async def test_a_bulk_call_has_bounds_of_its_own(service: Running, app_partner: Actor) -> None:
    app = service.client(app_partner)
    item = {"user": user("u1"), "legs": [trip()]}
    before = await energy()
    reason = "Expected 1 to 124 characters, which leaves room for the index of an item."
    for given, expected in (
        ({"idempotencyKey": "", "actions": [item]}, refusal("InvalidInput", "idempotencyKey", reason=reason)),
        ({"idempotencyKey": "x" * 125, "actions": [item]}, refusal("InvalidInput", "idempotencyKey", reason=reason)),
        (
            {"idempotencyKey": "k", "actions": []},
            refusal("InvalidInput", "actions", reason="One call records 1 to 1,000 actions, not 0."),
        ),
        (
            {"idempotencyKey": "k", "actions": [item] * 1_001},
            refusal("InvalidInput", "actions", reason="One call records 1 to 1,000 actions, not 1,001."),
        ),
    ):
        payload = await call(app, "recordActions", **given)
        assert payload["results"] == []
        (error,) = payload["errors"]
        assert error.pop("message") == error["reason"]
        assert error == expected
    assert await energy() == before

    # Keys of items are keys of single calls: an item can be sent again in another call, or alone.
    await call(app, "recordActions", idempotencyKey="x" * 124, actions=[item | {"idempotencyKey": "own"}])
    alone = await record(app, "own")
    assert (alone["replayed"], alone["balance"]["available"]) == (True, 416)


async def test_a_reference_of_the_sandbox_is_free_in_the_live_world(
    service: Running, app_partner: Actor, sandbox: Actor
) -> None:
    tried = await record(service.client(sandbox), "k", externalRef="t-1")
    real = await record(service.client(app_partner), "k", externalRef="t-1")
    assert (tried["errors"], real["errors"]) == ([], [])
    assert tried["action"]["id"] != real["action"]["id"]
