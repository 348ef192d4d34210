"""Tortoise's PostgreSQL backend, with transactions that give back what they took, whatever happens.

Tortoise enters a transaction by halves: when `BEGIN` fails or is cancelled, its connection never returns to the pool,
and the task goes on in the context of a transaction that is dead; every later one in this task fails. Ten such
failures, for example when the database restarts under load, and the process waits for a connection for ever (its issue
1438).
"""

import logging
from contextlib import suppress
from types import TracebackType

from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionalDBClient, TransactionContext, TransactionContextPooled
from tortoise.connection import get_connections
from typing_extensions import override

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

    @override
    def _in_transaction(self) -> TransactionContext:
        return WholeTransactionContext(TransactionWrapper(self), self._pool_init_lock)


client_class = WholeAsyncpgClient
