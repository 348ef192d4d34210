"""Tortoise's PostgreSQL backend, with transactions that give back what they took, whatever happens.

Tortoise enters a transaction by halves: when `BEGIN` fails or is cancelled, its connection never returns to the pool,
and the task goes on in the context of a transaction that is dead; every later one in this task fails. Ten such
failures, for example when the database restarts under load, and the process waits for a connection for ever (its issue
1438).
"""

import logging
from contextlib import suppress
from types import TracebackType
from typing import Any

import asyncpg
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections
from typing_extensions import override

from api.models.kept_postgres import CONNECT_TIMEOUT_S, SETTINGS, KeptPostgres, prepare_types

#: What a pool is told, and a connection of its own is not.
POOL_ONLY = frozenset(
    {"min_size", "max_size", "max_queries", "max_inactive_connection_lifetime", "setup", "init", "reset", "loop"}
)

log = logging.getLogger(__name__)


class WholeTransactionContext(TransactionContextPooled):
    """Enters completely or not at all, and leaves completely."""

    @override
    async def __aenter__(self) -> TransactionalDBClient:
        await self.ensure_connection()
        self.client._connection = await self.client._parent._pool.acquire()
        try:
            await self.client.begin()
        except BaseException:
            await self._give_back()
            raise
        self.token = get_connections().set(self.connection_name, self.client)
        return self.client

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        get_connections().reset(self.token)
        try:
            if self.client._finalized:
                return
            if kind is None:
                await self.client.commit()
            else:
                # On a connection that is lost there is nothing to roll back, and what was raised says more.
                with suppress(Exception):
                    await self.client.rollback()
        finally:
            await self._give_back()

    async def _give_back(self) -> None:
        pool = self.client._parent._pool
        if pool is None:
            return
        try:
            await pool.release(self.client._connection)
        except Exception as error:
            # The pool has closed it and makes another. What was committed is committed all the same.
            log.warning("a connection could not be used again: %s", error)


class WholeAsyncpgClient(AsyncpgDBClient):
    """The client that Tortoise finds by this module's `client_class`."""

    def __init__(self, *given: Any, **others: Any) -> None:
        super().__init__(*given, **others)
        self._kept: KeptPostgres | None = None

    @property
    def kept(self) -> KeptPostgres:
        """The kept connections to this database."""
        if self._kept is None:
            self._kept = KeptPostgres(self._connect)
        return self._kept

    @override
    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.close()
            self._kept = None
        await super().close()

    @override
    def _in_transaction(self) -> TransactionContext:
        return WholeTransactionContext(TransactionWrapper(self), self._pool_init_lock)

    async def _connect(self) -> asyncpg.Connection:
        """Open a connection beside the pool, to the same database by the same settings."""
        settings = self._template["server_settings"] | SETTINGS
        given = {name: value for name, value in self._template.items() if name not in POOL_ONLY}
        given |= {"server_settings": settings, "password": self.password, "timeout": CONNECT_TIMEOUT_S}
        connection: asyncpg.Connection = await asyncpg.connect(**given)
        await prepare_types(connection)
        return connection


client_class = WholeAsyncpgClient
