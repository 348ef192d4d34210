"""Time limits that cost next to nothing where they are kept.

`asyncio.timeout` takes some microseconds of each request, to set a timer and to take it back. Here those that wait
under the same limit stand in the order in which they will be late, and there is one timer, for the first of them.
"""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Late(TimeoutError):
    """It was this limit that ended the wait, and not one inside."""


class _Wait:
    """A task that is at work under a limit."""

    __slots__ = ("ends_at", "is_late", "task")

    def __init__(self, task: "asyncio.Task[Any]", ends_at: float) -> None:
        self.task = task
        self.ends_at = ends_at
        self.is_late = False


class TimeLimit:
    """So many seconds for each of many coroutines."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # The first is late first: all have the same time.
        self._waits: dict[_Wait, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns within the time.

        Raises: Late, after the coroutine was cancelled; whatever it raises.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        cancellations = task.cancelling()
        wait = _Wait(task, time.monotonic() + self.seconds)
        self._waits[wait] = None
        if self._timer is None or self._loop is not task.get_loop():
            self._set_timer(task.get_loop(), self.seconds)
        try:
            return await coroutine
        except asyncio.CancelledError:
            # Cancelled by somebody else as well, it stays cancelled.
            if wait.is_late and task.uncancel() <= cancellations:
                raise Late from None
            raise
        finally:
            self._waits.pop(wait, None)

    def _set_timer(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._timer = loop.call_later(seconds, self._end)

    def _end(self) -> None:
        """Cancel those that are late, and come back for the next."""
        self._timer = None
        now = time.monotonic()
        while self._waits:
            first = next(iter(self._waits))
            if first.ends_at > now:
                assert self._loop is not None  # noqa: S101 - the timer is one of its own
                self._set_timer(self._loop, first.ends_at - now)
                return
            del self._waits[first]
            first.is_late = True
            first.task.cancel()
