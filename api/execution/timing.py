"""Time limits that cost next to nothing where they are kept.

`asyncio.timeout` takes some microseconds of each request, to set a timer and to take it back. Here those that wait
under the same limit stand in the order in which they will be late, and there is one timer, for the first of them.
"""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias, TypeVar

T = TypeVar("T")

# Ends what is late.
End: TypeAlias = Callable[[], None]


class Late(TimeoutError):
    """It was this limit that ended the wait, and not one inside."""


class _Wait:
    """A task that is at work under a limit."""

    __slots__ = ("is_late", "task")

    def __init__(self, task: "asyncio.Task[Any]") -> None:
        self.task = task
        self.is_late = False

    def __call__(self) -> None:
        """End it."""
        self.is_late = True
        self.task.cancel()


class TimeLimit:
    """So many seconds for each of many pieces of work."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        # The first is late first: all have the same time.
        self._ends: dict[End, float] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Return what a coroutine returns within the time.

        Raises: Late, after the coroutine was cancelled; whatever it raises.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine that runs has a task
        cancellations = task.cancelling()
        wait = _Wait(task)
        self.watch(wait, task.get_loop())
        try:
            return await coroutine
        except asyncio.CancelledError:
            # Cancelled by somebody else as well, it stays cancelled.
            if wait.is_late and task.uncancel() <= cancellations:
                raise Late from None
            raise
        finally:
            self.release(wait)

    def watch(self, end: End, loop: asyncio.AbstractEventLoop) -> None:
        """Call this when the time is over, once, unless it is released before."""
        self._ends[end] = time.monotonic() + self.seconds
        if self._timer is None or self._loop is not loop:
            self._set_timer(loop, self.seconds)

    def release(self, end: End) -> None:
        """Let something take as long as it likes from now on."""
        self._ends.pop(end, None)

    def _set_timer(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        self._loop = loop
        self._timer = loop.call_later(seconds, self._end)

    def _end(self) -> None:
        """End those that are late, and come back for the next."""
        self._timer = None
        now = time.monotonic()
        while self._ends:
            end, at = next(iter(self._ends.items()))
            if at > now:
                assert self._loop is not None  # noqa: S101 - the timer is one of its own
                self._set_timer(self._loop, at - now)
                return
            del self._ends[end]
            end()
