"""Signals between processes: a project has moved. Hints and nothing more; whoever misses one polls.

PostgreSQL carries them by NOTIFY, sent by the sealer alone and after its commit: a transaction that notifies takes a
lock of the whole cluster, so the hot path never does. The sealer works in rounds of at most 20 a second, and so a
project is named at most 20 times a second. SQLite has one process, and needs none of this.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from uuid import UUID

import asyncpg
from tortoise.context import TortoiseContext

from api.models import Environment

log = logging.getLogger(__name__)

CHANNEL = "lucid_sealed"
RETRY_S = 1.0

Stream = tuple[UUID, Environment]


class Signals:
    """Sends and receives over one connection of its own, made again whenever it is lost.

    `heard` is told what others send: PostgreSQL brings back what is sent from here, too, and that is known already.
    """

    def __init__(self, context: TortoiseContext, heard: Callable[[Iterable[Stream]], None]) -> None:
        client = context.db()
        self._address = {
            "host": client.host,  # type: ignore[attr-defined]
            "port": client.port,  # type: ignore[attr-defined]
            "user": client.user,  # type: ignore[attr-defined]
            "password": client.password,  # type: ignore[attr-defined]
            "database": client.database,  # type: ignore[attr-defined]
        }
        self._heard = heard
        self._connection: asyncpg.Connection | None = None
        self._keeper = asyncio.create_task(self._keep())

    async def send(self, streams: Iterable[Stream]) -> None:
        """Tell the other processes that these streams have moved, if that can be done now."""
        connection = self._connection
        if connection is None:
            return
        payloads = [f"{project_id}:{environment}" for project_id, environment in streams]
        try:
            await connection.execute("SELECT pg_notify($1, p) FROM unnest($2::text[]) AS p", CHANNEL, payloads)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            log.warning("a signal was not sent, followers will poll: %s", error)

    async def close(self) -> None:
        """Stop sending and receiving."""
        self._keeper.cancel()
        with suppress(asyncio.CancelledError):
            await self._keeper

    async def _keep(self) -> None:
        while True:
            lost = asyncio.Event()
            try:
                connection = await asyncpg.connect(**self._address)
            except (OSError, asyncpg.PostgresError) as error:
                log.warning("no connection for signals, followers will poll: %s", error)
                await asyncio.sleep(RETRY_S)
                continue
            try:
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await connection.add_listener(CHANNEL, self._receive)
                self._connection = connection
                await lost.wait()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
                log.warning("the connection for signals was lost: %s", error)
            finally:
                self._connection = None
                connection.terminate()
            await asyncio.sleep(RETRY_S)

    def _receive(self, connection: asyncpg.Connection, pid: int, _channel: str, payload: object) -> None:
        # No coroutine: asyncpg would make a task for each project of each round.
        if pid == connection.get_server_pid():
            return
        project, _, environment = str(payload).partition(":")
        self._heard([(UUID(project), Environment(environment))])
