"""Grams that are never a float, moments that are always UTC."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from graphql import GraphQLError
from hypothesis import example, given
from hypothesis import strategies as st

from api.models.rows import microseconds
from api.schema.scalars import (
    SAFE_INTEGER_MAX,
    format_moment,
    moment_text,
    parse_grams,
    parse_moment,
    serialize_moment,
)


@pytest.mark.parametrize("value", [0, 1, 2**31 - 1, 2**31, 2**32, 9_007_199_254_740_991])
def test_grams_are_whole_numbers_wider_than_32_bits(value: int) -> None:
    assert parse_grams(value) == value


@pytest.mark.parametrize(
    "value", [-1, 2**53, 2**63, 10**40, 0.5, 1.0, True, False, "1", "", None, [], [1], {}, float("nan"), b"1"]
)
def test_nothing_else_is_grams(value: Any) -> None:
    with pytest.raises(GraphQLError, match=f"^Grams are a whole number from 0 to {SAFE_INTEGER_MAX}.$"):
        parse_grams(value)


@pytest.mark.parametrize(
    ("text", "moment", "shown"),
    [
        ("2026-06-05T08:30:00Z", datetime(2026, 6, 5, 8, 30, tzinfo=UTC), "2026-06-05T08:30:00Z"),
        ("2026-06-05T08:30:00+08:00", datetime(2026, 6, 5, 0, 30, tzinfo=UTC), "2026-06-05T00:30:00Z"),
        ("2026-06-05T00:30:00-23:59", datetime(2026, 6, 6, 0, 29, tzinfo=UTC), "2026-06-06T00:29:00Z"),
        ("2026-06-05T08:30:00.250Z", datetime(2026, 6, 5, 8, 30, 0, 250_000, UTC), "2026-06-05T08:30:00.250000Z"),
        ("2000-01-01T00:00:00Z", datetime(2000, 1, 1, tzinfo=UTC), "2000-01-01T00:00:00Z"),
        ("2000-01-01T08:00:00+08:00", datetime(2000, 1, 1, tzinfo=UTC), "2000-01-01T00:00:00Z"),
        ("2199-12-31T23:59:59Z", datetime(2199, 12, 31, 23, 59, 59, tzinfo=UTC), "2199-12-31T23:59:59Z"),
    ],
)
def test_a_moment_is_read_with_its_offset_and_shown_in_utc(text: str, moment: datetime, shown: str) -> None:
    assert parse_moment(text) == moment
    assert parse_moment(text).tzinfo is UTC
    assert format_moment(parse_moment(text)) == shown


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("2026-06-05T08:30:00", "A DateTime says its offset: Z, or for example \\+08:00."),
        ("2026-06-05", "A DateTime says its offset"),
        ("0001-01-01T00:00:00Z", "between the years 2000 and 2200"),
        ("0001-01-01T00:00:00+14:00", "between the years 2000 and 2200"),
        ("9999-12-31T23:59:59Z", "between the years 2000 and 2200"),
        ("9999-12-31T23:59:59-14:00", "between the years 2000 and 2200"),
        ("1999-12-31T23:59:59Z", "between the years 2000 and 2200"),
        ("2000-01-01T00:00:00+00:01", "between the years 2000 and 2200"),
        ("2200-01-01T00:00:00Z", "between the years 2000 and 2200"),
        ("", "A DateTime is a string like"),
        ("yesterday", "A DateTime is a string like"),
        ("2026-02-30T00:00:00Z", "A DateTime is a string like"),
        ("2026-06-05T25:00:00Z", "A DateTime is a string like"),
        ("2026-06-05T08:30:60Z", "A DateTime is a string like"),
        ("2026-06-05T08:30:00+99:00", "A DateTime is a string like"),
        ("\u0662\u0660\u0662\u0666-06-05T08:30:00Z", "A DateTime is a string like"),
        (1_780_000_000, "A DateTime is a string like"),
        (True, "A DateTime is a string like"),
        (None, "A DateTime is a string like"),
    ],
)
def test_what_is_no_moment_is_refused_with_what_to_send(value: Any, message: str) -> None:
    with pytest.raises(GraphQLError, match=message):
        parse_moment(value)


@given(
    st.datetimes(datetime(2000, 1, 2), datetime(2199, 12, 30)),  # noqa: DTZ001 - the offset is drawn too
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
)
def test_any_moment_survives_being_shown_and_read(naive: datetime, minutes: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert parse_moment(moment.isoformat()) == moment
    assert parse_moment(format_moment(moment)) == moment
    assert format_moment(moment).endswith("Z")


@given(st.datetimes(datetime(1999, 1, 2), datetime(2199, 12, 30)))  # noqa: DTZ001 - it is UTC, said below
@example(datetime(2026, 6, 5))  # noqa: DTZ001
@example(datetime(2026, 6, 5, 8, 30, 0, 62_000))  # noqa: DTZ001
def test_a_moment_of_a_row_is_shown_alike_however_the_row_has_it(naive: datetime) -> None:
    moment = naive.replace(tzinfo=UTC)

    assert moment_text(microseconds(moment)) == serialize_moment(moment) == format_moment(moment)
