"""A person is on one trip at a time, whoever records it."""

from dataclasses import replace

import pytest

from api.ledger import Ledger, UserBy
from api.ledger.errors import (
    ActionOverlaps,
    InvalidInput,
)
from api.models import (
    Account,
    ActionCategory,
    ActionStatus,
    ActionType,
    EmissionFactor,
    QuantityUnit,
    ScenarioChannel,
    new_id,
)
from tests.conftest import Actor, open_ledger
from tests.ledger.rows import all_rows
from tests.ledger.travel import DEFAULT, NOON, action, facts, link, record, recorded, trip


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
