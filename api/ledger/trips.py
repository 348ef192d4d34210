"""The rules of plausibility: each is one check with one refusal, in a fixed order. Pure functions.

A day is a calendar day of the programme's time zone, and a trip belongs to the day on which it starts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

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

LEGS_MAX = 20
#: A partner's clock may be ahead of ours by this much.
CLOCK_SKEW = timedelta(seconds=30)
KMH_IN_M_PER_S = 3.6
#: A distance in no time has a speed beyond all bounds; more than this is not told.
SPEED_SHOWN_MAX_KMH = 1_000_000


@dataclass(kw_only=True, slots=True)
class Leg:
    """A part of an action in one mode, not changed once it is made.

    Units: `quantity` in whole metres or counts, as the type's unit says.
    """

    type: str
    quantity: int
    started_at: datetime
    ended_at: datetime

    def __post_init__(self) -> None:
        # SQLite compares times as text, and a fingerprint must not depend on the caller's offset.
        if self.started_at.tzinfo is not UTC:
            self.started_at = self.started_at.astimezone(UTC)
        if self.ended_at.tzinfo is not UTC:
            self.ended_at = self.ended_at.astimezone(UTC)


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
        path = ("legs", str(index))
        if leg.quantity < 1:
            raise InvalidInput(path=(*path, "quantity"), reason="A quantity is a whole number of at least 1.")
        if leg.ended_at <= leg.started_at:
            raise InvalidInput(path=(*path, "endedAt"), reason="A leg ends after it starts.")
        if index and leg.started_at < legs[index - 1].ended_at:
            raise InvalidInput(path=(*path, "startedAt"), reason="Legs follow one another and do not overlap.")


def check_journey(legs: Sequence[Leg], types: Sequence[ActionType]) -> None:
    """Refuse a journey of which a leg is not travel.

    Raises: InvalidInput.
    """
    if len(legs) == 1:
        return
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
    path = ("legs", str(index))
    if leg.quantity > kind.quantity_max:
        raise ImplausibleQuantity(
            path=(*path, "quantity"), type=kind.code, quantity=leg.quantity, quantity_max=kind.quantity_max
        )
    if kind.unit is QuantityUnit.METRE and kind.speed_kmh_max is not None:
        seconds = (leg.ended_at - leg.started_at).total_seconds()
        speed = leg.quantity / seconds * KMH_IN_M_PER_S
        if speed > kind.speed_kmh_max:
            shown = min(round(speed), SPEED_SHOWN_MAX_KMH)
            raise ImplausibleSpeed(path=path, type=kind.code, speed_kmh=shown, speed_kmh_max=kind.speed_kmh_max)


def check_reporting_time(legs: Sequence[Leg], types: Sequence[ActionType], now: datetime) -> None:
    """Refuse what has not happened yet, and what happened too long ago.

    Raises: ActionInFuture, ActionTooOld.
    """
    ended_at = legs[-1].ended_at
    if ended_at > now + CLOCK_SKEW:
        raise ActionInFuture(path=("legs", str(len(legs) - 1), "endedAt"), ended_at=ended_at, received_at=now)
    earliest = now - timedelta(seconds=min(kind.reporting_window_s for kind in types))
    if ended_at < earliest:
        raise ActionTooOld(path=("legs", str(len(legs) - 1), "endedAt"), ended_at=ended_at, earliest=earliest)


def check_overlap(
    legs: Sequence[Leg], types: Sequence[ActionType], others: Iterable[Mapping[str, Any]], exclusive: set[str]
) -> None:
    """Refuse a trip at a time when the user was on another one. Touching ends are no overlap.

    `others` are calculations. `exclusive` holds the codes of all types of which a person does one at a time.

    Raises: ActionOverlaps.
    """
    if not any(kind.excludes_overlap for kind in types):
        return
    for other in others:
        for line in other["lines"]:
            if line["type"] not in exclusive:
                continue
            starts, ends = datetime.fromisoformat(line["started_at"]), datetime.fromisoformat(line["ended_at"])
            for index, leg in enumerate(legs):
                if leg.started_at < ends and starts < leg.ended_at:
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


def day_of(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the start of the calendar day of a moment, in UTC."""
    return _day(moment.astimezone(zone).date(), zone)


@lru_cache(4_000)
def _day(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
