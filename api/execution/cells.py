"""What of a selection is read of rows: cells. Classes say of their plain fields where they lie (`reading.py`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    is_leaf_type,
)

from api.execution.inlining import Inline
from api.execution.reading import Read, attribute_of, lies_beside, origin_of, parts_of, read_of
from api.execution.selections import Found, Selections

# The row and its column.
PATH_LENGTH = 2


@dataclass(frozen=True)
class Cell:
    """A field that is read from a row: by an attribute of it, as a value of a leaf type."""

    read: Read
    leaf: Inline


#: What is selected, by the keys of the answer: a field, the fields of an object that lies in the same row, a text that
#: is always the same, or None for what is put there afterwards.
Cells: TypeAlias = Mapping[str, "Cell | Cells | str | None"]


@dataclass(frozen=True)
class Selected:
    """What is selected of objects that hold a row as `holder`: what is read of it, and the rest of the fields."""

    holder: str
    cells: dict[str, "Cell | Cells | str | None"]
    rest: dict[str, list[Any]]


@dataclass(frozen=True)
class Neighbour:
    """A field whose values lie beside a sequence of objects, each a row of its own that `column` has the id of."""

    key: str
    column: str
    kind: GraphQLObjectType
    origin: type
    read: Selected


def cells_of(kind: GraphQLObjectType, origin: type | None, found: Found, selections: Selections) -> Selected | None:
    """Return what is selected of objects of a class, if something of it is read of a row that each holds."""
    holders = [
        read.path[0]
        for details in found.values()
        if (field := selections.field(kind, details[0].node.name.value)) is not None
        and (read := read_of(field, origin)) is not None
        and len(read.path) > 1
    ]
    if not holders:
        return None
    finder = _Finder(holders[0], selections)
    selected = Selected(holders[0], {}, {})
    for key, details in found.items():
        cell = finder.cell(kind, origin, details)
        selected.cells[key] = cell
        if cell is None:
            selected.rest[key] = details
        else:
            selections.count()
    return selected if any(isinstance(cell, Cell) for cell in selected.cells.values()) else None


def beside_of(kind: GraphQLObjectType, read: Selected, selections: Selections) -> Neighbour | None:
    """Return the only field that is not read of the row, if what it shows lies beside the sequence.

    And if nothing is selected of that which is not read of its own row.
    """
    if len(read.rest) != 1:
        return None
    ((key, details),) = read.rest.items()
    field = selections.field(kind, details[0].node.name.value)
    known = lies_beside(field) if field is not None else None
    if field is None or known is None:
        return None
    inner = field.type.of_type if isinstance(field.type, GraphQLNonNull) else field.type
    column, origin = known
    if not isinstance(inner, GraphQLObjectType) or origin_of(inner) is not origin:
        return None
    selected = cells_of(inner, origin, selections.below(inner, details), selections)
    return Neighbour(key, column, inner, origin, selected) if selected is not None and not selected.rest else None


class _Finder:
    """Finds what is read of a row."""

    def __init__(self, holder: str, selections: Selections) -> None:
        self._holder = holder
        self._selections = selections

    def cell(self, kind: GraphQLObjectType, origin: type | None, details: list[Any]) -> "Cell | Cells | str | None":
        """Return how a field is read, None for what has to be executed."""
        name = details[0].node.name.value
        if name == "__typename":
            return kind.name
        field = self._selections.field(kind, name)
        if field is None:
            return None
        parts = parts_of(field, origin)
        if parts is not None:
            return self._parts(field.type, *parts, details)
        return self._leaf(field.type, read_of(field, origin))

    def _parts(
        self, kind: GraphQLOutputType, origin: type, parts: Mapping[str, Read], details: list[Any]
    ) -> "Cells | None":
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if not isinstance(inner, GraphQLObjectType) or origin_of(inner) is not origin:
            return None
        cells: dict[str, Cell | Cells | str | None] = {}
        for key, one in self._selections.below(inner, details).items():
            name = one[0].node.name.value
            field = self._selections.field(inner, name)
            attribute = attribute_of(field) if field is not None else None
            cell = inner.name if name == "__typename" else None
            cells[key] = cell or (self._leaf(field.type, parts.get(attribute)) if field and attribute else None)
        if not cells or None in cells.values():
            return None
        for _ in cells:
            self._selections.count()
        return cells

    def _leaf(self, kind: GraphQLOutputType, read: Read | None) -> Cell | None:
        inner = kind.of_type if isinstance(kind, GraphQLNonNull) else kind
        if read is None or len(read.path) != PATH_LENGTH or read.path[0] != self._holder or not is_leaf_type(inner):
            return None
        leaf, _ = self._selections.leaf(inner)
        leaf.nullable = not isinstance(kind, GraphQLNonNull)
        return Cell(read, leaf) if leaf.usual("v") is not None else None
