"""Trips in June 2026, and how these tests record them."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.ledger import Ledger, Leg, Outcome, Recording, UserBy
from api.ledger.errors import (
    Refusal,
)
from api.models import (
    Action,
)
from tests.conftest import Actor
from tests.ledger.rows import all_rows

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


def moved(leg: Leg, by: timedelta) -> Leg:
    return replace(leg, started_at=leg.started_at + by, ended_at=leg.ended_at + by)


async def link(ledger: Ledger, first: Actor, second: Actor) -> None:
    """Make `lin` of the first partner known to the second, by the same name."""
    await ledger.register(first.partnership, UserBy(external_ref="lin"))
    issued = await ledger.issue_link_code(first.partnership, UserBy(external_ref="lin"), "issue")
    (code,) = (await all_rows())["link_code"]
    assert issued.result_id == code["id"]
    linked = await ledger.link_user(second.partnership, code["code"], "lin", "link")
    assert linked.refusal is None
