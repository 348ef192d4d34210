"""Light rows: what a named statement answers with. They read like a model's and know nothing of the ORM.

Making a model of a row costs more than fetching it. A light row is what the driver hands out, a record on PostgreSQL
and a tuple on SQLite, under a class that names its columns: `row.status`, in the type that the model declares. A value
that the driver leaves as it came (a moment, an enum, JSON; on SQLite an id) is decoded when it is read, and only then.
The model's properties and methods are there as well, and nothing that asks or writes.

A row may hold a part of its model's columns, those that somebody has asked for. To read another one is an
`AttributeError`, so it is never taken for empty.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from enum import Enum
from inspect import isfunction
from operator import itemgetter
from types import MappingProxyType
from typing import Any, Generic, TypeAlias, TypeVar

import asyncpg
import orjson
from asyncpg.pgproto import pgproto
from tortoise import fields
from tortoise.fields.base import Field
from tortoise.fields.relational import BackwardFKRelation, ForeignKeyFieldInstance
from tortoise.models import Model

Row = TypeVar("Row")

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # PostgreSQL's
MICROSECOND = timedelta(microseconds=1)
NOTHING: Mapping[str, Any] = MappingProxyType({})
#: What makes a column's value of what the driver left in a record or a tuple; not called for null.
Decoder = Callable[[Any], Any]
#: Names of columns. `ALL` stands for those that there are.
Columns: TypeAlias = frozenset[str]
ALL: Columns = frozenset("*")


class Column(property):
    """A column as an attribute of the class of a row.

    Who knows that class may take the item of a row at `index`, and make the value of it by `decode`, where there is
    one. For an enum `members` are the values, by what the driver leaves of them.
    """

    def __init__(self, index: int, decode: Decoder | None) -> None:
        super().__init__(_reader(index, decode))
        self.index = index
        self.decode = decode
        members = getattr(decode, "__self__", None)
        self.members: Mapping[Any, Enum] | None = members if isinstance(members, dict) else None


class CountedField(fields.DatetimeField[Any]):
    """A moment as PostgreSQL counts it, in microseconds since 2000: for what is compared and never shown."""


class ShownMomentField(fields.DatetimeField[Any]):
    """A moment as the text that is shown of it, for rows of which many are shown.

    PostgreSQL writes it in a third of the time that Python takes. On SQLite it is a moment like any other.
    """

    def select(self, column: str) -> str:
        """Return the expression by which PostgreSQL writes a column: in UTC, with six digits of a second or none."""
        text = f"""to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        return f"replace({text}, '.000000Z', 'Z')"


class Shape(Generic[Row]):
    """The columns of a row, in order, and the two classes by which the drivers make one."""

    def __init__(self, name: str, columns: dict[str, "Field[Any]"], members: Mapping[str, Any]) -> None:
        self.name = name
        self.columns = tuple(columns)
        self._own = self.columns
        self._fields = columns
        self._members = members
        body = _body(columns, members, _postgres_decoder)
        self.postgres: type[asyncpg.Record] = type(name, (asyncpg.Record,), body | dict(COMPARISON))
        self.sqlite: type[tuple[Any, ...]] = type(name, (tuple,), _body(columns, members, _sqlite_decoder))

    @classmethod
    def of(
        cls, model: type[Row], *names: str, members: Mapping[str, Any] = NOTHING, **others: "Field[Any]"
    ) -> "Shape[Row]":
        """Return the shape of a model's row, or of the named columns of it, with `others` after them.

        `members` are properties and methods beside the model's own.
        """
        assert issubclass(model, Model)  # noqa: S101 - the type of `Row` cannot say it
        known = model._meta.fields_map  # noqa: SLF001 - it has no public name
        columns = columns_of(model, *names)
        own = {
            name: value
            for name, value in vars(model).items()
            if (isfunction(value) or isinstance(value, property)) and not name.startswith("_") and name not in known
        }
        shape: Shape[Row] = Shape(model.__name__, columns | others, own | dict(members))
        shape._own = tuple(columns)
        return shape

    @property
    def fields(self) -> "dict[str, Field[Any]]":
        """The columns, by their names."""
        return self._fields

    def and_also(self, **others: "Field[Any]") -> "Shape[Row]":
        """Return a shape of this one's columns with others after them."""
        shape: Shape[Row] = Shape(self.name, self._fields | others, self._members)
        shape._own = self._own
        return shape

    def only(self, columns: Columns) -> "Shape[Row]":
        """Return a shape of these of the model's columns, in their order, with the same others after them.

        Raises: ValueError where one is not the model's.
        """
        if unknown := columns.difference(self._own):
            raise ValueError(f"{self.name} has no columns {sorted(unknown)}")
        kept = {name: field for name, field in self._fields.items() if name in columns or name not in self._own}
        shape: Shape[Row] = Shape(self.name, kept, self._members)
        shape._own = tuple(name for name in self._own if name in columns)
        return shape

    def shown(self) -> "Shape[Row]":
        """Return a shape of the same columns, of which PostgreSQL writes the moments as they are shown."""
        fields_ = {
            name: ShownMomentField() if isinstance(field, fields.DatetimeField) else field
            for name, field in self._fields.items()
        }
        shape: Shape[Row] = Shape(self.name, fields_, self._members)
        shape._own = self._own
        return shape

    def select(self, table: str) -> str:
        """Return the model's columns as a statement selects them from a table or its alias."""
        return ", ".join(f"{table}.{name}" for name in self._own)

    def select_shown(self, table: str) -> str:
        """Return them as a statement of PostgreSQL selects them for the rows that it returns."""
        return ", ".join(self._shown(f"{table}.{name}", name) for name in self._own)

    def _shown(self, column: str, name: str) -> str:
        field = self._fields[name]
        return f"{field.select(column)} AS {name}" if isinstance(field, ShownMomentField) else column


