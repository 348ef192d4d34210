"""Pages that PostgreSQL writes: their rows as one text of JSON each, in the time that it takes to send the values.

Whoever shows a page says by a form how each row is written (the executor's `written.Form`): literals, and between them
values of columns, or another row that lies beside, by a form of its own. The text of an id is ours alone, so it is left
open in the text, and the ids come with it, packed. What a form asks for and this cannot write, or a value that is not
what it must be, is no error: then the page comes as rows.

The literals are parameters of the statement. So nothing that a client wrote is in its text, and there are few.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple, Protocol
from uuid import UUID

import orjson
from asyncpg.pgproto import pgproto
from tortoise import fields
from tortoise.fields.base import Field

from api.models.ids import ID
from api.models.rows import Shape, ShownMomentField

KEY = "id"
#: Between two rows while it is not known where the page ends. No JSON text has it in it as it is.
SEPARATOR = "\x02"
INT32 = "BETWEEN -2147483648 AND 2147483647"


class Value(Protocol):
    """A value: of which column, as what, and whether it may be null."""

    @property
    def column(self) -> str:
        """Its column."""

    @property
    def kind(self) -> str:
        """As what it is written: "text", "int32", "integer", "boolean", "name" or "beside"."""

    @property
    def nullable(self) -> bool:
        """Whether it may be null."""

    @property
    def name_of(self) -> Callable[[Any], str] | None:
        """What returns the name of an enum's member; it raises a TypeError for one that has none."""

    @property
    def form(self) -> "Form | None":
        """How what lies beside is written."""


class Form(Protocol):
    """How a row is written; known by being itself."""

    @property
    def literals(self) -> tuple[str, ...]:
        """What stands before, between and after the values."""

    @property
    def values(self) -> Sequence[Value]:
        """The values."""

    @property
    def opened(self) -> tuple[str, ...]:
        """The columns of what is left open in the literals, in order."""


#: Tables and shapes of what may lie beside a row, by the columns that have the ids.
Beside = Mapping[str, tuple[str, Shape[Any]]]


class Known(NamedTuple):
    """A row of which the id is known."""

    id: UUID


class WrittenPage:
    """A page that came written: the texts of its rows with commas between them, and the ids left open in them."""

    __slots__ = ("count", "form", "has_next", "has_previous", "ids", "opened", "text")

    def __init__(self, form: Form, limit: int, row: Any, *, has_previous: bool) -> None:
        count, ids, refs, text = row.count, row.ids or b"", row.refs, row.texts or ""
        self.has_next, self.has_previous = count > limit, has_previous
        if self.has_next:
            count, end = limit, limit * ID
            ids, refs, text = ids[:end], refs and refs[:end], text[: text.rindex(SEPARATOR)]
        self.form = form
        self.count: int = count
        self.text: str = text.replace(SEPARATOR, ",")
        self.ids: bytes = ids
        self.opened: list[bytes] = [ids if column == KEY else refs for column in form.opened]

    @property
    def first(self) -> Known | None:
        """The first row, if there is one."""
        return Known(pgproto.UUID(self.ids[:ID])) if self.count else None

    @property
    def last(self) -> Known | None:
        """The last row, if there is one."""
        return Known(pgproto.UUID(self.ids[-ID:])) if self.count else None


#: A page as it comes, perhaps with a row past it: the ids of the rows, what they refer to, and the texts. `count` is of
#: the rows, and `whole` of those of which there is a text.
WRITTEN: Shape[Any] = Shape(
    "Written",
    {
        "ids": fields.BinaryField(),
        "refs": fields.BinaryField(),
        "texts": fields.TextField(),
        "count": fields.BigIntField(),
        "whole": fields.BigIntField(),
        "n": fields.BigIntField(),
    },
    {},
)


def columns_of(form: Form) -> frozenset[str]:
    """Return the columns that a form needs of its own rows."""
    return frozenset({KEY, *form.opened, *(value.column for value in form.values)})


def parameters(form: Form) -> list[str]:
    """Return the literals of a form, in the order in which a statement takes them."""
    found = [form.literals[0]]
    for value, literal in zip(form.values, form.literals[1:], strict=True):
        found += [*(parameters(value.form) if value.form is not None else ()), literal]
    return found


