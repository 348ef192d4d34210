"""When each key was used last: for people who clean up, not for counting calls."""

import asyncio
import logging
from datetime import datetime, timedelta

from api.models import ApiKey, now

log = logging.getLogger(__name__)

#: A key's last use is written down this often at most.
NOTED_EVERY = timedelta(minutes=1)


class Uses:
    """Writes down uses beside the calls: nobody waits for it, and a caller who leaves does not cancel it half-way."""

    def __init__(self) -> None:
        self._noted: dict[str, datetime] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note(self, key_id: str | None) -> None:
        """Note that a key is used now."""
        if key_id is None:
            return
        at, last = now(), self._noted.get(key_id)
        if last is not None and at - last < NOTED_EVERY:
            return
        self._noted[key_id] = at
        task = asyncio.create_task(_write(key_id, at))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Finish what is being written."""
        if self._tasks:
            await asyncio.wait(self._tasks)


async def _write(key_id: str, at: datetime) -> None:
    try:
        await ApiKey.note_use(key_id, at)
    except Exception:
        log.exception("the last use of key %s was not written down", key_id)