def _is_equal(row: asyncpg.Record, other: object) -> bool:
    return isinstance(other, asyncpg.Record) and tuple(row) == tuple(other)


#: Rows are compared by what is in them, and never by asyncpg's own comparison: that of 0.32 keeps a reference to each
#: value that it looks at, for ever, which was 500 bytes for each request.
COMPARISON: Mapping[str, Any] = {
    "__eq__": _is_equal,
    "__ne__": lambda row, other: not _is_equal(row, other),
    "__hash__": lambda row: hash(tuple(row)),
}


def columns_of(model: type[Model], *names: str) -> "dict[str, Field[Any]]":
    """Return the columns of these names, or all of a model's, in order."""
    known = model._meta.fields_map  # noqa: SLF001 - it has no public name
    # An open database adds what points at the model, and the columns under its foreign keys.
    kept = {name: field for name, field in known.items() if not isinstance(field, BackwardFKRelation)}
    every = (f"{name}_id" if isinstance(field, ForeignKeyFieldInstance) else name for name, field in kept.items())
    return {name: _column(known, name) for name in names or dict.fromkeys(every)}


def _column(known: Mapping[str, "Field[Any]"], name: str) -> "Field[Any]":
    field = known.get(name)
    # The column under a foreign key gets its field only when the database is opened.
    if field is None and isinstance(known[name.removesuffix("_id")], ForeignKeyFieldInstance):
        return fields.UUIDField()
    return known[name]


def _body(
    columns: Mapping[str, "Field[Any]"], members: Mapping[str, Any], decoder: "Callable[[Field[Any]], Decoder | None]"
) -> dict[str, Any]:
    body = {"__slots__": (), **members}
    for index, (name, field) in enumerate(columns.items()):
        body[name] = Column(index, decoder(field))
    return body


def _reader(index: int, decode: Decoder | None) -> Callable[[Any], Any]:
    if decode is None:
        return itemgetter(index)

    def read(row: Any) -> Any:
        value = row[index]
        return None if value is None else decode(value)

    return read


def microseconds(moment: datetime) -> int:
    """Return a moment as PostgreSQL counts it."""
    return (moment - EPOCH) // MICROSECOND


def _count(text: str) -> int:
    return microseconds(datetime.fromisoformat(text))


def moment(count: int) -> datetime:
    """Return the moment that PostgreSQL counts so."""
    return EPOCH + timedelta(0, 0, count)


def written_moment(text: str) -> datetime:
    """Return the moment that SQLite holds as text, with its offset."""
    return datetime.fromisoformat(text)


def shown_moment(text: str) -> datetime:
    """Return the moment of which PostgreSQL has written what is shown."""
    return datetime.fromisoformat(text)


def _postgres_decoder(field: "Field[Any]") -> Decoder | None:
    if isinstance(field, CountedField):
        return None
    if isinstance(field, ShownMomentField):
        return shown_moment
    if isinstance(field, fields.DatetimeField):
        return moment
    return _decoder(field)


def _decoder(field: "Field[Any]") -> Decoder | None:
    kind = getattr(field, "enum_type", None)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {member.value: member for member in kind}.__getitem__
    return orjson.loads if isinstance(field, fields.JSONField) else None


def _sqlite_decoder(field: "Field[Any]") -> Decoder | None:
    if isinstance(field, fields.UUIDField):
        return pgproto.UUID
    if isinstance(field, CountedField):
        return _count
    if isinstance(field, fields.DatetimeField):
        return written_moment
    return bool if isinstance(field, fields.BooleanField) else _decoder(field)
