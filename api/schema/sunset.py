"""What is deprecated, since when and until when: `@sunset` says it in the schema, and each answer that uses it, too.

Over HTTP two headers say it. A socket has none, and an event stream has sent its own by then: there it stands in the
`extensions` of the first result, part by part.

Source: RFC 9745 for `Deprecation`, RFC 8594 for `Sunset`.
"""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime
from email.utils import format_datetime
from typing import Any

import strawberry
from graphql import GraphQLEnumType, GraphQLInputObjectType, GraphQLInterfaceType, GraphQLObjectType, GraphQLSchema
from strawberry.schema_directive import Location


@strawberry.schema_directive(
    locations=[
        Location.FIELD_DEFINITION,
        Location.ARGUMENT_DEFINITION,
        Location.INPUT_FIELD_DEFINITION,
        Location.ENUM_VALUE,
    ],
    description="Stands beside @deprecated: when it was deprecated, the day it goes, and what to use instead.",
)
class Sunset:
    """When something was deprecated, and when it goes."""

    since: str
    removal: str
    replacement: str | None = None


class UnannouncedDeprecation(RuntimeError):
    """Something is deprecated and does not say until when."""


def sunsets(schema: GraphQLSchema) -> dict[str, Sunset]:
    """Return when each deprecated part of a schema goes, by its coordinate.

    Raises: UnannouncedDeprecation.
    """
    found = {}
    for coordinate, part in _parts(schema):
        if part.deprecation_reason is None:
            continue
        definition = part.extensions.get("strawberry-definition")
        sunset = next((one for one in getattr(definition, "directives", ()) if isinstance(one, Sunset)), None)
        if sunset is None:
            raise UnannouncedDeprecation(coordinate)
        found[coordinate] = sunset
    return found


def deprecation_headers(announced: Mapping[str, Sunset], used: Collection[str]) -> dict[str, str]:
    """Return the headers of an answer to a document that uses these: the first day that matters of each kind."""
    applying = [announced[one] for one in used if one in announced]
    if not applying:
        return {}
    since = min(_midnight(one.since) for one in applying)
    removal = min(_midnight(one.removal) for one in applying)
    return {"deprecation": f"@{int(since.timestamp())}", "sunset": format_datetime(removal, usegmt=True)}


def deprecation_extensions(announced: Mapping[str, Sunset], used: Collection[str]) -> dict[str, Any]:
    """Return what the first result of a document that uses these says, where there are no headers."""
    applying = [(one, announced[one]) for one in used if one in announced]
    if not applying:
        return {}
    return {
        "deprecation": [
            {"field": name, "since": one.since, "removal": one.removal, "replacement": one.replacement}
            for name, one in applying
        ]
    }


def _midnight(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), UTC)


def _parts(schema: GraphQLSchema) -> Iterator[tuple[str, Any]]:
    for name, kind in schema.type_map.items():
        if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
            for field_name, field in kind.fields.items():
                yield f"{name}.{field_name}", field
                for argument_name, argument in field.args.items():
                    yield f"{name}.{field_name}({argument_name}:)", argument
        elif isinstance(kind, GraphQLInputObjectType):
            yield from ((f"{name}.{field_name}", field) for field_name, field in kind.fields.items())
        elif isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{value_name}", value) for value_name, value in kind.values.items())
