"""Views: a type of the schema that shows a row, each field when it is asked for and not before.

An answer has many rows and few fields of each. To make an object with all of its fields, ids and texts included, costs
more than to fetch the row; a view keeps the row, and reads a field of it when the field is selected.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeVar, overload
from uuid import UUID

from strawberry.types.base import StrawberryObjectDefinition
from strawberry.types.field import StrawberryField
from strawberry.utils.str_converters import to_camel_case
from typing_extensions import override

from api.models import Page
from api.models.rows import ALL, Columns, Decoder, moment, shown_moment, written_moment
from api.models.written import Known, WrittenPage
from api.schema.scalars import moment_text, rewritten_moment

Shown = TypeVar("Shown")

MOMENTS = (datetime, datetime | None)
#: What nearly all questions need, whoever asks: cursors are made of it, and rows are known by it.
ALWAYS: Columns = frozenset({"id"})

#: Says of a field with a resolver that its value is the same for every caller: what the executor completed of a view
#: that requests share (its `completed`) is good for all of them.
OF_ROW_ALONE = {"of_object_alone": True}
#: Says of a field with a resolver that it takes of its row the id alone, and asks for nothing but what is the caller's.
OF_KEY_ALONE = {"begins_ahead": True}
READS = "reads"
Shortcuts = Mapping[Decoder, Callable[[Any], Any]]
NO_SHORTCUTS: Shortcuts = MappingProxyType({})
#: Moments as PostgreSQL and SQLite leave them become the texts that are shown, and some are that already.
OF_MOMENTS: Shortcuts = MappingProxyType({shown_moment: str, moment: moment_text, written_moment: rewritten_moment})


def of_columns(*names: str) -> dict[str, object]:
    """Say of a field with a resolver which columns of its row it reads. Of one that does not say, all are asked for."""
    return {READS: frozenset(names)}


def beside(column: str, kind: type) -> dict[str, object]:
    """Say of a field with a resolver that its value, where it came along, is the view of what has that column's id."""
    return {"beside": (column, kind), **of_columns(column)}


def parts_of(read: "ReadParts") -> dict[str, object]:
    """Say of a field with a resolver that its value is an object of plain fields that lie in the row."""
    return {"parts": read, READS: read.columns}


class Read:
    """Reads a field of a view: the value at a path of attributes, or what is made of it.

    The executor knows `path` and `make`, and does the same without the detour. Where it finds an item of a row as the
    driver left it, `shortcuts` tell by the column's decoder what makes of it what is shown, without decoding it.
    """

    __slots__ = ("_get", "make", "path", "shortcuts")

    def __init__(
        self, path: str, make: Callable[[Any], Any] | None = None, shortcuts: Shortcuts = NO_SHORTCUTS
    ) -> None:
        self.path = path
        self.make = make
        self.shortcuts = shortcuts
        self._get = attrgetter(path)

    @property
    def columns(self) -> Columns:
        """The columns that it reads."""
        holder, _, column = self.path.partition(".")
        return frozenset({column}) if holder == "row" and column else ALL

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

    __slots__ = ("_name", "_read", "columns")

    def __init__(self, read: Callable[[Any], Any], *columns: str) -> None:
        """Take a function of the view, and the columns that it reads: all, where none are said."""
        self._name = ""
        self._read = read
        self.columns = frozenset(columns) or ALL

    def read(self, shown: Any) -> Any:
        """Put it together, and do not keep it."""
        return self._read(shown)

    def __set_name__(self, kind: type, name: str) -> None:
        """Hear under which name it is kept."""
        self._name = name

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        """Put it together, and leave it in the view, where it is found from now on."""
        if shown is None:
            return self
        value = shown.__dict__[self._name] = self._read(shown)
        return value


class ReadParts(ReadOnce):
    """An object of plain fields that lie in columns of the row.

    The executor knows `kind` and how its fields are read from the row, and makes none.
    """

    __slots__ = ("kind", "parts")

    def __init__(self, kind: type, **columns: str) -> None:
        """Take the class of the object, and for each of its fields the name of its column."""
        parts = {name: Read(f"row.{column}") for name, column in columns.items()}
        super().__init__(
            lambda shown: kind(**{name: read.__get__(shown) for name, read in parts.items()}), *columns.values()
        )
        self.kind = kind
        self.parts: Mapping[str, Read] = parts


