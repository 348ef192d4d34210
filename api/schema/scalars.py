"""Scalars: grams that are never a float, and moments that are always UTC."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

Grams = NewType("Grams", int)

#: The largest integer that every JSON reader keeps exactly.
SAFE_INTEGER_MAX = 2**53 - 1
# Far from the ends of what can be computed with.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)


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
        serialize=format_moment,
        parse_value=parse_moment,
    ),
}
