"""What is begun ahead of its object: a field that needs to know of it no more than whoever asked for it knew.

A field whose object is awaited would begin when that has come, and ask its own question then: two journeys, one after
the other. A resolver of a root field may return something that has beside its `future` a `stand_in`, an object that
stands in for the one that is awaited. Of the fields that are selected of it, those whose metadata say `BEGINS_AHEAD`
are begun at once, with that; what they returned is kept, and is theirs when the object has come. If it never comes, it
is let go of.

So such a field may be begun for an object that is not there, or not the caller's to see: its resolver has to ask for
nothing that the caller may not have, has no effect, and takes of its object only what stands in for it has.

To others, graphql-core among them, it is something to be awaited, and all fields begin when the object has come.
"""

from typing import TYPE_CHECKING, Any

from graphql import GraphQLField
from strawberry.types.field import StrawberryField

from api.execution.reading import DEFINITION

if TYPE_CHECKING:
    from api.execution.runtime import Execution, Position, Resolve, Spot

#: In a field's metadata.
BEGINS_AHEAD = "begins_ahead"

_NOTHING = object()


def begins_ahead(field: GraphQLField) -> bool:
    """Tell whether a field may be begun ahead of its object."""
    definition = field.extensions.get(DEFINITION)
    return isinstance(definition, StrawberryField) and bool(definition.metadata.get(BEGINS_AHEAD))


def unwrapped(value: Any, spot: "Spot", execution: "Execution", position: "Position") -> Any:
    """Return what is awaited, and begin what may begin before it comes: below a root field, which there is but once."""
    stand_in = getattr(value, "stand_in", None)
    if stand_in is None:
        return value
    if position[0] is None:
        for below, resolve in spot.ahead:
            try:
                execution.early[below] = resolve(stand_in, execution, position)
            except Exception as error:
                execution.early[below] = error
    return value.future


def taking(resolve: "Resolve", spot: "Spot") -> "Resolve":
    """Return what takes what a field returned that was begun ahead, or else finds its value."""

    def take(source: Any, execution: "Execution", position: "Position | None") -> Any:
        value = execution.early.pop(spot, _NOTHING)
        if value is _NOTHING:
            return resolve(source, execution, position)
        if isinstance(value, Exception):
            raise value
        return value

    return take
