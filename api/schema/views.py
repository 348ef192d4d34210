"""Views: a type of the schema that shows a row, each field when it is asked for and not before.

An answer has many rows and few fields of each. To make an object with all of its fields, ids and texts included, costs
more than to fetch the row; a view keeps the row, and reads a field of it when the field is selected.
"""

from collections.abc import Callable
from datetime import datetime
from operator import attrgetter
from typing import Any, TypeVar

from strawberry.types.base import StrawberryObjectDefinition

from api.models import Page
from api.schema.scalars import moment_of

Shown = TypeVar("Shown")

MOMENTS = (datetime, datetime | None)

#: Says of a field with a resolver that its value is the same for every caller: what the executor completed of a view
#: that requests share (its `completed`) is good for all of them.
OF_ROW_ALONE = {"of_object_alone": True}


class Read:
    """Reads a field of a view: the value at a path of attributes, or what is made of it.

    The executor knows `path` and `make`, and does the same without the detour.
    """

    __slots__ = ("_get", "make", "path")

    def __init__(self, path: str, make: Callable[[Any], Any] | None = None) -> None:
        self.path = path
        self.make = make
        self._get = attrgetter(path)

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        """Read it."""
        if shown is None:
            return self
        value = self._get(shown)
        return value if self.make is None else self.make(value)

    def __set__(self, shown: Any, value: object) -> None:
        """Refuse: it is the row's.

        Raises: AttributeError.
        """
        raise AttributeError(f"{self.path} is only read")


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


def view(**reads: str | Read | Callable[[Any], Any]) -> Callable[[type[Shown]], type[Shown]]:
    """Let a type read its plain fields from its `row`: from the column of the same name, or as `reads` says.

    `reads`: for a field the name of its column, what reads it, or a function of the view.
    """

    def decorate(kind: type[Shown]) -> type[Shown]:
        definition: StrawberryObjectDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
        plain = {field.python_name for field in definition.fields if field.base_resolver is None}
        if unknown := reads.keys() - plain:
            raise TypeError(f"{kind.__name__} has no plain fields {sorted(unknown)}")
        for name in plain:
            setattr(kind, name, _reader(name, reads.get(name, name), kind.__annotations__.get(name)))
        return kind

    return decorate


def _reader(name: str, read: str | Read | Callable[[Any], Any], annotation: object) -> Read | ReadOnce:
    if isinstance(read, Read):
        return read
    if not isinstance(read, str):
        return ReadOnce(name, read)
    return Read("row", moment_of(read)) if annotation in MOMENTS else Read(f"row.{read}")


def shown(kind: type[Shown], row: object) -> Shown:
    """Return the view of a row."""
    made = object.__new__(kind)
    made.row = row  # type: ignore[attr-defined]
    return made


def page_shown(kind: type[Shown], page: Page[Any]) -> list[Shown]:
    """Return the views of a page's rows, each with what came along."""
    new, along = object.__new__, page.along
    views = []
    for row in page.rows:
        made = new(kind)
        made.row = row  # type: ignore[attr-defined]
        if along is not None:
            made.along = along  # type: ignore[attr-defined]
        views.append(made)
    return views
