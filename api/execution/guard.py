"""Around every piece of execution: it ends before the deadline, and whatever happens in it is answered."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from api.execution.errors import Code, Refused, coded, format_bug
from api.execution.results import Result, refusal, rejected
from api.execution.timing import End, Late, TimeLimit


class Guard:
    """Does pieces of work, each within the same number of seconds."""

    def __init__(self, deadline_s: float) -> None:
        self._limit = TimeLimit(deadline_s)

    async def __call__(self, work: Callable[[], Coroutine[Any, Any, Result]], request_id: str) -> Result:
        """Do a piece of work, and return its result or why there is none."""
        try:
            return await self._limit(work())
        except Late:
            return self.late(request_id)
        except Exception as error:  # the last line of defence
            return failure(error, request_id)

    def watch(self, end: End, loop: asyncio.AbstractEventLoop) -> None:
        """Call this at the deadline, unless it is released before."""
        self._limit.watch(end, loop)

    def release(self, end: End) -> None:
        """Hear that something was done in time."""
        self._limit.release(end)

    def late(self, request_id: str) -> Result:
        """Answer what was not done in time."""
        message = f"The operation took longer than {self._limit.seconds:g} seconds."
        return rejected([coded(message, Code.DEADLINE_EXCEEDED)], request_id, status=504)


def failure(error: Exception, request_id: str) -> Result:
    """Answer what nobody expected; it is logged."""
    if isinstance(error, Refused):
        return refusal(error, request_id)
    return Result(errors=(format_bug(error, request_id),), executed=False, status=500)