def written_page(keys: str, selected: str, page: str, rows: str) -> str:
    """Return the statement that writes pages, by what is selected of their rows."""
    return (
        f"SELECT p.*, k.n - 1 AS n FROM {keys} CROSS JOIN LATERAL ("  # noqa: S608 - names of our own
        f"SELECT string_agg(uuid_send(w.id), ''::bytea) AS ids, "
        f"string_agg(uuid_send(w.ref), ''::bytea) AS refs, "
        f"string_agg(w.text, '{SEPARATOR}') AS texts, count(*) AS count, count(w.text) AS whole "
        # Without an offset the texts would be made twice: to be put together, and to be counted.
        f"FROM (SELECT {selected} FROM ({page}) {rows} OFFSET 0) w) p"
    )


class Writer:
    """Writes for one form what PostgreSQL selects of the rows of a page."""

    def __init__(self, beside: Beside, first: int) -> None:
        """Take tables and shapes of what lies beside, by the columns that have the ids; and the first parameter."""
        self._beside = beside
        self._numbers = count(first)

    def select(self, form: Form, shape: Shape[Any], rows: str) -> str | None:
        """Return what is selected of each of the `rows`: its id, what it refers to, and its text.

        None, where it cannot be written.
        """
        others = {column for column in form.opened if column != KEY}
        if len(others) > 1 or not all(isinstance(shape.fields.get(one), fields.UUIDField) for one in (KEY, *others)):
            return None
        text = self._text(form, shape, rows)
        ref = f"{rows}.{others.pop()}" if others else "NULL::uuid"
        return f"{rows}.{KEY} AS id, {ref} AS ref, {text} AS text" if text is not None else None

    def _text(self, form: Form, shape: Shape[Any], rows: str) -> str | None:
        """Return the expression of a row's text, which is null where a value is not what it must be."""
        if not columns_of(form) <= shape.fields.keys():
            return None
        parts = [f"${next(self._numbers)}::text"]
        for value in form.values:
            column = f"{rows}.{value.column}"
            if value.form is None:
                part = _written(value, shape.fields[value.column], column)
            else:
                part = self._neighbour(value.form, value.column, column)
            if part is None:
                return None
            parts += [part, f"${next(self._numbers)}::text"]
        return " || ".join(parts)

    def _neighbour(self, form: Form, by: str, column: str) -> str | None:
        table, shape = self._beside.get(by, (None, None))
        text = self._text(form, shape, "b") if shape is not None else None
        return f"(SELECT {text} FROM {table} b WHERE b.{KEY} = {column})" if text is not None else None  # noqa: S608


def _written(value: Value, field: "Field[Any]", column: str) -> str | None:
    """Return the expression by which a value is written; it is null where the value is not what it must be."""
    writers = WRITERS.get(value.kind, ())
    expression = next((write(value, column, field) for fits, write in writers if fits(value, field)), None)
    if expression is None or not value.nullable:
        return expression
    return f"CASE WHEN {column} IS NULL THEN 'null' ELSE {expression} END"


def _is_member(_: Value, field: "Field[Any]") -> bool:
    return isinstance(getattr(field, "enum_type", None), type)


def _name(value: Value, column: str, field: Any) -> str | None:
    # A value of no member, which a newer version may have stored, becomes nothing.
    name_of = value.name_of
    assert name_of is not None  # noqa: S101 - an enum has names
    try:
        names = " ".join(
            f"WHEN {_quoted(member.value)} THEN {_quoted(orjson.dumps(name_of(member)).decode())}"
            for member in field.enum_type
        )
    except TypeError:  # a member that is not shown
        return None
    return f"CASE {column} {names} END"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _is_text(_: Value, field: "Field[Any]") -> bool:
    return isinstance(field, fields.CharField | fields.TextField) and not hasattr(field, "enum_type")


def _is_integer(_: Value, field: "Field[Any]") -> bool:
    return isinstance(field, fields.IntField) and not hasattr(field, "enum_type")


def _is_moment(_: Value, field: "Field[Any]") -> bool:
    return isinstance(field, ShownMomentField)


def _is_boolean(_: Value, field: "Field[Any]") -> bool:
    return isinstance(field, fields.BooleanField)


Fits = Callable[[Value, "Field[Any]"], bool]
Write = Callable[[Value, str, Any], str | None]
WRITERS: dict[str, tuple[tuple[Fits, Write], ...]] = {
    "text": (
        (_is_moment, lambda _, column, field: f"""('"' || {field.select(column)} || '"')"""),
        (_is_text, lambda _, column, __: f"to_json({column})::text"),
    ),
    "name": ((_is_member, _name),),
    "integer": ((_is_integer, lambda _, column, __: f"{column}::text"),),
    "int32": ((_is_integer, lambda _, column, __: f"CASE WHEN {column} {INT32} THEN {column}::text END"),),
    "boolean": ((_is_boolean, lambda _, column, __: f"{column}::text"),),
}
