"""Kept connections on PostgreSQL: a few of asyncpg's own, each with its prepared statements, and no pool between.

A pool resets a connection each time it is given back, which takes longer than a hot question. These connections hold no
state that needs it: a read is one statement, and a transaction that does not end well ends its connection.

Reads and transactions have connections apart, so that neither waits for the other's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, NoReturn, TypeVar

import asyncpg
from asyncpg.prepared_stmt import PreparedStatement
from tortoise.exceptions import IntegrityError, OperationalError

from api.models.changes import Changed, RowsMissing, together
from api.models.rows import microseconds
from api.models.statements import ConnectionLost, Overtaken, Statement, TooSlow

log = logging.getLogger(__name__)

Row = TypeVar("Row")

#: Reads at the same time. More of them are smaller batches: 8 halved the reads per second.
LANES = 4
CONNECT_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 10.0
MOMENTS_KEPT = 64
#: The statements are few, hot, and asked with the same kinds of arguments: planned once, and never by a compiler. Each
#: looks for some keys by an index, and that is said too: a plan that was made while a table was small or not yet
#: analysed would read all of it, and so it would stay until somebody analyses it. It made a donation cost ten times.
SETTINGS = {
    "plan_cache_mode": "force_generic_plan",
    "jit": "off",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
}

#: What is raised where a connection has ended, or none can be had.
LOST = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.DatabaseDroppedError,
    asyncpg.IdleSessionTimeoutError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,
)
#: The tables have changed since the statement was prepared. Once is enough: it is prepared anew.
OUTDATED = (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError)

Connect = Callable[[], Awaitable[asyncpg.Connection]]


async def prepare_types(raw: asyncpg.Connection) -> None:
    """Leave moments as PostgreSQL sends them, microseconds, until somebody looks at one: most rows have several.

    Those that are sent are mostly the same ones: of a batch, or of an order in several of its rows.
    """
    await raw.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=lru_cache(MOMENTS_KEPT)(_as_sent),
        decoder=itemgetter(0),
        format="tuple",
    )


def _as_sent(moment: datetime) -> tuple[int]:
    return (microseconds(moment),)


def _arrays(statement: Statement[Any], keys: Sequence[Sequence[Any]]) -> Iterable[Any]:
    """Return keys as a statement takes them: as they are, where they have a type, or else each of their parts."""
    return (keys,) if statement.has_key_type else zip(*keys, strict=True)


class Connection:
    """One connection, and what was prepared on it."""

    def __init__(self, raw: asyncpg.Connection) -> None:
        self._raw = raw
        self._prepared: dict[Statement[Any], PreparedStatement[Any]] = {}
        self.is_lost = False

    @property
    def is_usable(self) -> bool:
        """Whether the next statement can be sent, as far as this side knows."""
        return not self.is_lost and not self._raw.is_closed()

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a statement.

        Raises: ConnectionLost, TooSlow, IntegrityError, OperationalError.
        """
        prepared = self._prepared.get(statement)
        try:
            if prepared is None:
                prepared = await self._prepare(statement)
            rows: Any = await prepared.fetch(*arguments)
        except Exception as error:
            self._raise(error, statement.name)
        return rows  # type: ignore[no-any-return]

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, *_arrays(statement, keys), *others) if keys else []

    async def change(self, *changes: Changed) -> None:
        """Make changes by one statement.

        Raises: RowsMissing, Overtaken, ConnectionLost, IntegrityError, OperationalError.
        """
        needed = [(change, rows) for change, rows in changes if rows]
        if needed:
            arrays = [array for change, rows in needed for array in change.arrays(rows)]
            await self.fetch(together(tuple([change for change, _ in needed])), *arrays)

    async def begin(self) -> None:
        """Begin a transaction.

        Raises: ConnectionLost.
        """
        await self._command("BEGIN")

    async def commit(self) -> None:
        """Commit the transaction.

        Raises: ConnectionLost, IntegrityError; OperationalError when a statement of it has failed.
        """
        # After a failure that somebody caught, the answer to COMMIT is that it was rolled back: no error by itself.
        if await self._command("COMMIT") != "COMMIT":
            raise OperationalError("a statement of the transaction has failed, so nothing of it was written")

    async def roll_back(self) -> None:
        """Undo the transaction, by ending the connection if need be."""
        if not self.is_usable:
            return
        try:
            await self._command("ROLLBACK")
        except BaseException as error:
            self.terminate()
            if not isinstance(error, Exception):
                raise
            log.warning("a transaction could not be rolled back, and its connection was ended: %s", error)

    async def close(self) -> None:
        """Say goodbye."""
        try:
            await self._raw.close(timeout=CLOSE_TIMEOUT_S)
        except (TimeoutError, *LOST):
            self._raw.terminate()

    def terminate(self) -> None:
        """End it at once: what its transaction did is undone by the database."""
        self.is_lost = True
        self._raw.terminate()

    async def _prepare(self, statement: Statement[Any]) -> "PreparedStatement[Any]":
        shape = statement.shape
        record_class = shape.postgres if shape is not None else None
        prepared = await self._raw.prepare(statement.postgres, record_class=record_class)
        statement.require_columns(tuple(one.name for one in prepared.get_attributes()))
        self._prepared[statement] = prepared
        return prepared

    async def _command(self, text: str) -> str:
        try:
            return await self._raw.execute(text)
        except Exception as error:
            self._raise(error, text)

    def _raise(self, error: Exception, name: str) -> NoReturn:
        """Raise an error in the words of the house."""
        if isinstance(error, OUTDATED):
            self._prepared.clear()
        elif isinstance(error, LOST) or self._raw.is_closed():
            self.terminate()
            raise ConnectionLost(f"a connection to the database was lost: {type(error).__name__}") from error
        elif isinstance(error, asyncpg.QueryCanceledError):
            raise TooSlow(f"{name}: {error}") from error
        elif isinstance(error, asyncpg.IntegrityConstraintViolationError):
            raise IntegrityError(error) from error
        elif isinstance(error, asyncpg.SerializationError):
            raise RowsMissing(str(error)) from error
        elif isinstance(error, asyncpg.TransactionRollbackError):
            raise Overtaken(f"{name}: {error}") from error
        elif isinstance(error, asyncpg.SyntaxOrAccessError | asyncpg.DataError):
            raise OperationalError(f"{name}: {error}") from error
        raise error


