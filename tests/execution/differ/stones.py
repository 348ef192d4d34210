"""Objects that show a row each, alone and in sequences that offer their rows: the values in the rows are anything.

What such classes say of themselves is told in `api/execution/reading.py`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, overload

import strawberry
from typing_extensions import override

from api.execution.written import Form


class Column:
    """An item of a row."""

    def __init__(self, index: int, decode: Callable[[Any], Any] | None, members: Mapping[Any, Any] | None) -> None:
        self.index = index
        self.decode = decode
        self.members = members

    def __get__(self, row: Any, kind: type | None = None) -> Any:
        if row is None:
            return self
        value = row[self.index]
        return value if value is None or self.decode is None else self.decode(value)


class Read:
    """A field that is read from a row."""

    def __init__(self, path: str, make: Any = None, shortcuts: Mapping[Any, Any] | None = None) -> None:
        self.path = path
        self.make = make
        self.shortcuts = shortcuts or {}

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        if shown is None:
            return self
        value = attrgetter(self.path)(shown)
        return value if self.make is None else self.make(value)

    def __set__(self, shown: Any, value: object) -> None:
        raise AttributeError(self.path)


class Parts:
    """An object whose fields are read from the same row."""

    def __init__(self, kind: type, **parts: Read) -> None:
        self.kind = kind
        self.parts = parts

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        if shown is None:
            return self
        return self.kind(**{name: part.__get__(shown) for name, part in self.parts.items()})


@strawberry.enum
class Hardness(Enum):
    SOFT = "soft"
    HARD = strawberry.enum_value("hard", name="FIRM")


def doubled(value: Any) -> Any:
    return value * 2


def loudly(value: Any) -> str:
    return f"{value}!"


def loudly_packed(values: list[Any], count: int) -> list[str]:
    assert len(values) == count
    return [loudly(value) for value in values]


loudly.packed = loudly_packed  # type: ignore[attr-defined]
HARDNESSES = {one.value: one for one in Hardness}


@strawberry.type
class Size:
    width: int
    height: int | None


@strawberry.type
class Quarry:
    row: strawberry.Private[Any]
    completed: strawberry.Private[dict[Any, Any] | None] = None
    name: str
    depth: int | None


@strawberry.type
class Stone:
    row: strawberry.Private[Any]
    beside: strawberry.Private[Any] = None
    id: strawberry.ID
    name: str | None
    weight: int
    hardness: Hardness
    was: Hardness | None
    price: Decimal | None
    size: Size
    loose: list[int] | None

    @strawberry.field(metadata={"beside": ("quarry_id", Quarry)})  # type: ignore[untyped-decorator]
    def quarry(self) -> Quarry:
        assert self.beside is not None, "it lies nowhere"
        found = object.__new__(Quarry)
        found.row = self.beside.rows[self.row.quarry_id]
        return found


COLUMNS: Mapping[str, tuple[Callable[[Any], Any] | None, Mapping[Any, Any] | None]] = {
    "id": (None, None),
    "name": (doubled, None),
    "weight": (None, None),
    "hardness": (HARDNESSES.__getitem__, HARDNESSES),
    "was": (HARDNESSES.__getitem__, HARDNESSES),
    "price": (None, None),
    "width": (None, None),
    "height": (None, None),
    "loose": (None, None),
    "quarry_id": (None, None),
    "depth": (None, None),
}
for _name, _read in {
    "id": Read("row.id", loudly),
    "name": Read("row.name", None, {doubled: doubled}),
    "weight": Read("row.weight"),
    "hardness": Read("row.hardness"),
    "was": Read("row.was"),
    "price": Read("row.price"),
    "size": Parts(Size, width=Read("row.width"), height=Read("row.height")),
    "loose": Read("row.loose"),
}.items():
    setattr(Stone, _name, _read)
for _name in ("name", "depth"):
    setattr(Quarry, _name, Read(f"row.{_name}"))


def row_class(names: Sequence[str]) -> type[tuple[Any, ...]]:
    """Return a class of rows that have these columns."""
    return type("Row", (tuple,), {name: Column(index, *COLUMNS[name]) for index, name in enumerate(names)})


#: All columns, others in another order, and a row that knows its columns in no such way.
WHOLE = row_class(tuple(COLUMNS))
TURNED = row_class(tuple(COLUMNS)[::-1])
PART = row_class(("id", "weight", "quarry_id"))


class Plain:
    """A row of attributes."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)


ROWS = (WHOLE, WHOLE, TURNED, PART, Plain)


def make_row(kind: Any, values: Mapping[str, Any]) -> Any:
    """Return a row of a class."""
    if kind is Plain:
        return Plain(values)
    return kind(values[name] for name, one in vars(kind).items() if isinstance(one, Column))


class Beside:
    """What lies beside a sequence."""

    def __init__(self, rows: Mapping[Any, Any]) -> None:
        self.rows = rows
        self.completed: dict[Any, Any] = {}


class Stones(Sequence[Any]):
    """A sequence of stones that offers their rows."""

    shown_as = Stone
    held_as = "row"

    def __init__(self, rows: list[Any], beside: Beside | None) -> None:
        self.rows = rows
        self.beside = beside

    @overload
    def __getitem__(self, index: int) -> Any: ...

    @overload
    def __getitem__(self, index: slice) -> list[Any]: ...

    @override
    def __getitem__(self, index: int | slice) -> Any:
        return list(self)[index]

    @override
    def __len__(self) -> int:
        return len(self.rows)

    @override
    def __iter__(self) -> Iterator[Any]:
        return (stone(row, self.beside) for row in self.rows)


def stone(row: Any, beside: Beside | None) -> Stone:
    """Return the stone that shows a row."""
    made = object.__new__(Stone)
    made.row = row
    made.beside = beside
    return made


class WrittenStones:
    """Stones of which there is only a text."""

    shown_as = Stone
    held_as = "row"

    def __init__(self, form: Form, texts: list[str], opened: list[list[Any]]) -> None:
        self.form = form
        self.count = len(texts)
        self.text = ",".join(texts)
        self.opened = opened

    @property
    def written(self) -> "WrittenStones":
        return self

    @classmethod
    def of(cls, form: Form, stones: Stones) -> "WrittenStones | None":
        """Write stones as a database would; None where a value is not what the form says that it must be."""
        try:
            texts = [_written(form, row, stones.beside) for row in stones.rows]
            opened = [[getattr(row, column) for row in stones.rows] for column in form.opened]
        except (AttributeError, KeyError, TypeError):
            return None
        return cls(form, texts, opened) if json.dumps(opened).isascii() else None


def _written(form: Form, row: Any, beside: Beside | None) -> str:
    if any(type(getattr(row, column)) is not str or not getattr(row, column).isalnum() for column in form.opened):
        raise TypeError("the text of an id needs an escape")
    text = form.literals[0]
    for value, literal in zip(form.values, form.literals[1:], strict=True):
        found: Any = getattr(row, value.column)
        if value.form is not None:
            if beside is None:
                raise KeyError(found)
            text += _written(value.form, beside.rows[found], beside)
        elif value.kind == "name" and found is not None:
            assert value.name_of is not None
            text += json.dumps(value.name_of(found))
        elif type(found) is KINDS.get(value.kind) or (found is None and value.nullable):
            if value.kind == "int32" and found is not None and not INT32[0] <= found <= INT32[1]:
                raise TypeError("it has too many bits")
            text += json.dumps(found)
        else:
            raise TypeError(f"{found!r} is not what it must be")
        text += literal
    return text


INT32: Any = (-(2**31), 2**31 - 1)
KINDS = {"text": str, "int32": int, "integer": int, "boolean": bool}
