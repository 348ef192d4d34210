"""What no trip can be is refused, and stays refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from api.ledger import Ledger, Leg, UserBy
from api.ledger.errors import (
    ActionInFuture,
    ActionOverlaps,
    ActionTooOld,
    ActionTypeNotFound,
    DailyQuantityExceeded,
    FactorNotFound,
    ImplausibleQuantity,
    ImplausibleSpeed,
    Refusal,
)
from api.models import (
    ActionStatus,
    EmissionFactor,
    Transfer,
    new_id,
)
from tests.conftest import Actor, open_ledger
from tests.ledger.rows import all_rows, receipts
from tests.ledger.travel import BEIJING_TIME, DEFAULT, NOON, action, facts, moved, record, recorded, trip

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
        [moved(trip("BUS", 8_000, "11:30"), timedelta(days=-7, seconds=-1))],
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
    oldest = moved(trip("BUS", 8_000, "11:30"), timedelta(days=-7))
    skewed = moved(trip("BUS", 8_000, "11:30"), timedelta(seconds=30))

    await recorded(
        ledger,
        app_partner,
        action("longest", longest),
        action("rest", rest_of_the_day),
        action("oldest", oldest),
        action("skewed", skewed),
    )


async def test_what_emits_more_than_its_baseline_gives_nothing_and_takes_nothing(url: str, app_partner: Actor) -> None:
    bus = await EmissionFactor.get(methodology=DEFAULT, action_type="BUS")
    row = {column: getattr(bus, column) for column in EmissionFactor._meta.db_fields}
    await EmissionFactor.create(**row | {"id": new_id(), "methodology": "SAD-1", "project_mg": 200_000})

    async with open_ledger(url) as ledger:
        (sad,) = await recorded(ledger, app_partner, action("sad", trip("BUS", 8_000), methodology="SAD-1"))

    assert (sad.credited_g, sad.reduction_g, sad.status) == (0, 0, ActionStatus.CREDITED)
    assert await Transfer.all().count() == 0
