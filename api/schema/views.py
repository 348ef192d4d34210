"""Views: a type of the schema that shows a row, each field when it is asked for and not before.

An answer has many rows and few fields of each. To make an object with all of its fields, ids and texts included, costs
more than to fetch the row; a view keeps the row, and reads a field of it when the field is selected.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any, TypeVar

from strawberry.types.base import StrawberryObjectDefinition

Shown = TypeVar("Shown")


class ReadOnce:
    """What is put together of a row, kept with its view: a list that many ask for is made of the same views."""

    __slots__ = ("_name", "_read")

    def __init__(self, name: str, read: Callable[[Any], Any]) -> None:
        self._name = name
        self._read = read

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        """Put it together, and leave it in the view, where it is found from now on."""
        if shown is None:
            return self
        value = shown.__dict__[self._name] = self._read(shown)
        return value


def view(**reads: str | Callable[[Any], Any]) -> Callable[[type[Shown]], type[Shown]]:
    """Let a type read its plain fields from its `row`: from the column of the same name, or as `reads` says.

    `reads`: for a field the name of its column, or a function of the view.
    """

    def decorate(kind: type[Shown]) -> type[Shown]:
        definition: StrawberryObjectDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
        plain = {field.python_name for field in definition.fields if field.base_resolver is None}
        if unknown := reads.keys() - plain:
            raise TypeError(f"{kind.__name__} has no plain fields {sorted(unknown)}")
        for name in plain:
            read = reads.get(name, name)
            setattr(kind, name, property(attrgetter(f"row.{read}")) if isinstance(read, str) else ReadOnce(name, read))
        return kind

    return decorate


def shown(kind: type[Shown], row: object) -> Shown:
    """Return the view of a row."""
    made = object.__new__(kind)
    made.row = row  # type: ignore[attr-defined]
    return made
