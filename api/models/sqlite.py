"""Tortoise's SQLite backend, with transactions that take the write lock when they begin.

Tortoise begins a deferred transaction: one that reads first and writes later fails at once with "database is locked"
when another process has written in between, whatever the busy timeout says. `BEGIN IMMEDIATE` waits its turn instead.
And Tortoise's context keeps the connection's lock for ever when `BEGIN` itself fails or is cancelled (its issue 1438);
here the lock is given back.

A statement outside of a transaction ends when whoever waits for it is cancelled: there is one connection, and all
others would wait for an answer that nobody wants.

Beside this connection there are the kept ones (`kept_sqlite`), of which one writes. Who writes in this process takes
turns by a lock of ours: SQLite's own goes to whoever asks at the right moment.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, nullcontext, suppress
from typing import Any

import aiosqlite
from tortoise.backends.base.client import ConnectionWrapper, TransactionalDBClient, TransactionContext
from tortoise.backends.sqlite.client import (
    SqliteClient,
    SqliteTransactionContext,
    SqliteTransactionWrapper,
)
from tortoise.connection import get_connections
from tortoise.exceptions import OperationalError
from typing_extensions import override

from api.models.kept_sqlite import KeptInMemory, KeptSqlite, is_in_memory
from api.models.statements import Kept

#: How statements begin that wait for no turn to write.
READS = frozenset({"SELECT", "PRAGMA"})


class ImmediateTransaction(SqliteTransactionWrapper):
    """A transaction that holds the database's write lock from its first statement."""

    @override
    async def begin(self) -> None:
        try:
            await self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise OperationalError(error) from error


class ImmediateTransactionContext(SqliteTransactionContext):
    """Enters completely or not at all."""

    @override
    async def __aenter__(self) -> TransactionalDBClient:
        write_lock: asyncio.Lock = self.connection._parent.write_lock
        await write_lock.acquire()
        try:
            await self._enter()
        except BaseException:
            write_lock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        connection: TransactionalDBClient = self.connection
        return connection

    @override
    async def __aexit__(self, *error: object) -> None:
        try:
            await super().__aexit__(*error)
        finally:
            self.connection._parent.write_lock.release()

    async def _enter(self) -> None:
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            if self.connection._connection is not None:
                await self.connection._connection.rollback()  # a BEGIN that was cancelled may still have happened
            self._trxlock.release()
            raise


class ReadWrapper(ConnectionWrapper[aiosqlite.Connection]):
    """The connection for the time of one statement, which is interrupted when its task is cancelled."""

    @override
    async def __aexit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None and issubclass(kind, asyncio.CancelledError):
            with suppress(ValueError):  # it is closed
                await self.connection.interrupt()
        await super().__aexit__(kind, *rest)


class ImmediateSqliteClient(SqliteClient):
    """The client that Tortoise finds by this module's `client_class`."""

    def __init__(self, file_path: str, **others: Any) -> None:
        super().__init__(file_path, **others)
        self.write_lock = asyncio.Lock()
        self._kept: Kept | None = None

    @property
    def kept(self) -> Kept:
        """The kept connections to this database."""
        if self._kept is None:
            self._kept = KeptInMemory(self) if is_in_memory(self.filename) else KeptSqlite(self)
        return self._kept

    @override
    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()
            self._kept = None
        await super().close()

    @override
    def acquire_connection(self) -> ReadWrapper:
        return ReadWrapper(self._lock, self)

    @override
    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)

    @override
    async def execute_query(self, query: str, values: list[Any] | None = None) -> tuple[int, Sequence[Any]]:
        async with self._turn(query):
            result: tuple[int, Sequence[Any]] = await super().execute_query(query, values)
            return result

    @override
    async def execute_query_dict(self, query: str, values: list[Any] | None = None) -> list[dict[str, Any]]:
        async with self._turn(query):
            result: list[dict[str, Any]] = await super().execute_query_dict(query, values)
            return result

    @override
    async def execute_insert(self, query: str, values: list[Any]) -> int:
        async with self.write_lock:
            result: int = await super().execute_insert(query, values)
            return result

    @override
    async def execute_many(self, query: str, values: list[list[Any]]) -> None:
        async with self.write_lock:
            await super().execute_many(query, values)

    def _turn(self, query: str) -> AbstractAsyncContextManager[Any]:
        return nullcontext() if query.lstrip()[:6].upper() in READS else self.write_lock


client_class = ImmediateSqliteClient
