"""From a trip to grams: the methodology's numbers, what is plausible, and what is refused and remembered."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from api.ledger import Ledger, Leg, Outcome, Recording, UserBy
from api.ledger.actions import RecordAction
from api.ledger.errors import (
    ActionInFuture,
    ActionNotFound,
    ActionOverlaps,
    ActionTooOld,
    ActionTypeNotFound,
    AlreadyReversed,
    DailyQuantityExceeded,
    ExternalRefUsed,
    FactorNotFound,
    ImplausibleQuantity,
    ImplausibleSpeed,
    InvalidInput,
    Refusal,
    UserNotFound,
)
from api.ledger.reference import Catalogue
from api.models import (
    NOBODY,
    Account,
    Action,
    ActionCategory,
    ActionStatus,
    ActionType,
    EmissionFactor,
    Environment,
    QuantityUnit,
    ScenarioChannel,
    Transfer,
    TransferKind,
    new_id,
    now,
)
from tests.conftest import Actor, leg, open_ledger
from tests.ledger.rows import all_rows, receipts

BEIJING_TIME = ZoneInfo("Asia/Shanghai")
#: When every call of these tests arrives.
NOON = datetime(2026, 6, 5, 12, 0, tzinfo=BEIJING_TIME)
DEFAULT = "BJ-2024"


def trip(kind: str, metres: int, start: str = "08:00", minutes: float = 30, *, day: int = 5) -> Leg:
    """A leg that starts at a time of the day in June 2026, in Beijing."""
    started_at = datetime.fromisoformat(f"2026-06-{day:02}T{start}").replace(tzinfo=BEIJING_TIME)
    return Leg(type=kind, quantity=metres, started_at=started_at, ended_at=started_at + timedelta(minutes=minutes))


def action(key: str, *legs: Leg, ref: str | None = None, methodology: str | None = None) -> Recording:
    return Recording(user=UserBy(external_ref="lin"), key=key, legs=legs, external_ref=ref, methodology=methodology)


async def record(ledger: Ledger, actor: Actor, *recordings: Recording, at: datetime = NOON) -> list[Outcome]:
    outcomes = []
    for outcome in await ledger.record(actor.partnership, recordings, at=at):
        assert isinstance(outcome, Outcome), outcome
        outcomes.append(outcome)
    return outcomes


async def recorded(ledger: Ledger, actor: Actor, *recordings: Recording, at: datetime = NOON) -> list[Action]:
    """Record what must be accepted."""
    outcomes = await record(ledger, actor, *recordings, at=at)
    assert [outcome.refusal for outcome in outcomes] == [None] * len(outcomes)
    ids = [outcome.result_id for outcome in outcomes if outcome.result_id]
    rows = await Action.by_ids(ids)
    return [rows[one] for one in ids]


def facts(refusal: Refusal | None) -> dict[str, Any]:
    assert refusal is not None
    return {name: value for name, value in vars(refusal).items() if not name.startswith("_")}


def test_a_fingerprint_is_what_it_has_always_been() -> None:
    """Or an old key would be a conflict where it was a repetition."""
    started_at = datetime(2026, 6, 5, 8, 0, 0, 250_000, tzinfo=BEIJING_TIME)
    bus = Leg("BUS", 8_000, started_at, started_at + timedelta(minutes=30))
    walk = Leg("WALK", 500, bus.ended_at, bus.ended_at + timedelta(minutes=10))

    order = RecordAction(
        environment=Environment.LIVE,
        partner_id=NOBODY,
        user_id=NOBODY,
        key="of no account",
        at=NOON,
        legs=(bus, walk),
        external_ref="步",
        methodology=DEFAULT,
        catalogue=Catalogue(),
        zone=BEIJING_TIME,
    )

    assert order.fingerprint == "ba3336320ff258302d40386ec19387328f8199203bc211480ae2568ef847643a"


# --- the methodology --------------------------------------------------------------------------------------------------


WORKED_VALUES = [
    ("BUS", 8_000, DEFAULT, 416),
    ("SUBWAY", 8_000, DEFAULT, 576),
    ("BICYCLE", 8_000, DEFAULT, 762),
    ("E_BIKE", 8_000, DEFAULT, 726),
    ("WALK", 2_000, DEFAULT, 208),
    ("BUS", 19, DEFAULT, 0),
    ("BUS", 20, DEFAULT, 1),
    ("BUS", 8_000, "DESNZ-2025", 507),
    ("BUS", 8_000, "DESNZ-2026", 515),
    ("SUBWAY", 10_000, "DESNZ-2025", 1_394),
    ("SUBWAY", 10_000, "DESNZ-2026", 1_504),
]


async def test_a_trip_gives_the_whole_grams_of_its_methodology(ledger: Ledger, app_partner: Actor) -> None:
    for kind, metres, methodology, grams in WORKED_VALUES:
        one = action("one", trip(kind, metres), methodology=methodology)
        (row,) = await recorded(
            ledger, app_partner, replace(one, user=UserBy(external_ref=f"{kind} {metres} {methodology}"))
        )

        (line,) = row.calculation["lines"]
        assert (row.credited_g, row.reduction_g, row.status) == (grams, grams, ActionStatus.CREDITED)
        assert (line["credited_g"], line["reduction_g"], line["methodology"]) == (grams, grams, methodology)
        account = (await Account.by_ids([row.user_id]))[row.user_id]
        assert (account.credited, account.debited, account.held, account.available) == (grams, 0, 0, grams)
        moved = [(one.kind, one.amount_g, one.action_id) for one in await Transfer.filter(user_id=row.user_id)]
        assert moved == ([(TransferKind.EARN, grams, row.id)] if grams else [])


async def test_each_leg_is_rounded_down_by_itself(ledger: Ledger, app_partner: Actor) -> None:
    one, two = trip("BUS", 999, "08:00", 10), trip("BUS", 999, "08:10", 10)
    whole = trip("BUS", 1_998, "09:00", 20)

    in_two, in_one = await recorded(ledger, app_partner, action("two", one, two), action("one", whole))

    assert (in_two.credited_g, in_one.credited_g) == (51 + 51, 103)
    assert [line["credited_g"] for line in in_two.calculation["lines"]] == [51, 51]
    assert in_two.type == "BUS"
    assert in_two.calculation["rounding"] == "FLOOR_EACH_LEG"


async def test_a_journey_in_several_modes_is_one_action_with_a_line_for_each_leg(
    ledger: Ledger, app_partner: Actor
) -> None:
    legs = trip("WALK", 500, "08:00", 10), trip("SUBWAY", 10_000, "08:15", 20), trip("BUS", 2_000, "08:40", 10)

    (row,) = await recorded(ledger, app_partner, action("journey", *legs))

    assert (row.type, row.quantity, row.credited_g) == ("JOURNEY", 12_500, 52 + 720 + 104)
    assert (row.started_at, row.ended_at) == (legs[0].started_at, legs[-1].ended_at)
    lines = [(line["type"], line["credited_g"]) for line in row.calculation["lines"]]
    assert lines == [("WALK", 52), ("SUBWAY", 720), ("BUS", 104)]


async def test_a_calculation_can_be_checked_with_what_it_says_itself(ledger: Ledger, app_partner: Actor) -> None:
    (row,) = await recorded(ledger, app_partner, action("one", trip("BUS", 8_000)))

    (line,) = row.calculation["lines"]
    assert line["formula"] == "floor(quantity x (104,000 - 52,000) mg per passenger-km / (1,000 x 1,000 mg per g))"
    assert (line["baseline_mg"], line["project_mg"]) == (832_000, 416_000)
    assert (line["factor_baseline_mg"], line["factor_project_mg"], line["per_quantity"]) == (104_000, 52_000, 1_000)
    assert (line["unit"], line["per_label"], line["baseline_kind"]) == ("METRE", "passenger-km", "MODAL_AVERAGE")
    assert line["source"].startswith("Beijing low-carbon travel methodology")
    assert (line["cap_remaining_g"], line["grams_day_max"]) == (3_900, 3_900)


async def test_the_calculation_says_the_same_when_it_was_just_made_as_when_it_is_read(
    ledger: Ledger, app_partner: Actor
) -> None:
    legs = trip("WALK", 2_000, "06:00"), trip("BUS", 2_000, "06:30"), trip("WALK", 2_000, "07:00")

    (outcome,) = await record(ledger, app_partner, action("journey", *legs))

    assert outcome.result_id is not None
    read = (await Action.by_ids([outcome.result_id]))[outcome.result_id]
    assert outcome.row.calculation == read.calculation
    for line, one in zip(read.calculation["lines"], legs, strict=True):
        assert (line["type"], line["quantity"]) == (one.type, one.quantity)
        assert (line["started_at"], line["ended_at"]) == (one.started_at.isoformat(), one.ended_at.isoformat())


async def test_an_action_keeps_its_factor_when_a_new_one_is_published(url: str, app_partner: Actor) -> None:
    async with open_ledger(url) as ledger:
        (before,) = await recorded(ledger, app_partner, action("before", trip("BUS", 8_000, "08:00")))
    old = await EmissionFactor.get(methodology=DEFAULT, action_type="BUS")
    new = {column: getattr(old, column) for column in EmissionFactor._meta.db_fields}
    new |= {"id": new_id(), "project_mg": 54_000, "valid_from": trip("BUS", 1, "09:00").started_at}
    await EmissionFactor.create(**new)

    async with open_ledger(url) as ledger:
        late, early = await recorded(
            ledger,
            app_partner,
            action("late", trip("BUS", 8_000, "09:00")),
            action("early", trip("BUS", 8_000, "08:30", 29.9)),
        )

    kept = (await Action.by_ids([before.id]))[before.id]
    assert (kept.credited_g, kept.calculation) == (416, before.calculation)
    assert (early.credited_g, early.calculation["lines"][0]["factor_id"]) == (416, str(old.id))
    assert (late.credited_g, late.calculation["lines"][0]["factor_id"]) == (400, str(new["id"]))


async def test_an_estimate_is_what_the_action_then_gives_and_records_nothing(
    ledger: Ledger, app_partner: Actor
) -> None:
    ended_at = now() - timedelta(days=1)  # an estimate reads the clock
    walks = [leg("WALK", 2_000, ended_at, kmh=5), leg("WALK", 2_000, ended_at - timedelta(seconds=1_500), kmh=5)]
    lin = UserBy(external_ref="lin")
    await ledger.register(app_partner.partnership, lin)

    for walk in walks:
        rows = await all_rows()
        estimate = await ledger.estimate(app_partner.partnership, [walk], lin, None)
        assert await all_rows() == rows
        anonymous = await ledger.estimate(None, [walk], None, None)
        (row,) = await recorded(ledger, app_partner, action(str(walk.started_at), walk), at=now())
        assert (estimate.credited_g, estimate.calculation) == (row.credited_g, row.calculation)
        assert (anonymous.credited_g, anonymous.reduction_g) == (208, 208)

    assert await receipts() == 2


async def test_an_estimate_is_refused_as_the_action_would_be(ledger: Ledger, app_partner: Actor) -> None:
    for wrong, refusal in [
        (trip("WALK", 10_000, "08:00", 15), ImplausibleSpeed),
        (trip("CAR", 10), ActionTypeNotFound),
        (trip("BUS", 0), InvalidInput),
        (trip("BUS\0", 10), InvalidInput),
        (_moved(trip("BUS", 10), timedelta(days=-400)), ActionTooOld),
        (_moved(trip("BUS", 10), timedelta(days=36_500)), ActionInFuture),
    ]:
        with pytest.raises(refusal):
            await ledger.estimate(None, [wrong], None, None)
    with pytest.raises(UserNotFound):
        await ledger.estimate(app_partner.partnership, [leg("BUS", 10, now(), kmh=30)], UserBy(id=new_id()), None)


def _moved(leg: Leg, by: timedelta) -> Leg:
    return replace(leg, started_at=leg.started_at + by, ended_at=leg.ended_at + by)


# --- what is refused --------------------------------------------------------------------------------------------------

REFUSED: dict[str, tuple[Sequence[Leg], Sequence[Leg], type[Refusal], dict[str, Any]]] = {
    "a walk at 40 km/h": (
        [],
        [trip("WALK", 10_000, "08:00", 15)],
        ImplausibleSpeed,
        {"path": ("legs", "0"), "type": "WALK", "speed_kmh": 40, "speed_kmh_max": 8},
    ),
    "a second leg that is too fast": (
        [],
        [trip("BUS", 8_000, "08:00"), trip("BICYCLE", 10_000, "08:30", 10)],
        ImplausibleSpeed,
        {"path": ("legs", "1"), "type": "BICYCLE", "speed_kmh": 60, "speed_kmh_max": 30},
    ),
    "a trip that ends in the future": (
        [],
        [trip("BUS", 8_000, "11:45")],
        ActionInFuture,
        {
            "path": ("legs", "0", "endedAt"),
            "ended_at": trip("BUS", 1, "12:15").started_at,
            "received_at": NOON,
        },
    ),
    "a trip that ended a second before the reporting window": (
        [],
        [_moved(trip("BUS", 8_000, "11:30"), timedelta(days=-7, seconds=-1))],
        ActionTooOld,
        {
            "path": ("legs", "0", "endedAt"),
            "ended_at": trip("BUS", 1, "12:00").started_at - timedelta(days=7, seconds=1),
            "earliest": NOON - timedelta(days=7),
        },
    ),
    "more metres than a person walks": (
        [],
        [trip("WALK", 20_001, "00:00", 600)],
        ImplausibleQuantity,
        {"path": ("legs", "0", "quantity"), "type": "WALK", "quantity": 20_001, "quantity_max": 20_000},
    ),
    "more metres in a day than a person walks": (
        [trip("WALK", 20_000, "00:00", 180)],
        [trip("WALK", 10_001, "06:00", 180)],
        DailyQuantityExceeded,
        {
            "path": ("legs", "0", "quantity"),
            "type": "WALK",
            "quantity": 10_001,
            "remaining": 10_000,
            "quantity_day_max": 30_000,
        },
    ),
    "more metres in the legs of one journey than a person walks in a day": (
        [],
        [
            trip("WALK", 20_000, "00:00", 180),
            trip("BUS", 100, "03:00", 5),
            trip("WALK", 10_001, "06:00", 180),
        ],
        DailyQuantityExceeded,
        {
            "path": ("legs", "2", "quantity"),
            "type": "WALK",
            "quantity": 10_001,
            "remaining": 10_000,
            "quantity_day_max": 30_000,
        },
    ),
    "a type that nobody knows": (
        [],
        [trip("CAR", 8_000)],
        ActionTypeNotFound,
        {"path": ("legs", "0", "type"), "type": "CAR"},
    ),
    "a trip at the time of another": (
        [trip("BUS", 8_000, "08:00")],
        [trip("SUBWAY", 8_000, "08:29")],
        ActionOverlaps,
        {"path": ("legs", "0")},
    ),
    "a trip within another": (
        [trip("BUS", 8_000, "08:00")],
        [trip("WALK", 100, "08:10", 2)],
        ActionOverlaps,
        {"path": ("legs", "0")},
    ),
    "a trip around another": (
        [trip("BUS", 8_000, "08:00")],
        [trip("SUBWAY", 8_000, "07:00", 180)],
        ActionOverlaps,
        {"path": ("legs", "0")},
    ),
    "a journey whose second leg overlaps the second leg of another": (
        [trip("BUS", 800, "07:00", 10), trip("BUS", 800, "09:00", 10)],
        [trip("WALK", 100, "07:30", 10), trip("WALK", 100, "09:05", 10)],
        ActionOverlaps,
        {"path": ("legs", "1")},
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refused_trip_changes_nothing_and_is_refused_for_ever(
    ledger: Ledger, app_partner: Actor, case: str
) -> None:
    prior, legs, expected, details = REFUSED[case]
    await ledger.register(app_partner.partnership, UserBy(external_ref="lin"))
    if prior:
        await recorded(ledger, app_partner, action("prior", *prior))
    rows, remembered = await all_rows(), await receipts()

    (refused,) = await record(ledger, app_partner, action("refused", *legs))

    assert (type(refused.refusal), refused.replayed, refused.result_id) == (expected, False, None)
    assert facts(refused.refusal) == details
    assert await all_rows() == rows
    assert await receipts() == remembered + 1

    (again,) = await record(ledger, app_partner, action("refused", *legs), at=NOON + timedelta(days=3))

    assert (type(again.refusal), again.replayed, again.balance_g) == (expected, True, refused.balance_g)
    assert facts(again.refusal) == details
    assert await all_rows() == rows
    assert await receipts() == remembered + 1


async def test_a_methodology_never_borrows_the_factor_of_another(ledger: Ledger, app_partner: Actor) -> None:
    await ledger.register(app_partner.partnership, UserBy(external_ref="lin"))
    rows = await all_rows()

    for kind, methodology in [("E_BIKE", "DESNZ-2026"), ("WALK", "DESNZ-2025"), ("BUS", "BJ-2031")]:
        (outcome,) = await record(ledger, app_partner, action(kind, trip(kind, 1_000), methodology=methodology))

        assert isinstance(outcome.refusal, FactorNotFound)
        assert facts(outcome.refusal) == {"path": ("legs", "0", "type"), "type": kind, "methodology": methodology}

    assert await all_rows() == rows


async def test_a_factor_does_not_count_before_it_is_valid(ledger: Ledger, app_partner: Actor) -> None:
    new_year = datetime(2026, 1, 1, 8, 0, tzinfo=BEIJING_TIME)  # midnight in London
    before = Leg(type="BUS", quantity=800, started_at=new_year - timedelta(minutes=1), ended_at=new_year)
    after = Leg(type="BUS", quantity=800, started_at=new_year, ended_at=new_year + timedelta(minutes=1))

    early, late = await record(
        ledger,
        app_partner,
        action("early", before, methodology="DESNZ-2026"),
        action("late", after, methodology="DESNZ-2026"),
        at=new_year + timedelta(hours=1),
    )

    assert isinstance(early.refusal, FactorNotFound)
    assert late.refusal is None
    assert late.balance_g == 51


async def test_the_limits_themselves_are_still_plausible(ledger: Ledger, app_partner: Actor) -> None:
    longest = trip("WALK", 20_000, "00:00", 150)  # at exactly 8 km/h
    rest_of_the_day = trip("WALK", 10_000, "02:30", 75)
    oldest = _moved(trip("BUS", 8_000, "11:30"), timedelta(days=-7))
    skewed = _moved(trip("BUS", 8_000, "11:30"), timedelta(seconds=30))

    await recorded(
        ledger,
        app_partner,
        action("longest", longest),
        action("rest", rest_of_the_day),
        action("oldest", oldest),
        action("skewed", skewed),
    )


async def test_trips_that_touch_do_not_overlap(ledger: Ledger, app_partner: Actor) -> None:
    await recorded(
        ledger,
        app_partner,
        action("middle", trip("BUS", 8_000, "08:30")),
        action("before", trip("SUBWAY", 8_000, "08:00")),
        action("after", trip("WALK", 500, "09:00")),
    )


async def test_a_trip_overlaps_one_that_another_partner_recorded_and_does_not_say_whose(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await link(ledger, app_partner, other_app)
    await recorded(ledger, app_partner, action("map", trip("BUS", 8_000, "08:00")))
    rows = await all_rows()

    (refused,) = await record(ledger, other_app, action("transit", trip("SUBWAY", 8_000, "08:10")))

    assert isinstance(refused.refusal, ActionOverlaps)
    assert facts(refused.refusal) == {"path": ("legs", "0")}
    assert await all_rows() == rows


@pytest.mark.parametrize("in_one_call", [False, True])
async def test_a_journey_takes_the_time_of_its_legs_and_not_that_between_them(
    ledger: Ledger, app_partner: Actor, in_one_call: bool
) -> None:
    journey = action("journey", trip("BUS", 8_000, "08:00"), trip("SUBWAY", 8_000, "10:00"))
    within, across = action("within", trip("WALK", 500, "08:30")), action("across", trip("WALK", 500, "10:20"))
    if in_one_call:
        _, between, refused = await record(ledger, app_partner, journey, within, across)
    else:
        await recorded(ledger, app_partner, journey)
        between, refused = await record(ledger, app_partner, within, across)

    assert between.refusal is None
    assert isinstance(refused.refusal, ActionOverlaps)


async def test_the_leg_is_named_that_overlaps(ledger: Ledger, app_partner: Actor) -> None:
    await recorded(ledger, app_partner, action("bus", trip("BUS", 8_000, "10:10")))
    legs = trip("WALK", 500, "08:00"), trip("SUBWAY", 8_000, "10:00")

    (refused,) = await record(ledger, app_partner, action("journey", *legs))

    assert facts(refused.refusal) == {"path": ("legs", "1")}


async def test_a_trip_over_midnight_takes_time_on_both_days(ledger: Ledger, app_partner: Actor) -> None:
    night = trip("BUS", 8_000, "23:50", day=4)
    before, after = trip("WALK", 500, "23:40", day=4), trip("WALK", 500, "00:10", day=5)

    await recorded(ledger, app_partner, action("night", night))
    outcomes = await record(ledger, app_partner, action("before", before), action("after", after))

    assert [type(one.refusal) for one in outcomes] == [ActionOverlaps] * 2
    (late,) = await record(ledger, app_partner, action("free", trip("WALK", 500, "00:20", day=5)))
    assert late.refusal is None


async def test_of_two_overlapping_trips_in_one_call_the_first_counts(ledger: Ledger, app_partner: Actor) -> None:
    first, second = await record(
        ledger,
        app_partner,
        action("first", trip("BUS", 8_000, "08:00")),
        action("second", trip("SUBWAY", 8_000, "08:10")),
    )

    assert first.refusal is None
    assert isinstance(second.refusal, ActionOverlaps)
    assert (first.balance_g, second.balance_g) == (416, 416)


async def test_a_reversed_trip_frees_its_time_its_metres_and_its_cap(ledger: Ledger, app_partner: Actor) -> None:
    (false,) = await recorded(ledger, app_partner, action("false", trip("WALK", 20_000, "00:00", 180)))
    await ledger.reverse_action(app_partner.partnership, false.id, "reverse", at=NOON)

    (true, more) = await recorded(
        ledger,
        app_partner,
        action("true", trip("WALK", 20_000, "00:00", 180)),
        action("more", trip("WALK", 10_000, "05:00", 120)),
    )

    assert (true.credited_g, true.status) == (296, ActionStatus.CAPPED)
    assert (more.credited_g, more.status) == (0, ActionStatus.CAPPED)


async def test_two_people_may_travel_at_the_same_time(ledger: Ledger, app_partner: Actor) -> None:
    one = action("one", trip("BUS", 8_000, "08:00"))

    await recorded(ledger, app_partner, one, replace(one, user=UserBy(external_ref="wang")))

    assert sorted([account.available for account in await Account.all()]) == [416, 416]


async def test_what_is_not_travel_may_be_done_on_the_bus(url: str, app_partner: Actor) -> None:
    await bottles()
    async with open_ledger(url) as ledger:
        await recorded(
            ledger,
            app_partner,
            action("bus", trip("BUS", 8_000, "08:00")),
            action("bottle", trip("BOTTLE", 3, "08:10")),
            action("bottles", trip("BOTTLE", 2, "08:05")),
        )

        (journey,) = await record(
            ledger, app_partner, action("both", trip("BUS", 800, "09:00", 5), trip("BOTTLE", 1, "09:05", 5))
        )

    assert isinstance(journey.refusal, InvalidInput)
    assert journey.refusal.path == ("legs", "1", "type")
    assert journey.balance_g == 416 + 30 + 20


async def bottles() -> None:
    """Reference data: 10 g for each bottle that is brought back."""
    await ActionType.create(
        id=new_id(),
        code="BOTTLE",
        name_zh="瓶",
        name_en="Bottle",
        category=ActionCategory.RECYCLING,
        channel=ScenarioChannel.OFFLINE,
        unit=QuantityUnit.COUNT,
        excludes_overlap=False,
        speed_kmh_max=None,
        quantity_max=50,
        quantity_day_max=100,
        grams_day_max=500,
        reporting_window_s=86_400,
    )
    bus = await EmissionFactor.get(methodology=DEFAULT, action_type="BUS")
    row = {column: getattr(bus, column) for column in EmissionFactor._meta.db_fields}
    changes = {"action_type": "BOTTLE", "baseline_mg": 10_000, "project_mg": 0, "per_quantity": 1}
    await EmissionFactor.create(**row | changes | {"id": new_id(), "per_label": "bottle"})


async def test_what_emits_more_than_its_baseline_gives_nothing_and_takes_nothing(url: str, app_partner: Actor) -> None:
    bus = await EmissionFactor.get(methodology=DEFAULT, action_type="BUS")
    row = {column: getattr(bus, column) for column in EmissionFactor._meta.db_fields}
    await EmissionFactor.create(**row | {"id": new_id(), "methodology": "SAD-1", "project_mg": 200_000})

    async with open_ledger(url) as ledger:
        (sad,) = await recorded(ledger, app_partner, action("sad", trip("BUS", 8_000), methodology="SAD-1"))

    assert (sad.credited_g, sad.reduction_g, sad.status) == (0, 0, ActionStatus.CREDITED)
    assert await Transfer.all().count() == 0


# --- the cap of a day -------------------------------------------------------------------------------------------------


async def test_a_day_credits_no_more_than_its_cap(ledger: Ledger, app_partner: Actor) -> None:
    walks = [trip("WALK", 2_000, "06:00"), trip("WALK", 2_000, "07:00"), trip("WALK", 2_000, "08:00")]

    first, second, third = await recorded(
        ledger, app_partner, *(action(str(index), walk) for index, walk in enumerate(walks))
    )

    assert (first.credited_g, first.reduction_g, first.status) == (208, 208, ActionStatus.CREDITED)
    assert (second.credited_g, second.reduction_g, second.status) == (88, 208, ActionStatus.CAPPED)
    assert (third.credited_g, third.reduction_g, third.status) == (0, 208, ActionStatus.CAPPED)
    left = [one.calculation["lines"][0]["cap_remaining_g"] for one in (first, second, third)]
    assert left == [296, 88, 0]
    assert sorted(one.amount_g for one in await Transfer.all()) == [88, 208]


async def test_the_legs_of_one_journey_share_the_cap(ledger: Ledger, app_partner: Actor) -> None:
    legs = trip("WALK", 2_000, "06:00"), trip("BUS", 2_000, "06:30"), trip("WALK", 2_000, "07:00")

    (row,) = await recorded(ledger, app_partner, action("journey", *legs))

    assert [line["credited_g"] for line in row.calculation["lines"]] == [208, 104, 88]
    assert (row.credited_g, row.reduction_g, row.status) == (400, 520, ActionStatus.CAPPED)


@pytest.mark.parametrize("kind", ["BUS", "WALK"])
async def test_the_cap_counts_each_leg_of_a_journey_by_its_own_type(
    ledger: Ledger, app_partner: Actor, kind: str
) -> None:
    await recorded(ledger, app_partner, action("journey", trip("WALK", 2_000, "06:00"), trip(kind, 2_000, "06:30")))

    (later,) = await recorded(ledger, app_partner, action("later", trip("WALK", 2_000, "07:00")))

    assert later.credited_g == (88 if kind == "BUS" else 0)


async def test_the_metres_of_a_day_are_counted_over_all_calls(ledger: Ledger, app_partner: Actor) -> None:
    walks = [trip("WALK", 15_000, start, 120) for start in ("06:00", "08:00", "10:00")]

    first, second, third = [
        (await record(ledger, app_partner, action(str(index), walk), at=NOON))[0] for index, walk in enumerate(walks)
    ]

    assert first.refusal is second.refusal is None
    assert isinstance(third.refusal, DailyQuantityExceeded)
    assert third.refusal.remaining == 0


async def test_the_cap_counts_what_every_partner_recorded(ledger: Ledger, app_partner: Actor, other_app: Actor) -> None:
    await link(ledger, app_partner, other_app)
    await recorded(ledger, app_partner, action("map", trip("WALK", 2_000, "06:00")))

    (other,) = await recorded(ledger, other_app, action("transit", trip("WALK", 2_000, "07:00")))

    assert (other.credited_g, other.status) == (88, ActionStatus.CAPPED)


async def test_a_new_day_begins_at_midnight_in_beijing_and_a_trip_belongs_to_its_start(
    ledger: Ledger, app_partner: Actor
) -> None:
    yesterday = trip("WALK", 2_000, "20:00", day=4)
    over_midnight = trip("WALK", 2_000, "23:50", day=4)
    today = trip("WALK", 2_000, "00:20", day=5)

    rows = await recorded(
        ledger,
        app_partner,
        *(action(str(index), walk) for index, walk in enumerate([over_midnight, yesterday, today])),
    )

    assert [row.credited_g for row in rows] == [208, 88, 208]


# --- external references ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("user", ["lin", "wang"])
async def test_an_external_reference_is_used_once_whoever_the_user_is(
    ledger: Ledger, app_partner: Actor, user: str
) -> None:
    await recorded(ledger, app_partner, action("first", trip("BUS", 8_000, "08:00"), ref="trip-1"))
    await ledger.register(app_partner.partnership, UserBy(external_ref=user))
    rows = await all_rows()
    second = replace(action("second", trip("BUS", 8_000, "09:00"), ref="trip-1"), user=UserBy(external_ref=user))

    (refused,) = await record(ledger, app_partner, second)
    (again,) = await record(ledger, app_partner, second)

    assert isinstance(refused.refusal, ExternalRefUsed)
    assert facts(refused.refusal) == {"path": ("externalRef",), "external_ref": "trip-1"}
    assert (type(again.refusal), again.replayed) == (ExternalRefUsed, True)
    assert await all_rows() == rows


async def test_an_external_reference_is_used_once_in_one_call_for_two_users(ledger: Ledger, app_partner: Actor) -> None:
    one = action("one", trip("BUS", 8_000, "08:00"), ref="trip-1")
    two = replace(one, user=UserBy(external_ref="wang"))

    outcomes = await record(ledger, app_partner, one, two)

    assert sorted(type(outcome.refusal).__name__ for outcome in outcomes) == ["ExternalRefUsed", "NoneType"]
    assert await Action.all().count() == 1


async def test_a_reference_of_one_partner_is_free_for_another_and_for_the_sandbox(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    one = action("one", trip("BUS", 8_000, "08:00"), ref="trip-1")
    sandbox = replace(app_partner, environment=Environment.SANDBOX)

    await recorded(ledger, sandbox, one)
    await recorded(ledger, app_partner, one)
    await recorded(ledger, other_app, one)

    worlds = [account.environment for account in await Account.all()]
    assert sorted(worlds) == [Environment.LIVE, Environment.LIVE, Environment.SANDBOX]


async def test_the_reference_of_a_refused_action_stays_free(ledger: Ledger, app_partner: Actor) -> None:
    await record(ledger, app_partner, action("fast", trip("WALK", 10_000, "08:00", 15), ref="trip-1"))

    await recorded(ledger, app_partner, action("slow", trip("WALK", 1_000, "08:00", 15), ref="trip-1"))


# --- bounds of every input --------------------------------------------------------------------------------------------

AT_8 = trip("BUS", 1, "08:00").started_at
# As far as a DateTime of the schema goes.
FIRST_MOMENT = datetime(2000, 1, 1, tzinfo=ZoneInfo("UTC"))
LAST_MOMENT = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=ZoneInfo("UTC"))
OUT_OF_BOUNDS: dict[str, tuple[Recording, tuple[str, ...]]] = {
    "no leg": (action("one"), ("legs",)),
    "21 legs": (action("one", *(trip("BUS", 10, f"08:{2 * index:02}", 1) for index in range(21))), ("legs",)),
    "no metres": (action("one", trip("BUS", 0)), ("legs", "0", "quantity")),
    "fewer than no metres": (action("one", trip("BUS", -1)), ("legs", "0", "quantity")),
    "no time": (action("one", trip("BUS", 10, minutes=0)), ("legs", "0", "endedAt")),
    "time that runs backwards": (action("one", trip("BUS", 10, minutes=-1)), ("legs", "0", "endedAt")),
    "legs out of order": (
        action("one", trip("BUS", 10, "09:00"), trip("BUS", 10, "08:00")),
        ("legs", "1", "startedAt"),
    ),
    "legs that overlap": (
        action("one", trip("BUS", 10, "08:00"), trip("BUS", 10, "08:29")),
        ("legs", "1", "startedAt"),
    ),
    "an empty key": (action("", trip("BUS", 10)), ("idempotencyKey",)),
    "a key of 129": (action("k" * 129, trip("BUS", 10)), ("idempotencyKey",)),
    "a key with NUL": (action("k\0", trip("BUS", 10)), ("idempotencyKey",)),
    "a key with half a character": (action("k\ud83d", trip("BUS", 10)), ("idempotencyKey",)),
    "an empty reference": (action("one", trip("BUS", 10), ref=""), ("externalRef",)),
    "a reference of 129": (action("one", trip("BUS", 10), ref="r" * 129), ("externalRef",)),
    "a reference with a line break": (action("one", trip("BUS", 10), ref="r\n"), ("externalRef",)),
    "an empty user": (
        replace(action("one", trip("BUS", 10)), user=UserBy(external_ref="")),
        ("user", "externalRef"),
    ),
    "a user with NUL": (
        replace(action("one", trip("BUS", 10)), user=UserBy(external_ref="u\0")),
        ("user", "externalRef"),
    ),
}


async def test_input_that_is_out_of_bounds_is_refused_before_anything_is_written(
    ledger: Ledger, app_partner: Actor
) -> None:
    rows = await all_rows()

    for case, (wrong, path) in OUT_OF_BOUNDS.items():
        (outcome,) = await record(ledger, app_partner, wrong)

        assert isinstance(outcome.refusal, InvalidInput), case
        assert (outcome.refusal.path, outcome.user_id, outcome.result_id) == (path, None, None), case

    assert await all_rows() == rows
    assert await receipts() == 0


async def test_no_text_as_type_or_methodology_is_more_than_refused(ledger: Ledger, app_partner: Actor) -> None:
    await ledger.register(app_partner.partnership, UserBy(external_ref="lin"))
    rows = await all_rows()

    for text in ("\0", "BUS\0", "\ud83d", "B" * 100_000, "公交", "'; DROP TABLE action; --", "🚌" * 40):
        by_type, by_methodology = await record(
            ledger,
            app_partner,
            action(f"type {len(text)}", trip(text, 10)),
            action(f"methodology {len(text)}", trip("BUS", 10), methodology=text),
        )

        assert isinstance(by_type.refusal, ActionTypeNotFound | InvalidInput)
        assert isinstance(by_methodology.refusal, FactorNotFound | InvalidInput)

    assert await all_rows() == rows


async def test_no_quantity_and_no_moment_is_too_far_to_be_refused(ledger: Ledger, app_partner: Actor) -> None:
    await ledger.register(app_partner.partnership, UserBy(external_ref="lin"))
    rows = await all_rows()
    many = [trip("BUS", quantity) for quantity in (80_001, 2**31 - 1, 2**53, 2**63 - 1)]
    far = [
        Leg(type="BUS", quantity=10, started_at=started_at, ended_at=ended_at)
        for started_at, ended_at in [
            (FIRST_MOMENT, FIRST_MOMENT + timedelta(minutes=1)),
            (FIRST_MOMENT, NOON),
            (LAST_MOMENT - timedelta(minutes=1), LAST_MOMENT),
            (NOON - timedelta(hours=1), LAST_MOMENT),
        ]
    ]

    outcomes = await record(ledger, app_partner, *(action(str(index), one) for index, one in enumerate([*many, *far])))

    assert [type(outcome.refusal) for outcome in outcomes[:4]] == [ImplausibleQuantity] * 4
    # The factor of this methodology is valid from 2024 on.
    assert [type(outcome.refusal) for outcome in outcomes[4:]] == [
        FactorNotFound,
        FactorNotFound,
        ActionInFuture,
        ActionInFuture,
    ]
    assert await all_rows() == rows


async def test_a_user_id_that_is_not_linked_is_not_found_and_nothing_is_registered(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    theirs = await ledger.register(other_app.partnership, UserBy(external_ref="lin"))
    rows = await all_rows()
    one = action("one", trip("BUS", 8_000))

    outcomes = await record(
        ledger,
        app_partner,
        replace(one, user=UserBy(id=theirs)),
        replace(one, user=UserBy(id=new_id())),
        replace(one, user=UserBy()),
    )

    assert [type(outcome.refusal) for outcome in outcomes] == [UserNotFound] * 3
    assert await all_rows() == rows


async def test_a_thousand_items_are_answered_in_order_and_the_bad_ones_stop_no_other(
    ledger: Ledger, app_partner: Actor
) -> None:
    items = [
        replace(
            action(f"key-{index}", trip("BUS" if index % 10 else "CAR", 8_000)),
            user=UserBy(external_ref=f"user-{index}"),
        )
        for index in range(1_000)
    ]

    outcomes = await record(ledger, app_partner, *items)

    assert [isinstance(outcome.refusal, ActionTypeNotFound) for outcome in outcomes] == [
        index % 10 == 0 for index in range(1_000)
    ]
    assert sum(outcome.balance_g for outcome in outcomes) == 900 * 416
    again = await record(ledger, app_partner, *items)
    assert [one.result_id for one in again] == [one.result_id for one in outcomes]
    assert all(one.replayed for one in again)
    assert await Transfer.all().count() == 900


# --- reversing --------------------------------------------------------------------------------------------------------


async def test_an_action_is_reversed_once_and_by_its_partner_alone(
    ledger: Ledger, app_partner: Actor, other_app: Actor
) -> None:
    await link(ledger, app_partner, other_app)
    (row,) = await recorded(ledger, app_partner, action("one", trip("BUS", 8_000)))
    rows = await all_rows()
    sandbox = replace(app_partner, environment=Environment.SANDBOX)
    for stranger in (other_app, sandbox):
        with pytest.raises(ActionNotFound):
            await ledger.reverse_action(stranger.partnership, row.id, "theirs")
    with pytest.raises(ActionNotFound):
        await ledger.reverse_action(app_partner.partnership, new_id(), "nobody's")
    assert await all_rows() == rows

    first = await ledger.reverse_action(app_partner.partnership, row.id, "reverse", at=NOON)
    after = await all_rows()
    same = await ledger.reverse_action(app_partner.partnership, row.id, "reverse", at=NOON)
    second = await ledger.reverse_action(app_partner.partnership, row.id, "again", at=NOON)

    assert (first.result_id, first.refusal, first.balance_g, first.replayed) == (row.id, None, 0, False)
    assert (same.result_id, same.refusal, same.balance_g, same.replayed) == (row.id, None, 0, True)
    assert isinstance(second.refusal, AlreadyReversed)
    assert second.refusal.path == ("actionId",)
    assert await all_rows() == after
    reversed_row = (await Action.by_ids([row.id]))[row.id]
    assert (reversed_row.status, reversed_row.taken_back_g) == (ActionStatus.REVERSED, 416)


async def test_an_action_that_was_capped_to_nothing_can_be_reversed(ledger: Ledger, app_partner: Actor) -> None:
    _, empty = await recorded(
        ledger,
        app_partner,
        action("full", trip("WALK", 6_000, "06:00", 60)),
        action("empty", trip("WALK", 6_000, "07:00", 60)),
    )

    outcome = await ledger.reverse_action(app_partner.partnership, empty.id, "reverse", at=NOON)

    assert (outcome.refusal, outcome.balance_g) == (None, 296)
    row = (await Action.by_ids([empty.id]))[empty.id]
    assert (row.status, row.taken_back_g, row.credited_g) == (ActionStatus.REVERSED, 0, 0)


async def link(ledger: Ledger, first: Actor, second: Actor) -> None:
    """Make `lin` of the first partner known to the second, by the same name."""
    await ledger.register(first.partnership, UserBy(external_ref="lin"))
    issued = await ledger.issue_link_code(first.partnership, UserBy(external_ref="lin"), "issue")
    (code,) = (await all_rows())["link_code"]
    assert issued.result_id == code["id"]
    linked = await ledger.link_user(second.partnership, code["code"], "lin", "link")
    assert linked.refusal is None
