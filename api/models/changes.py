"""Changes: one thing done with each of many rows, by one statement, however many rows there are.

An ORM makes an object of each row, and most send a statement for each. A change is given plain tuples in the order of
its columns. On PostgreSQL the columns go over as arrays (`unnest`), and all changes of a batch, to whatever tables, are
one statement; on SQLite the driver runs a prepared statement over the rows. What is written thousands of times a second
has a type of the database for its rows (migration 0004), and goes over as one array of these: asyncpg asks of each
element of an array whether it is an array itself, which takes longer than to send it.

    INSERT_GAPS = insert(Gap, "id", "user_id", "transfer_id", "starts", "ends")
    await transaction.change((INSERT_GAPS, gaps), (MOVE_ACCOUNTS, moves))

A change that does not find each of its rows raises, and the transaction is rolled back: a row that another has changed
or removed meanwhile is never passed over in silence. On PostgreSQL it is the statement itself that raises, so that a
statement which is a transaction of its own does all or nothing, too.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import orjson
from tortoise import fields
from tortoise.fields.base import Field
from tortoise.models import Model

from api.models.rows import Shape, columns_of
from api.models.statements import Overtaken, Statement

#: Where a text for both databases takes JSON: PostgreSQL is told so.
JSON = re.compile(r"\{json:([\w.]+)\}")
Adapt = Callable[[Any], Any]

#: What PostgreSQL calls the arrays of a column; text is what is left.
TYPES: tuple[tuple[type["Field[Any]"], str], ...] = (
    (fields.UUIDField, "uuid"),
    (fields.DatetimeField, "timestamptz"),
    (fields.BigIntField, "bigint"),
    (fields.IntField, "int"),
    (fields.BooleanField, "boolean"),
)


class RowsMissing(Overtaken):
    """A change found fewer rows than it was given: somebody else has changed them since they were read."""


class Change:
    """What is done with each row, by one statement or by several that take their columns from the same rows.

    A text says `{rows}` where the rows stand, as a table `v`, or on SQLite `?1`, `?2` … for the columns of the one row
    at hand. The first statement is the one whose rows are counted. `row_type`: the type of PostgreSQL that such a row
    has, column by column, where there is one.
    """

    __slots__ = ("_json", "_sqlite_adapt", "columns", "name", "places", "postgres", "row_type", "sqlite", "types")

    def __init__(
        self,
        name: str,
        columns: "Mapping[str, Field[Any]]",
        *,
        postgres: tuple[str, ...],
        sqlite: tuple[str, ...],
        row_type: str | None = None,
    ) -> None:
        self.name = name
        self.row_type = row_type
        #: How many parameters of a statement its rows are.
        self.places = len(columns) if row_type is None else 1
        self.columns = tuple(columns)
        self.postgres = postgres
        one_row = ", ".join(f"?{index} AS {name}" for index, name in enumerate(columns, start=1))
        self.sqlite = tuple(text.format(rows=f"(SELECT {one_row}) AS v") for text in sqlite)
        self.types = [_type(field) for field in columns.values()]
        self._json = [index for index, field in enumerate(columns.values()) if isinstance(field, fields.JSONField)]
        self._sqlite_adapt = [_sqlite_adapt(field) for field in columns.values()]

    def unnested(self, first: int) -> str:
        """Return the rows as a table, made of the arrays that begin at `$first`."""
        types = self.types if self.row_type is None else [self.row_type]
        arrays = ", ".join(f"${first + index}::{one}[]" for index, one in enumerate(types))
        return f"unnest({arrays}) AS v({', '.join(self.columns)})"

    def arrays(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Return the rows, as PostgreSQL takes them: their columns, or themselves."""
        if self.row_type is not None and not self._json:
            return [rows]
        arrays: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index in self._json:
            arrays[index] = [_json(value) for value in arrays[index]]
        return arrays if self.row_type is None else [list(zip(*arrays, strict=True))]

    def adapted(self, rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
        """Return the rows as SQLite takes them: ids and moments as Tortoise writes them."""
        arrays: list[Sequence[Any]] = list(zip(*rows, strict=True))
        for index, adapt in enumerate(self._sqlite_adapt):
            if adapt is not None:
                arrays[index] = [None if value is None else adapt(value) for value in arrays[index]]
        return list(zip(*arrays, strict=True))

    def require_all(self, found: int, rows: Sequence[Any]) -> None:
        """Raise where not each row was found.

        Raises: RowsMissing.
        """
        if found != len(rows):
            raise RowsMissing(f"{self.name}: {len(rows) - found} of {len(rows)} rows do not stand where they were read")


#: A change and its rows.
Changed = tuple[Change, Sequence[Sequence[Any]]]
DONE: Shape[Any] = Shape("Done", {"done": fields.BooleanField()}, {})


@cache
def together(changes: tuple[Change, ...]) -> Statement[Any]:
    """Return the statement by which PostgreSQL makes these changes; it raises where one does not find all its rows."""
    parts, checks, first = [], [], 1
    for index, change in enumerate(changes):
        rows = change.unnested(first)
        if sum("{rows}" in text for text in change.postgres) > 1:
            parts.append(f"v{index} AS MATERIALIZED (SELECT * FROM {rows})")  # noqa: S608 - names of our own
            rows = f"v{index} AS v"
        parts += [
            f"c{index}_{number} AS ({text.format(rows=rows)})"
            for number, text in enumerate(_returning(change.postgres))
        ]
        found, given = f"(SELECT count(*) FROM c{index}_0)", f"cardinality(${first})"  # noqa: S608
        checks.append(f"WHEN {found} <> {given} THEN rows_missing('{change.name}', {found}, {given})")
        first += change.places
    # In the order of the changes: the first is made before the others, so what it locks is locked first.
    text = f"WITH {', '.join(parts)} SELECT CASE {' '.join(checks)} ELSE true END AS done"
    return Statement(", ".join(change.name for change in changes), DONE, postgres=text, sqlite="")


def _returning(texts: tuple[str, ...]) -> tuple[str, ...]:
    """Let the first of a change's statements return its rows, so that they can be counted."""
    first, *others = texts
    return (first if " RETURNING " in first else f"{first} RETURNING 1", *others)


class Part(NamedTuple):
    """What one table takes from the rows of a posting.

    `takes` are columns of the same name. `gives` are columns and what they are given: another column, as `v.name`, or a
    constant. Rows for which `where` does not hold give it nothing.
    """

    table: type[Model]
    takes: tuple[str, ...]
    gives: Mapping[str, str] = MappingProxyType({})
    where: str = "true"


def posting(name: str, columns: "Mapping[str, Field[Any]]", *parts: Part, row_type: str | None = None) -> Change:
    """Return the change that adds to several tables: what a row tells once is not sent for each of them."""
    texts = []
    for part in parts:
        known = columns_of(part.table)
        values = {one: f"v.{one}" for one in part.takes} | dict(part.gives)
        jsons = {one for one in values if isinstance(known[one], fields.JSONField)}
        given = ", ".join(f"{{json:{value}}}" if one in jsons else value for one, value in values.items())
        into = f'INSERT INTO "{_name(part.table)}" ({", ".join(values)})'
        texts.append(f"{into} SELECT {given} FROM {{rows}} WHERE {part.where}")  # noqa: S608 - names of our own
    return Change(
        name,
        columns,
        postgres=tuple(JSON.sub(r"\1::jsonb", text) for text in texts),
        sqlite=tuple(JSON.sub(r"\1", text) for text in texts),
        row_type=row_type,
    )


def insert(table: type[Model], *names: str, or_update: tuple[str, ...] = (), row_type: str | None = None) -> Change:
    """Return the change that adds rows of these columns, or of all.

    `or_update`: where there is a row with the same values in these columns, it is given the others but for its key.
    """
    columns = columns_of(table, *names)
    name, listed, key = _name(table), ", ".join(columns), _key(table)
    given = ", ".join(
        f"v.{one}::jsonb" if isinstance(field, fields.JSONField) else f"v.{one}" for one, field in columns.items()
    )
    otherwise = ""
    if or_update:
        setting = ", ".join(f"{one} = excluded.{one}" for one in columns if one not in {*or_update, key})
        otherwise = f" ON CONFLICT ({', '.join(or_update)}) DO UPDATE SET {setting}"
    places = ", ".join(f"?{index + 1}" for index in range(len(columns)))
    return Change(
        f"adding to {name}",
        columns,
        postgres=(f'INSERT INTO "{name}" ({listed}) SELECT {given} FROM {{rows}}{otherwise}',),  # noqa: S608
        sqlite=(f'INSERT INTO "{name}" ({listed}) VALUES ({places}){otherwise}',),  # noqa: S608
        row_type=row_type,
    )


def added(rows: Iterable[Model]) -> list[Changed]:
    """Return the changes that add these rows of the ORM, table by table."""
    tables: dict[type[Model], list[tuple[Any, ...]]] = {}
    for row in rows:
        table = type(row)
        tables.setdefault(table, []).append(tuple(getattr(row, name) for name in _adding(table).columns))
    return [(_adding(table), values) for table, values in tables.items()]


@cache
def _adding(table: type[Model]) -> Change:
    return insert(table)


def update(table: type[Model], *names: str) -> Change:
    """Return the change that sets these columns of rows that are known by their key, which comes last in a row."""
    name, key = _name(table), _key(table)
    columns = columns_of(table, *names, key)
    setting = ", ".join(f"{one} = v.{one}" for one in names)
    given = ", ".join(f"{one} = ?{index}" for index, one in enumerate(names, start=1))
    return Change(
        f"changing {name}",
        columns,
        postgres=(f'UPDATE "{name}" AS t SET {setting} FROM {{rows}} WHERE t.{key} = v.{key}',),  # noqa: S608
        sqlite=(f'UPDATE "{name}" SET {given} WHERE {key} = ?{len(columns)}',),  # noqa: S608
    )


def delete(table: type[Model]) -> Change:
    """Return the change that removes rows, each given by its key alone."""
    name, key = _name(table), _key(table)
    return Change(
        f"removing from {name}",
        columns_of(table, key),
        postgres=(f'DELETE FROM "{name}" AS t USING {{rows}} WHERE t.{key} = v.{key}',),  # noqa: S608
        sqlite=(f'DELETE FROM "{name}" WHERE {key} = ?1',),  # noqa: S608
    )


def _name(table: type[Model]) -> str:
    return table._meta.db_table  # noqa: SLF001 - it has no public name


def _key(table: type[Model]) -> str:
    return table._meta.pk_attr  # noqa: SLF001 - it has no public name


def _type(field: "Field[Any]") -> str:
    return next((name for kind, name in TYPES if isinstance(field, kind)), "text")


def _json(value: Any) -> str | None:
    return None if value is None else orjson.dumps(value).decode()


def _moment(value: datetime) -> str:
    return value.astimezone(UTC).isoformat(" ")


def _sqlite_adapt(field: "Field[Any]") -> Adapt | None:
    if isinstance(field, fields.UUIDField):
        return str
    if isinstance(field, fields.DatetimeField):
        return _moment
    if isinstance(field, fields.JSONField):
        return _json
    return None
