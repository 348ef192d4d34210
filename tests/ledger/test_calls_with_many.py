"""Calls with many actions: each user's are decided in the lane of that user, also while other calls come."""

import asyncio
from datetime import timedelta

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tortoise.context import TortoiseContext

from api.ledger import Ledger, Leg, Recording, UserBy
from api.ledger.actions import RecordAction
from api.ledger.check import check_ledger
from api.ledger.reference import Catalogue
from api.models import NOBODY, Action, Environment
from tests.conftest import Actor
from tests.ledger.travel import BEIJING_TIME, DEFAULT, NOON, record, trip
from tests.statements import counted

USERS, CALLS = 60, 6


def call(number: int) -> list[Recording]:
    """A call with a trip of each user, at an hour of its own, in another order than the other calls."""
    names = [f"user-{(index * (number + 1)) % 61 % USERS}" for index in range(1, USERS + 1)]
    starts = trip("BUS", 1_000, f"{number:02}:00", 10)
    return [
        Recording(user=UserBy(external_ref=name), key=f"{number}-{name}", legs=(starts,))
        for name in dict.fromkeys(names)
    ]


@pytest.fixture
async def users(ledger: Ledger, app_partner: Actor) -> int:
    """All are registered, so that nothing else is asked for them."""
    trips = [
        Recording(user=UserBy(external_ref=f"user-{index}"), key="first", legs=(trip("BUS", 1_000, "11:00", 10),))
        for index in range(USERS)
    ]
    return len(await record(ledger, app_partner, *trips))


async def commits(url: str, db: TortoiseContext) -> int:
    """Return in how many transactions actions were recorded, which a row of PostgreSQL's says."""
    if url.startswith("sqlite"):
        return 0
    (row,) = await db.db().execute_query_dict("SELECT count(DISTINCT xmin::text) AS n FROM action")
    return int(row["n"])


async def test_calls_for_the_same_users_at_a_time_are_each_decided_once(
    url: str, ledger: Ledger, app_partner: Actor, users: int, db: TortoiseContext
) -> None:
    calls = [call(number) for number in range(CALLS)]
    before = await commits(url, db)
    with counted(db) as statements:
        answers = await asyncio.gather(*(record(ledger, app_partner, *one) for one in calls))

    outcomes = [outcome for answer in answers for outcome in answer]
    assert all(outcome.refusal is None and not outcome.replayed for outcome in outcomes)
    assert await Action.all().count() == users + len(outcomes)
    assert (await check_ledger()).faults == []
    if not url.startswith("sqlite"):  # which has one lane
        # Each attempt to write was a commit: none found that another had decided about one of its users.
        attempts = sum("INSERT INTO" in one and '"action"' in one for one in statements)
        assert 1 < attempts == await commits(url, db) - before


WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)


@given(words=st.lists(WORDS, min_size=3, max_size=3), metres=st.integers(1, 10**12), us=st.integers(0, 10**15))
def test_what_is_asked_is_told_as_orjson_tells_it(words: list[str], metres: int, us: int) -> None:
    starts = NOON + timedelta(microseconds=us)
    legs = tuple(Leg(words[0], metres, starts, starts + timedelta(microseconds=us % 7 + 1)) for _ in range(us % 2 + 1))
    order = RecordAction(
        environment=Environment.LIVE,
        partner_id=NOBODY,
        user_id=NOBODY,
        key="of no account",
        at=NOON,
        legs=legs,
        external_ref=words[1] if us % 3 else None,
        methodology=words[2] if us % 5 else DEFAULT,
        catalogue=Catalogue(),
        zone=BEIJING_TIME,
    )

    asked = ["recordAction", "LIVE", order.asked()]
    assert order.content() == orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)
