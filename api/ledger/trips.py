"""The rules of plausibility: each is one check with one refusal, in a fixed order. Pure functions.

A day is a calendar day of the programme's time zone, and a trip belongs to the day on which it starts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from api.ledger.days import day_of
from api.ledger.errors import (
    ActionInFuture,
    ActionOverlaps,
    ActionTooOld,
    DailyQuantityExceeded,
    ImplausibleQuantity,
    ImplausibleSpeed,
    InvalidInput,
)
from api.models import ActionType, QuantityUnit
from api.models.action import StandingAction
from api.models.rows import MICROSECOND, microseconds

LEGS_MAX = 20
#: A partner's clock may be ahead of ours by this much.
CLOCK_SKEW = timedelta(seconds=30)
CLOCK_SKEW_US = CLOCK_SKEW // MICROSECOND
SECOND_US = 1_000_000
KMH_IN_M_PER_S = 3.6
#: A distance in no time has a speed beyond all bounds; more than this is not told.
SPEED_SHOWN_MAX_KMH = 1_000_000


@dataclass(slots=True)
class Leg:
    """A part of an action in one mode, not changed once it is made.

    Units: `quantity` in whole metres or counts, as the type's unit says; `starts` and `ends` in microseconds.
    """

    type: str
    quantity: int
    started_at: datetime
    ended_at: datetime
    starts: int = field(init=False, repr=False)
    ends: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # SQLite compares times as text, and a fingerprint must not depend on the caller's offset.
        if self.started_at.tzinfo is not UTC:
            self.started_at = self.started_at.astimezone(UTC)
        if self.ended_at.tzinfo is not UTC:
            self.ended_at = self.ended_at.astimezone(UTC)
        self.starts, self.ends = microseconds(self.started_at), microseconds(self.ended_at)


#: A type, on the day that starts then.
DayType = tuple[str, int]


class Others:
    """A user's other trips of some days, as far as the rules look at them.

    `spans` are the times of those of which a person does one at a time; `used` tells what was done of each type on each
    day, and the grams that were credited for it.
    """

    __slots__ = ("spans", "used")

    def __init__(self) -> None:
        self.spans: list[tuple[int, int]] = []
        self.used: dict[DayType, tuple[int, int]] = {}

    def add(self, action: StandingAction, exclusive: set[str], zone: ZoneInfo) -> None:
        """Add a recorded action.

        `exclusive` holds the codes of all types of which a person does one at a time.
        """
        if action.lines is None:  # it has one leg, of which the action tells all
            legs = [(action.type, action.quantity, action.starts, action.ends, action.credited_g)]
        else:
            legs = [_leg(line) for line in action.lines]
        spans, used = self.spans, self.used
        for kind, quantity, starts, ends, credited_g in legs:
            if kind in exclusive:
                spans.append((starts, ends))
            slot = (kind, day_of(starts, zone).starts)
            before = used.get(slot)
            used[slot] = (quantity, credited_g) if before is None else (before[0] + quantity, before[1] + credited_g)


def _leg(line: Mapping[str, Any]) -> tuple[str, int, int, int, int]:
    """Read what the rules look at of a line of a calculation."""
    starts, ends = [microseconds(datetime.fromisoformat(line[name])) for name in ("started_at", "ended_at")]
    return line["type"], line["quantity"], starts, ends, line["credited_g"]


def check_shape(legs: Sequence[Leg]) -> None:
    """Refuse legs that can never be right, whatever the reference data says.

    Raises: InvalidInput.
    """
    if not 1 <= len(legs) <= LEGS_MAX:
        raise InvalidInput(
            path=("legs",),
            reason="An action has 1 to {most} legs, not {count}.",
            case={"most": LEGS_MAX, "count": len(legs)},
        )
    for index, leg in enumerate(legs):
        if leg.quantity < 1:
            raise InvalidInput(
                path=("legs", str(index), "quantity"), reason="A quantity is a whole number of at least 1."
            )
        if leg.ends <= leg.starts:
            raise InvalidInput(path=("legs", str(index), "endedAt"), reason="A leg ends after it starts.")
        if index and leg.starts < legs[index - 1].ends:
            raise InvalidInput(
                path=("legs", str(index), "startedAt"), reason="Legs follow one another and do not overlap."
            )


def check_journey(types: Sequence[ActionType]) -> None:
    """Refuse a journey of which a leg is not travel.

    Raises: InvalidInput.
    """
    for index, kind in enumerate(types):
        if not kind.excludes_overlap:
            raise InvalidInput(
                path=("legs", str(index), "type"),
                reason="Only travel is recorded in several legs; {type} is not travel.",
                case={"type": kind.code},
            )


def check_plausible(index: int, leg: Leg, kind: ActionType) -> None:
    """Refuse what no person can have done.

    Raises: ImplausibleQuantity, ImplausibleSpeed.
    """
    if leg.quantity > kind.quantity_max:
        raise ImplausibleQuantity(
            path=("legs", str(index), "quantity"),
            type=kind.code,
            quantity=leg.quantity,
            quantity_max=kind.quantity_max,
        )
    if kind.unit is QuantityUnit.METRE and kind.speed_kmh_max is not None:
        speed = leg.quantity / ((leg.ends - leg.starts) / SECOND_US) * KMH_IN_M_PER_S
        if speed > kind.speed_kmh_max:
            shown = min(round(speed), SPEED_SHOWN_MAX_KMH)
            raise ImplausibleSpeed(
                path=("legs", str(index)), type=kind.code, speed_kmh=shown, speed_kmh_max=kind.speed_kmh_max
            )


def check_reporting_time(legs: Sequence[Leg], types: Sequence[ActionType], now: datetime) -> None:
    """Refuse what has not happened yet, and what happened too long ago.

    Raises: ActionInFuture, ActionTooOld.
    """
    last = legs[-1]
    received = microseconds(now)
    if last.ends > received + CLOCK_SKEW_US:
        raise ActionInFuture(path=("legs", str(len(legs) - 1), "endedAt"), ended_at=last.ended_at, received_at=now)
    window_s = types[0].reporting_window_s if len(types) == 1 else min([kind.reporting_window_s for kind in types])
    if last.ends < received - window_s * SECOND_US:
        earliest = now - timedelta(seconds=window_s)
        raise ActionTooOld(path=("legs", str(len(legs) - 1), "endedAt"), ended_at=last.ended_at, earliest=earliest)


def check_overlap(legs: Sequence[Leg], types: Sequence[ActionType], others: Others) -> None:
    """Refuse a trip at a time when the user was on another one. Touching ends are no overlap.

    Raises: ActionOverlaps.
    """
    if not others.spans or not any(kind.excludes_overlap for kind in types):
        return
    for starts, ends in others.spans:
        for index, leg in enumerate(legs):
            if leg.starts < ends and starts < leg.ends:
                raise ActionOverlaps(path=("legs", str(index)))


def check_day(index: int, leg: Leg, kind: ActionType, quantity_before: int) -> None:
    """Refuse more of one type in a day than is plausible.

    Raises: DailyQuantityExceeded.
    """
    remaining = max(0, kind.quantity_day_max - quantity_before)
    if leg.quantity > remaining:
        raise DailyQuantityExceeded(
            path=("legs", str(index), "quantity"),
            type=kind.code,
            quantity=leg.quantity,
            remaining=remaining,
            quantity_day_max=kind.quantity_day_max,
        )
