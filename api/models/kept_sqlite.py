"""Kept connections on SQLite: one that reads, at once and in line, and one that writes.

A read takes tens of microseconds, less than handing it to a thread and waiting for its answer would. In WAL mode it
waits for no writer. So the hot questions run where they are asked: each is answered by an index, and a budget of steps
ends one that is not.

A transaction waits in a thread: for its commit to reach the disk, and for another process that is writing. What it does
otherwise is memory, and runs in line. Its turn it takes from the same queue as Tortoise's transactions do
(`ImmediateSqliteClient`): SQLite's own lock is given to whoever asks at the right moment, and who asks seldom would
wait for ever.

A database in memory is there for one connection alone, Tortoise's, so everything goes through that.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol, TypeVar

from tortoise.exceptions import OperationalError

from api.models.changes import Changed
from api.models.checkpoints import PAGES_MAX, Checkpoints
from api.models.opened import Opened, adapted, is_busy, shaped, translated
from api.models.statements import ConnectionLost, Statement, Transaction

Row = TypeVar("Row")

#: A read waits only where another process opens or closes the database; nobody else is served meanwhile.
READ_BUSY_TIMEOUT_MS = 500
#: A question of this many million steps of SQLite's machine, about half a second, should not have been asked in line.
STEPS = 1_000_000
STEPS_MAX = 20
#: Pages that a transaction has changed stay in memory until it commits. In SQLite's usual 2 MiB a batch has no room: it
#: writes pages to the log, reads them again from there for the next row, and writes them once more. Each connection
#: takes only as much as it uses.
CACHE_KIB = 65_536


class Queue(Protocol):
    """What Tortoise's client offers to who writes beside it."""

    filename: str
    pragmas: dict[str, Any]
    write_lock: asyncio.Lock

    def _in_transaction(self) -> AbstractAsyncContextManager[Any]:
        """Begin a transaction of Tortoise's."""

    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        """Run a statement of Tortoise's."""


class KeptSqlite:
    """The kept connections of an SQLite file."""

    def __init__(self, client: Queue) -> None:
        self.lanes = 1
        self.writes_pages = False
        self.loaders: object = None
        self._client = client
        self._reader: Opened | None = None
        self._writer: Opened | None = None
        # One thread, so that a connection is never used by two at once.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")
        self._checkpoints = Checkpoints(lambda: self._open().raw, client.write_lock)
        self._steps = 0
        self._is_closed = False

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a question by itself and return its rows. Nothing is awaited."""
        if self._reader is None:
            self._reader = self._open(busy_timeout=READ_BUSY_TIMEOUT_MS, query_only="ON")
            self._reader.raw.set_progress_handler(self._count, STEPS)
        self._steps = 0
        return self._reader.fetch(statement, arguments)

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, keys, *others)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a transaction: committed at the end of the block, rolled back when the block raises."""
        async with self._client.write_lock:
            if self._writer is None:
                # Statements of many rows that a trigger may end keep what they would take back: in memory as well.
                self._writer = self._open(cache_size=-CACHE_KIB, temp_store="MEMORY", wal_autocheckpoint=PAGES_MAX)
                self._writer.raw.execute("PRAGMA busy_timeout = 0")
            writer = self._writer.raw
            transaction = WriterTransaction(self._writer)
            try:
                await self._begin(writer)
                yield transaction
                transaction.require_whole()
                await self._wait_for(lambda: writer.execute("COMMIT"))
                self._checkpoints.committed()
            finally:
                if self._writer is not None and writer.in_transaction:
                    writer.execute("ROLLBACK")

    def attempt(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction: nobody else writes meanwhile."""
        return self.transaction()

    async def close(self) -> None:
        """Close the connections."""
        self._is_closed = True
        async with self._client.write_lock:
            await self._checkpoints.close()
            for opened in (self._reader, self._writer):
                if opened is not None:
                    opened.raw.close()
            self._reader = self._writer = None
        self._thread.shutdown()

    def _open(self, **pragmas: Any) -> Opened:
        if self._is_closed:
            raise ConnectionLost("the database is closed")
        return Opened(self._client.filename, self._client.pragmas | pragmas)

    def _count(self) -> bool:
        self._steps += 1
        return self._steps >= STEPS_MAX

    async def _begin(self, writer: sqlite3.Connection) -> None:
        """Begin to write: at once, as a rule; while another process writes, that is waited for in the thread."""
        try:
            writer.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            if not is_busy(error):
                raise translated(error, None) from error
            await self._wait_for(lambda: self._begin_patiently(writer))

    def _begin_patiently(self, writer: sqlite3.Connection) -> None:
        writer.execute(f"PRAGMA busy_timeout = {self._client.pragmas['busy_timeout']}")
        try:
            writer.execute("BEGIN IMMEDIATE")
        finally:
            writer.execute("PRAGMA busy_timeout = 0")

    async def _wait_for(self, work: Callable[[], object]) -> None:
        """Do something in the thread, to its end: who is cancelled waits for it all the same."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, work)
        cancelled: asyncio.CancelledError | None = None
        while not running.done():
            try:
                await asyncio.wait({running})
            except asyncio.CancelledError as error:
                cancelled = error
        if (failed := running.exception()) is not None:
            raise translated(failed, None) from failed
        if cancelled is not None:
            raise cancelled


class WriterTransaction:
    """The transaction that the writing connection is in."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._is_broken = False

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a statement in the transaction and return its rows. Nothing is awaited."""
        try:
            return self._opened.fetch(statement, arguments)
        except Exception:
            self._is_broken = True
            raise

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, keys, *others)

    async def change(self, *changes: Changed) -> None:
        """Make changes, table by table. Nothing is awaited."""
        try:
            for change, rows in changes:
                if rows:
                    self._opened.change(change, rows)
        except Exception:
            self._is_broken = True
            raise

    def require_whole(self) -> None:
        """Let only a transaction be committed of which every statement has succeeded, as PostgreSQL does.

        Raises: OperationalError.
        """
        if self._is_broken:
            raise OperationalError("a statement of the transaction has failed, so nothing of it was written")


