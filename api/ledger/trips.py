"""The rules of plausibility: each is one check with one refusal, in a fixed order. Pure functions.

A day is a calendar day of the programme's time zone, and a trip belongs to the day on which it starts.
"""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import orjson

from api.ledger.days import Day
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

    Units: `quantity` in whole metres or counts, as the type's unit says; `starts` and `ends` in microseconds. What is
    told of both is JSON, as fingerprints and calculations have it.
    """

    type: str
    quantity: int
    started_at: datetime
    ended_at: datetime
    starts: int = field(init=False, repr=False)
    ends: int = field(init=False, repr=False)
    started_told: str = field(init=False, repr=False, compare=False)
    ended_told: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # SQLite compares times as text, and a fingerprint must not depend on the caller's offset.
        if self.started_at.tzinfo is not UTC:
            self.started_at = self.started_at.astimezone(UTC)
        if self.ended_at.tzinfo is not UTC:
            self.ended_at = self.ended_at.astimezone(UTC)
        self.starts, self.ends = microseconds(self.started_at), microseconds(self.ended_at)
        self.started_told, self.ended_told = orjson.dumps((self.started_at, self.ended_at))[1:-1].decode().split(",")


#: A type, on the day that starts then.
DayType = tuple[str, int]
#: A quantity, and grams.
Used = tuple[int, int]


class StandingLeg(NamedTuple):
    """A leg of a recorded action, as an action of one leg tells of itself."""

    type: str
    quantity: int
    starts: int
    ends: int
    credited_g: int


class Others:
    """A user's other trips of some days, as far as the rules look at them.

    What was read stays as it is until a rule asks: most users have one trip in a batch, whose rules look at one type of
    one day. What was added up for one trip is kept for the next.
    """

    __slots__ = ("_legs", "_spans", "_used")

    def __init__(self) -> None:
        self._legs: list[StandingAction | StandingLeg] = []
        self._spans: list[tuple[int, int]] | None = None
        self._used: dict[DayType, Used] = {}

    def add(self, action: StandingAction) -> None:
        """Add a recorded action; all of them before anything is asked."""
        if action.lines is None:  # it has one leg, of which the action tells all
            self._legs.append(action)
        else:
            self._legs += [_leg(line) for line in action.lines]

    def spans(self, exclusive: Container[str]) -> list[tuple[int, int]]:
        """Return the times of the trips of which a person does one at a time: of these types."""
        if self._spans is None:
            self._spans = [(leg.starts, leg.ends) for leg in self._legs if leg.type in exclusive]
        return self._spans

    def used(self, kind: str, day: Day) -> Used:
        """Return what was done of a type on a day, and the grams that were credited for it."""
        used = self._used.get((kind, day.starts))
        if used is None:
            quantity = credited = 0
            for leg in self._legs:
                if leg.type == kind and day.starts <= leg.starts < day.ends:
                    quantity += leg.quantity
                    credited += leg.credited_g
            used = self._used[kind, day.starts] = quantity, credited
        return used

    def use(self, legs: Sequence[Leg], used: Mapping[DayType, Used], exclusive: Container[str]) -> None:
        """Take note of a trip that was just decided, and of what is used since of the days on which it starts."""
        self._used.update(used)
        self.spans(exclusive).extend([(leg.starts, leg.ends) for leg in legs if leg.type in exclusive])


def _leg(line: Mapping[str, Any]) -> StandingLeg:
    """Read what the rules look at of a line of a calculation."""
    starts, ends = [microseconds(datetime.fromisoformat(line[name])) for name in ("started_at", "ended_at")]
    return StandingLeg(line["type"], line["quantity"], starts, ends, line["credited_g"])


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


def check_overlap(legs: Sequence[Leg], types: Sequence[ActionType], spans: Sequence[tuple[int, int]]) -> None:
    """Refuse a trip at a time when the user was on another one. Touching ends are no overlap.

    `spans`: from when until when the user was on one.

    Raises: ActionOverlaps.
    """
    begins, over = legs[0].starts, legs[-1].ends
    for starts, ends in spans:
        if begins < ends and starts < over and any(kind.excludes_overlap for kind in types):
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
