"""Scalars: grams that are never a float, and moments that are always UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NewType, cast

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Grams = NewType("Grams", int)

#: The largest integer that every JSON reader keeps exactly.
SAFE_INTEGER_MAX = 2**53 - 1
# Far from the ends of what can be computed with; and the first is where PostgreSQL counts from.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)

SECOND_US, MINUTE_US, DAY_MINUTES = 1_000_000, 60_000_000, 24 * 60
TWO_DIGITS = [f"{number:02}" for number in range(60)]
THREE_DIGITS = [f"{number:03}" for number in range(1_000)]
MINUTES = [f"T{hour:02}:{minute}" for hour in range(24) for minute in TWO_DIGITS]


class Days(dict[int, str]):
    """The texts of days, by their number since 2000. There are few that anything happens on."""

    def __missing__(self, number: int) -> str:
        """Write a day."""
        text = (EARLIEST + timedelta(number)).date().isoformat()
        if len(self) < DAYS_MAX:
            self[number] = text
        return text


DAYS_MAX = 40_000
DAYS = Days()


def parse_grams(value: Any) -> Grams:
    """Read whole grams from a JSON number or a literal.

    Raises: GraphQLError for anything else, fractions and booleans included.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= SAFE_INTEGER_MAX:
        raise GraphQLError(f"Grams are a whole number from 0 to {SAFE_INTEGER_MAX}.")
    return Grams(value)


def parse_moment(value: Any) -> datetime:
    """Read an RFC 3339 moment, with its offset, into UTC.

    Raises: GraphQLError.
    """
    if not isinstance(value, str):
        raise GraphQLError("A DateTime is a string like 2026-06-05T08:30:00Z.")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise GraphQLError("A DateTime is a string like 2026-06-05T08:30:00Z.") from None
    if moment.tzinfo is UTC and EARLIEST.year <= moment.year < LATEST.year:
        return moment
    if moment.tzinfo is None:
        raise GraphQLError("A DateTime says its offset: Z, or for example +08:00.")
    if not EARLIEST <= moment < LATEST:
        raise GraphQLError("A DateTime lies between the years 2000 and 2200.")
    return moment.astimezone(UTC)


def format_moment(value: datetime) -> str:
    """Write a moment in UTC with Z."""
    if value.tzinfo is not UTC:
        value = value.astimezone(UTC)
    return value.isoformat()[: -len("+00:00")] + "Z"


def moment_text(count: int) -> str:
    """Write a moment as `format_moment` does, at once from how PostgreSQL counts it.

    An answer has dozens of moments, and to make a datetime of each costs more than to fetch its row.

    Units: microseconds since 2000.
    """
    minutes, rest = divmod(count, MINUTE_US)
    start = DAYS[minutes // DAY_MINUTES] + MINUTES[minutes % DAY_MINUTES]
    if not rest:
        return f"{start}:00Z"
    seconds, rest = divmod(rest, SECOND_US)
    start = f"{start}:{TWO_DIGITS[seconds]}"
    return f"{start}.{THREE_DIGITS[rest // 1000]}{THREE_DIGITS[rest % 1000]}Z" if rest else f"{start}Z"


def rewritten_moment(text: str) -> str:
    """Write a moment as `format_moment` does, from how SQLite holds it."""
    return format_moment(datetime.fromisoformat(text))


def serialize_moment(value: datetime | str) -> str:
    """Write a moment, unless a shortcut has written it."""
    return value if type(value) is str else format_moment(cast("datetime", value))


serialize_moment.keeps = str  # type: ignore[attr-defined]  # the executor need not call it for a text


SCALARS: Mapping[object, ScalarDefinition] = {
    Grams: strawberry.scalar(
        name="Grams",
        description=(
            "Grams: of CO2e, or of energy (1 g of energy is granted for 1 g of CO2e reduced). A whole JSON number "
            "from 0 to 2^53 - 1, so wider than Int, and never a fraction."
        ),
        serialize=int,
        parse_value=parse_grams,
    ),
    datetime: strawberry.scalar(
        name="DateTime",
        description="A moment as RFC 3339 text. Answers are in UTC with Z; inputs say their offset.",
        specified_by_url="https://datatracker.ietf.org/doc/html/rfc3339",
        serialize=serialize_moment,
        parse_value=parse_moment,
    ),
}