class Connections:
    """A few connections, opened when they are first needed, taken in turn, replaced when they are lost."""

    def __init__(self, connect: Connect, count: int) -> None:
        self._connect = connect
        self._count = count
        self._free = asyncio.Semaphore(count)
        self._idle: list[Connection] = []
        self._busy: set[Connection] = set()
        self._is_closed = False

    @asynccontextmanager
    async def one(self, *, is_fresh: bool = False) -> AsyncIterator[Connection]:
        """Take a connection for the time of the block; a fresh one, when those that lie idle may all have ended.

        Raises: ConnectionLost.
        """
        connection = await self.take(is_fresh=is_fresh)
        try:
            yield connection
        finally:
            self.give_back(connection)

    async def take(self, *, is_fresh: bool = False) -> Connection:
        """Take a connection, which has to be given back.

        Raises: ConnectionLost.
        """
        await self._free.acquire()
        try:
            connection = (None if is_fresh else self._take()) or await self._open()
        except BaseException:
            self._free.release()
            raise
        self._busy.add(connection)
        return connection

    def give_back(self, connection: Connection) -> None:
        """Give a connection back."""
        self._busy.discard(connection)
        if self._is_closed:
            connection.terminate()
        elif connection.is_usable:
            self._idle.append(connection)
            if len(self._idle) > self._count:
                self._idle.pop(0).terminate()
        self._free.release()

    async def close(self) -> None:
        """Close them; one that is in use is ended, as nobody is left to hear its answer."""
        self._is_closed = True
        for connection in self._busy:
            connection.terminate()
        while self._idle:
            await self._idle.pop().close()

    def _take(self) -> Connection | None:
        while self._idle:  # the one used last: it is the warmest, and the others tell sooner that they were lost
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def _open(self) -> Connection:
        if self._is_closed:
            raise ConnectionLost("the database is closed")
        try:
            return Connection(await self._connect())
        except (TimeoutError, *LOST) as error:
            raise ConnectionLost(f"the database cannot be reached: {type(error).__name__}") from error


class KeptPostgres:
    """The kept connections of a PostgreSQL database."""

    def __init__(self, connect: Connect, *, writers: int = LANES) -> None:
        self.lanes = LANES
        self.writes_pages = True
        self.loaders: object = None
        self._readers = Connections(connect, LANES)
        self._writers = Connections(connect, writers)

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a question by itself and return its rows; again, where its connection was lost.

        Raises: ConnectionLost.
        """
        try:
            return await self._fetch(statement, arguments)
        except (ConnectionLost, *OUTDATED):
            # It was ended while it lay idle, as a restarted server ends all of them; or the tables were changed.
            return await self._fetch(statement, arguments, is_fresh=True)

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, *_arrays(statement, keys), *others) if keys else []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Begin a transaction: committed at the end of the block, rolled back when the block raises.

        Raises: ConnectionLost.
        """
        async with self._writers.one() as connection:
            try:
                await connection.begin()
                yield connection
                await connection.commit()
            except Exception:
                await connection.roll_back()
                raise
            except (
                BaseException
            ):  # cancelled: nothing more is awaited, and the database undoes what it hears no more of
                connection.terminate()
                raise

    def attempt(self) -> AbstractAsyncContextManager[Connection]:
        """Read, and then change once: each statement is a transaction of its own.

        Raises: ConnectionLost.
        """
        return self._writers.one()

    async def close(self) -> None:
        """Close the connections."""
        await self._readers.close()
        await self._writers.close()

    async def _fetch(
        self, statement: Statement[Row], arguments: tuple[Any, ...], *, is_fresh: bool = False
    ) -> list[Row]:
        connection = await self._readers.take(is_fresh=is_fresh)
        try:
            return await connection.fetch(statement, *arguments)
        finally:
            self._readers.give_back(connection)
