"""Days of the programme: calendar days of its time zone.

The rules of a trip compare moments and ask for days, thousands of times a second. They do it with microseconds, counted
as PostgreSQL counts them (`api.models.rows`): no moment has to be made of what was read, and to compare is cheap.
"""

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from api.models.rows import EPOCH, microseconds

HOUR_US = 3_600_000_000


class Day(NamedTuple):
    """A calendar day from its start to before its end: as they are counted, and as moments."""

    starts: int
    ends: int
    starts_at: datetime
    ends_at: datetime


def day_of(moment_us: int, zone: ZoneInfo) -> Day:
    """Return the calendar day of a moment."""
    return _day_of_hour(moment_us // HOUR_US, zone) or _day(_date(moment_us, zone), zone)


@lru_cache(20_000)
def _day_of_hour(hour: int, zone: ZoneInfo) -> Day | None:
    """Return the day that all of an hour is in; None where a day ends within it, as it may outside of whole offsets."""
    starts = hour * HOUR_US
    first, last = _date(starts, zone), _date(starts + HOUR_US - 1, zone)
    return _day(first, zone) if first == last else None


@lru_cache(2_000)
def _day(day: date, zone: ZoneInfo) -> Day:
    starts_at, ends_at = (datetime.combine(one, time(), zone).astimezone(UTC) for one in (day, day + timedelta(days=1)))
    return Day(microseconds(starts_at), microseconds(ends_at), starts_at, ends_at)


def _date(moment_us: int, zone: ZoneInfo) -> date:
    return (EPOCH + timedelta(microseconds=moment_us)).astimezone(zone).date()