class KeptInMemory:
    """The statements of a database in memory, on Tortoise's connection."""

    def __init__(self, client: Queue) -> None:
        self.lanes = 1
        self.writes_pages = False
        self.loaders: object = None
        self._client = client

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a question by itself and return its rows."""
        return await _through(self._client, statement, arguments)

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, keys, *others)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a transaction of Tortoise's."""
        async with self._client._in_transaction() as connection:  # noqa: SLF001 - it is Tortoise's name
            yield InMemoryTransaction(connection)

    def attempt(self) -> AbstractAsyncContextManager[Transaction]:
        """Begin a transaction: nobody else writes meanwhile."""
        return self.transaction()

    async def close(self) -> None:
        """Leave the connection to Tortoise."""


class InMemoryTransaction:
    """A transaction of Tortoise's."""

    def __init__(self, connection: Queue) -> None:
        self._connection = connection

    async def fetch(self, statement: Statement[Row], *arguments: Any) -> list[Row]:
        """Run a statement in the transaction and return its rows."""
        return await _through(self._connection, statement, arguments)

    async def fetch_each(self, statement: Statement[Row], keys: Sequence[Sequence[Any]], *others: Any) -> list[Row]:
        """Run a question about keys of several parts."""
        return await self.fetch(statement, keys, *others)

    async def change(self, *changes: Changed) -> None:
        """Make changes, row by row."""
        for change, rows in changes:
            found = 0
            for row in change.adapted(rows):
                counts = [(await self._connection.execute_query(text, list(row)))[0] for text in change.sqlite]
                found += counts[0]
            change.require_all(found, rows)


async def _through(connection: Queue, statement: Statement[Row], arguments: Sequence[Any]) -> list[Row]:
    _, rows = await connection.execute_query(statement.sqlite, [adapted(one) for one in arguments])
    return shaped(statement, rows)


def is_in_memory(path: str) -> bool:
    """Whether a database is no file."""
    return path in {"", ":memory:"}
