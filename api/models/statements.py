"""Named statements: the hot questions and orders, prepared once on connections that are kept for them.

Tortoise stays the ORM. But building a queryset, taking a connection from a pool, resetting it and making models costs
five times what the database's answer does, so what is asked thousands of times a second is written down once, for both
databases, beside its model, and answered with light rows (`api.models.rows`).

A statement runs in the database that is current (`TortoiseContext`), on a connection of its own there: never in a
transaction of Tortoise's, which it does not see. It sees what was committed before it was sent, always.

    PARTNERS = Statement(
        "partners by id",
        SHAPE,
        postgres="SELECT {p} FROM partner p WHERE p.id = ANY($1)",
        sqlite="SELECT {p} FROM partner p WHERE p.id IN (SELECT value FROM json_each(?1))",
    )
    rows = await PARTNERS.fetch(ids)                        # alone: a read, or a write that is a transaction by itself
    async with kept().transaction() as transaction:         # BEGIN … COMMIT
        rows = await transaction.fetch(ORDER, …)

`{p}` stands for the columns of the shape's model, from the table or alias `p`; `{p.stored}` for the same inside of
another SELECT, as they are stored. Arguments are Python's, the same for both databases: on SQLite ids and moments
become the texts that Tortoise writes, and a list becomes JSON, to be taken apart by `json_each`.
"""

import re
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

from tortoise.context import require_context

from api.batching import Unavailable
from api.models.rows import ALL, Columns, Shape

if TYPE_CHECKING:
    from api.models.changes import Changed

Row = TypeVar("Row")
COLUMNS = re.compile(r"\{(\w+)(\.stored)?\}")
KEY_TYPE = re.compile(r"\$1::\w+_key\[\]")
#: For how many choices of its columns a statement is kept: each is prepared on each connection.
CHOICES_MAX = 32


class ConnectionLost(Unavailable, ConnectionError):
    """The database ended a connection, or cannot be reached. Whether a commit that it broke off was done is open."""


class TooSlow(Unavailable, TimeoutError):
    """A statement took longer than any may."""


class Overtaken(RuntimeError):
    """Others have changed what was read, or each waited for the other: nothing was written, and may be tried again."""


class Statement(Generic[Row]):
    """A statement with its text for either database, and the shape of the rows that it returns, if it returns any."""

    __slots__ = ("_choices", "_texts", "has_key_type", "name", "postgres", "shape", "sqlite")

    def __init__(self, name: str, shape: Shape[Row] | None, *, postgres: str, sqlite: str) -> None:
        self.name = name
        self.shape = shape
        self.postgres = self._with_columns(postgres, shape.select_shown if shape is not None else None)
        self.sqlite = self._with_columns(sqlite, shape.select if shape is not None else None)
        self._texts = postgres, sqlite
        #: Whether its keys have a type of PostgreSQL's of their own, and are one array.
        self.has_key_type = KEY_TYPE.search(postgres) is not None
        self._choices: dict[Columns, Statement[Row]] = {ALL: self}

    def _with_columns(self, text: str, select: Callable[[str], str] | None) -> str:
        shape = self.shape
        if shape is None or select is None:
            return text
        return COLUMNS.sub(lambda found: (shape.select if found[2] else select)(found[1]), text)

    def only(self, columns: Columns) -> "Statement[Row]":
        """Return the same question for these of its columns, or for more where it was asked in very many ways.

        Raises: ValueError where one is not the model's.
        """
        chosen = self._choices.get(columns)
        if chosen is None:
            if self.shape is None:
                raise ValueError(f"the statement {self.name!r} returns no rows")
            shape = self.shape.only(columns)
            if len(self._choices) > CHOICES_MAX:
                return self
            postgres, sqlite = self._texts
            chosen = self._choices[columns] = Statement(self.name, shape, postgres=postgres, sqlite=sqlite)
        return chosen

    def require_columns(self, names: tuple[str, ...]) -> None:
        """Raise where the database returns other columns than the shape has, so that none is read for another."""
        if names != (self.shape.columns if self.shape is not None else ()):
            raise TypeError(f"the statement {self.name!r} returns {names}, which is not its shape")

    @classmethod
    def by(cls, name: str, shape: Shape[Row], table: str, column: str = "id") -> "Statement[Row]":
        """Return the question for the rows of a table that have one of some values in a column."""
        select = f'SELECT {{t}} FROM "{table}" t WHERE t.{column}'  # noqa: S608 - these are names, and ours
        among = f"{select} IN (SELECT value FROM json_each(?1))"  # noqa: S608
        return cls(name, shape, postgres=f"{select} = ANY($1)", sqlite=among)

    async def fetch(self, *arguments: Any) -> list[Row]:
        """Run it by itself on the current database and return its rows.

        Raises: ConnectionLost.
        """
        return await kept().fetch(self, *arguments)


class Transaction(Protocol):
    """A transaction on a kept connection."""

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a statement in the transaction and return its rows."""

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts, as `Kept` does."""

    async def change(self, *changes: "Changed") -> None:
        """Make changes, each to as many rows as it is given; on PostgreSQL by one statement.

        Raises: RowsMissing, Overtaken, IntegrityError.
        """


class Kept(Protocol):
    """The kept connections of one database."""

    #: How many questions are asked at the same time.
    lanes: int
    #: Whether it writes pages as JSON (`api.models.written`).
    writes_pages: bool
    #: Who asks through these connections for everybody (`api.models.loaders`), once somebody does.
    loaders: object

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a question by itself and return its rows. It is asked again where its connection was lost.

        Raises: ConnectionLost.
        """

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts by itself and return its rows.

        On PostgreSQL its first parameters are arrays, one for each part, to be put together by `unnest`. What is asked
        thousands of times a second has a type for its keys (migration 0005), and one array of them: asyncpg asks each
        other element of an array whether it is an array itself. On SQLite the first parameter is a list of lists.
        """

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction that writes: committed at the end of the block, rolled back when the block raises.

        Nothing but statements is awaited inside. However the block ends, cancelled or without its connection, the
        connection is given back whole or replaced.

        Raises: ConnectionLost.
        """

    def attempt(self) -> AbstractAsyncContextManager[Transaction]:
        """Read, and then change once, which is done as a whole or not at all.

        On PostgreSQL there is no transaction around the two, and so no lock: what was read may be changed by others
        before the change is made, and who makes it has to have it fail then. On SQLite it is a transaction.

        Raises: ConnectionLost.
        """

    async def close(self) -> None:
        """Close the connections. What still runs on one is lost."""


def kept() -> Kept:
    """Return the kept connections of the current database."""
    client: Any = require_context().db()
    return cast("Kept", getattr(client, "_parent", client).kept)  # inside of Tortoise's transactions it is wrapped
