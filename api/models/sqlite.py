"""Tortoise's SQLite backend, with transactions that take the write lock when they begin.

Tortoise begins a deferred transaction: one that reads first and writes later fails at once with "database is locked"
when another process has written in between, whatever the busy timeout says. `BEGIN IMMEDIATE` waits its turn instead.
And Tortoise's context keeps the connection's lock for ever when `BEGIN` itself fails or is cancelled (its issue 1438);
here the lock is given back.

A statement outside of a transaction ends when whoever waits for it is cancelled: there is one connection, and all
others would wait for an answer that nobody wants.
"""

import asyncio
import sqlite3
from contextlib import suppress

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
        await self._trxlock.acquire()
        try:
            await self.ensure_connection()
            await self.connection.begin()
        except BaseException:
            if self.connection._connection is not None:
                await self.connection._connection.rollback()  # a BEGIN that was cancelled may still have happened
            self._trxlock.release()
            raise
        self.token = get_connections().set(self.connection_name, self.connection)
        connection: TransactionalDBClient = self.connection
        return connection


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

    @override
    def acquire_connection(self) -> ReadWrapper:
        return ReadWrapper(self._lock, self)

    @override
    def _in_transaction(self) -> TransactionContext:
        return ImmediateTransactionContext(ImmediateTransaction(self), self._lock)


client_class = ImmediateSqliteClient
