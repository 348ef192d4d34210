"""Global ids: what they look like, and how they are read."""

from functools import cache
from typing import Annotated, TypeAlias
from uuid import UUID

import strawberry

from api.models import NOBODY, decoder, encode_id, encoder
from api.schema.catalogue import error
from api.schema.views import Read

USER, ACTION, DONATION, PROJECT, PARTNER, EVENT, ACTION_TYPE = "usr", "act", "don", "prj", "ptn", "evt", "typ"
AUDIT_ENTRY = "aud"

IdArgument: TypeAlias = Annotated[strawberry.ID, strawberry.argument(description="Global id.")]


@strawberry.interface(description="Anything with a global id.")
class Node:
    """Anything with a global id."""

    id: strawberry.ID = strawberry.field(
        description="Global id: a prefix that says what it is, and a UUIDv7 that sorts by time (TypeID)."
    )


_decoder = cache(decoder)


def global_id(prefix: str, value: UUID) -> strawberry.ID:
    """Return the global id of a row."""
    return strawberry.ID(encode_id(prefix, value))


def id_of(prefix: str) -> Read:
    """Return what reads the global id of a view of a row."""
    return Read("row.id", encoder(prefix))


def read_id(text: str, prefix: str) -> UUID | None:
    """Return the row's id, or None when the text is not a global id of this kind."""
    return _decoder(prefix)(text)


def id_or_nobody(text: str, prefix: str) -> UUID:
    """Return the row's id, or one that no row has: what is not an id of this kind is simply not found."""
    return read_id(text, prefix) or NOBODY


def require_id(text: str, prefix: str) -> UUID:
    """Return the row's id.

    Raises: GraphQLError with code BAD_USER_INPUT when the text is not a global id of this kind.
    """
    value = read_id(text, prefix)
    if value is None:
        raise error(
            "BAD_USER_INPUT", "{text!r} is not an id that begins with {prefix}_.", text=text[:40], prefix=prefix
        )
    return value
