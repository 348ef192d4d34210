"""Checkpoints: what was committed to SQLite's log is taken over into its file beside the writing, and not in a commit.

By itself SQLite takes a log of a thousand pages over in the commit that made it so long. Under load that is every other
batch: its callers wait for a page to be copied that the next batch changes again. Here it is done after a while, by a
connection and a thread of its own, so that a page that many batches have changed is copied once.

SQLite begins its log anew only when all of it was taken over, and beside a busy writer a checkpoint never comes to the
end. So what is left after it, which is little, is taken over in a turn to write. What was acknowledged lies in the log,
on the disk, from its commit on, as ever.
"""

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from api.models.statements import ConnectionLost

log = logging.getLogger(__name__)

#: From a commit to the checkpoint that takes it over.
AFTER_S = 0.5
#: A log of so many pages (64 MiB) is taken over in a commit all the same: checkpoints are far behind, or fail.
PAGES_MAX = 16_384
#: Passive: nobody who reads or writes waits for it, and it leaves what somebody still reads.
CHECKPOINT = "PRAGMA wal_checkpoint(PASSIVE)"


class Checkpoints:
    """The checkpoints of a file that one process writes. `connect` opens a connection, `turn` is held by who writes."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], turn: asyncio.Lock) -> None:
        self._connect = connect
        self._turn = turn
        self._connection: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-checkpoints")
        self._task: asyncio.Task[None] | None = None

    def committed(self) -> None:
        """Say that there is something in the log."""
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Finish the one that is under way; whoever closes the file last takes over the rest."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        self._thread.shutdown()
        if self._connection is not None:
            self._connection.close()

    async def _run(self) -> None:
        await asyncio.sleep(AFTER_S)
        try:
            await self._checkpoint()
            async with self._turn:
                await self._checkpoint()
        except (sqlite3.Error, ConnectionLost) as error:
            log.warning("a checkpoint failed, the next one takes its place: %s", error)
        finally:
            self._task = None

    async def _checkpoint(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._take_over)

    def _take_over(self) -> None:
        if self._connection is None:
            self._connection = self._connect()
        self._connection.execute(CHECKPOINT).fetchall()
