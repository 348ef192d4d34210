"""Who still uses what is deprecated: counted in memory, written down every few seconds and when somebody asks."""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from api.access.keys import Caller
from api.models import DeprecatedUse, now

log = logging.getLogger(__name__)

#: A process that dies loses this much at most; these are numbers to write letters by, not to send bills by.
FLUSH_S = 10.0


class DeprecatedUses:
    """The uses of one process."""

    def __init__(self) -> None:
        self._counted: dict[tuple[UUID, str], tuple[int, datetime]] = {}
        self._flushing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write down what is counted."""
        self._task = asyncio.create_task(self._run())

    def note(self, caller: Caller, fields: Iterable[str]) -> None:
        """Count a use of each field; nobody without a key is counted."""
        if caller.partner is None:
            return
        at = now()
        for field in fields:
            count, _ = self._counted.get((caller.partner.id, field), (0, at))
            self._counted[caller.partner.id, field] = (count + 1, at)

    async def of_partner(self, partner_id: UUID) -> list[DeprecatedUse]:
        """Return what a partner has used, this process's last uses included."""
        await self.flush()
        return await DeprecatedUse.of_partner(partner_id)

    async def flush(self) -> None:
        """Write down what was counted; what cannot be written is kept for the next time."""
        async with self._flushing:
            for key in list(self._counted):
                count, at = self._counted.pop(key)
                try:
                    await DeprecatedUse.add(*key, count, at)
                except Exception:
                    since, last = self._counted.get(key, (0, at))
                    self._counted[key] = (count + since, last)
                    raise

    async def close(self) -> None:
        """Write down what is left."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._try()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_S)
            await self._try()

    async def _try(self) -> None:
        try:
            await self.flush()
        except Exception:
            log.exception("uses of deprecated fields were not written down; it is tried again")
