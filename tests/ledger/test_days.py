"""Calendar days: whatever the zone, the day of a moment is the one that a calendar there shows."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.ledger.days import day_of
from api.models.rows import microseconds

ZONES = ("Asia/Shanghai", "UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/London", "America/Santiago", "Pacific/Apia")


@given(
    moment=some.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=some.just(UTC)),  # noqa: DTZ001
    zone=some.sampled_from(ZONES).map(ZoneInfo),
)
def test_a_moment_is_in_the_day_that_a_calendar_shows(moment: datetime, zone: ZoneInfo) -> None:
    shown = moment.astimezone(zone).date()

    day = day_of(microseconds(moment), zone)

    assert day.starts_at == midnight(shown, zone)
    assert day.ends_at == midnight(shown + timedelta(days=1), zone)
    assert (day.starts, day.ends) == (microseconds(day.starts_at), microseconds(day.ends_at))
    assert day.starts_at <= moment < day.ends_at


@pytest.mark.parametrize("zone", ZONES)
def test_a_day_begins_with_its_first_microsecond(zone: str) -> None:
    place = ZoneInfo(zone)
    start = microseconds(midnight(date(2026, 6, 5), place))

    assert day_of(start, place).starts == start
    assert day_of(start - 1, place).ends == start


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
