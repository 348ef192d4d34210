"""Numbers for what is written, so that no key and no time is ever used twice on one copy of the data."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.generator import CONNECTIONS

DAYS = 6


class Numbers:
    """Numbers requests over all races on one copy of the data."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "counter"
        self.next = int(self._file.read_text()) if self._file.exists() else 1

    def use(self, count: int) -> None:
        """Say how many numbers were used. Those under way when wrk stopped are used as well."""
        self.next += count + CONNECTIONS
        self._file.write_text(str(self.next))


def first_day() -> datetime:
    """Return when the first trips of the bench start.

    The last 05:00 in Beijing after which eight hours have passed: the day's trips are over, those of five days before
    can still be reported, and all of a trip is on one day of the programme.
    """
    over = datetime.now(UTC) - timedelta(hours=8)
    day = over.replace(hour=21, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day > over)


def trip(number: int, users: int) -> tuple[int, datetime]:
    """Return whose trip a number is, and when it starts: as `wrk.lua` does it."""
    turn = number // users
    return number % users, first_day() - timedelta(days=turn % DAYS) + timedelta(seconds=turn // DAYS * 300)


def leg(starts: datetime) -> Mapping[str, Any]:
    """Return a trip of one kilometre by bus."""
    ends = starts + timedelta(seconds=240)
    return {"type": "BUS", "quantity": 1000, "startedAt": starts.isoformat(), "endedAt": ends.isoformat()}