def view(**reads: str | Read | ReadOnce) -> Callable[[type[Shown]], type[Shown]]:
    """Let a type read its plain fields from its `row`: from the column of the same name, or as `reads` says.

    `reads`: for a field the name of its column, or what reads it.
    """

    def decorate(kind: type[Shown]) -> type[Shown]:
        definition: StrawberryObjectDefinition = kind.__strawberry_definition__  # type: ignore[attr-defined]
        plain = {field.python_name for field in definition.fields if field.base_resolver is None}
        if unknown := reads.keys() - plain:
            raise TypeError(f"{kind.__name__} has no plain fields {sorted(unknown)}")
        for name in plain:
            reader = _reader(reads.get(name, name), kind.__annotations__.get(name))
            if isinstance(reader, ReadOnce):
                reader.__set_name__(kind, name)
            setattr(kind, name, reader)
        kind.columns_of = {_name(field): _columns(kind, field) for field in definition.fields}  # type: ignore[attr-defined]
        return kind

    return decorate


def _reader(read: str | Read | ReadOnce, annotation: object) -> Read | ReadOnce:
    if not isinstance(read, str):
        return read
    return Read(f"row.{read}", shortcuts=OF_MOMENTS if annotation in MOMENTS else NO_SHORTCUTS)


def _name(field: StrawberryField) -> str:
    return field.graphql_name or to_camel_case(field.python_name)


def _columns(kind: type, field: StrawberryField) -> Columns:
    if field.base_resolver is not None:
        columns: Columns = field.metadata.get(READS, ALL)
        return columns
    reader: Read | ReadOnce = vars(kind)[field.python_name]
    return reader.columns


@lru_cache(1_000)
def columns_of(kind: Hashable, *selected: frozenset[str]) -> Columns:
    """Return the columns that a view reads to show fields of these names; all, where that is not known of a field."""
    known: Mapping[str, Columns] = kind.columns_of  # type: ignore[attr-defined]  # a view has them
    columns = set(ALWAYS)
    for name in frozenset().union(*selected):
        if not name.startswith("__"):
            columns |= known.get(name, ALL)
    return ALL if columns >= ALL else frozenset(columns)


def shown(kind: type[Shown], row: object) -> Shown:
    """Return the view of a row."""
    made = object.__new__(kind)
    made.row = row  # type: ignore[attr-defined]
    return made


def expected(kind: type[Shown], row_id: UUID) -> Shown:
    """Return what stands in for the view of a row that is not there yet: of its fields only some can be had."""
    return shown(kind, Known(row_id))


class Views(Sequence[Shown]):
    """The views of a page's rows, with what came along: made when somebody looks at them.

    The executor reads what it can from the `rows` at once.
    """

    __slots__ = ("_made", "beside", "rows", "shown_as")

    #: Each view holds its row as that attribute.
    held_as = "row"

    def __init__(self, kind: type[Shown], page: Page[Any]) -> None:
        self.shown_as = kind
        self.rows = page.rows
        self.beside = page.along
        self._made: list[Shown] | None = None

    @override
    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Shown: ...

    @overload
    def __getitem__(self, index: slice) -> list[Shown]: ...

    @override
    def __getitem__(self, index: int | slice) -> Shown | list[Shown]:
        return self._views()[index]

    @override
    def __iter__(self) -> Iterator[Shown]:
        return iter(self._views())

    def _views(self) -> list[Shown]:
        if self._made is None:
            new, kind, along = object.__new__, self.shown_as, self.beside
            self._made = views = []
            for row in self.rows:
                made = new(kind)
                made.row = row  # type: ignore[attr-defined]
                if along is not None:
                    made.along = along  # type: ignore[attr-defined]
                views.append(made)
        return self._made


class WrittenViews:
    """The items of a page that came written. There is no view of any: the executor puts the texts together."""

    __slots__ = ("shown_as", "written")

    held_as = "row"

    def __init__(self, kind: type, page: WrittenPage) -> None:
        self.shown_as = kind
        self.written = page
