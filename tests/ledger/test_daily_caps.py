"""A day has so many grams and metres, over all calls and partners."""

import pytest

from api.ledger import Ledger
from api.ledger.errors import (
    DailyQuantityExceeded,
)
from api.models import (
    ActionStatus,
    Transfer,
)
from tests.conftest import Actor
from tests.ledger.travel import NOON, action, link, record, recorded, trip


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
