"""Input has bounds, a call has many items, and none of them can stop another."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from api.ledger import Ledger, Leg, Recording, UserBy
from api.ledger.actions import RecordAction
from api.ledger.errors import (
    ActionInFuture,
    ActionTypeNotFound,
    FactorNotFound,
    ImplausibleQuantity,
    InvalidInput,
    UserNotFound,
)
from api.ledger.reference import Catalogue
from api.models import (
    NOBODY,
    Environment,
    Transfer,
    new_id,
)
from tests.conftest import Actor
from tests.ledger.rows import all_rows, receipts
from tests.ledger.travel import BEIJING_TIME, DEFAULT, NOON, action, record, trip


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
