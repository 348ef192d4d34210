"""From a trip to grams: the numbers of the methodology, and how each action explains its own."""

from dataclasses import replace
from datetime import timedelta

import pytest

from api.ledger import Ledger, UserBy
from api.ledger.errors import (
    ActionInFuture,
    ActionTooOld,
    ActionTypeNotFound,
    ImplausibleSpeed,
    InvalidInput,
    UserNotFound,
)
from api.models import (
    Account,
    Action,
    ActionStatus,
    EmissionFactor,
    Transfer,
    TransferKind,
    new_id,
    now,
)
from tests.conftest import Actor, leg, open_ledger
from tests.ledger.rows import all_rows, receipts
from tests.ledger.travel import DEFAULT, action, moved, record, recorded, trip

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
        (moved(trip("BUS", 10), timedelta(days=-400)), ActionTooOld),
        (moved(trip("BUS", 10), timedelta(days=36_500)), ActionInFuture),
    ]:
        with pytest.raises(refusal):
            await ledger.estimate(None, [wrong], None, None)
    with pytest.raises(UserNotFound):
        await ledger.estimate(app_partner.partnership, [leg("BUS", 10, now(), kmh=30)], UserBy(id=new_id()), None)
