"""Time limits that cost nothing where nothing is waited for: most bodies are there, and many answers, at the first try.

`asyncio.timeout` takes some microseconds of each request, to set a timer and to take it back. Here a coroutine first
runs until it waits for something, and only then is there a timer.
"""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Late(TimeoutError):
    """It was this limit that ended the wait, and not one inside."""


async def within(seconds: float, coroutine: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns within so many seconds of waiting.

    Raises: Late, after the coroutine was cancelled; whatever it raises.
    """
    try:
        waiting_for = coroutine.send(None)
    except StopIteration as finished:
        result: T = finished.value
        return result
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine that runs has a task
    cancellations = task.cancelling()
    is_late = False

    def end() -> None:
        nonlocal is_late
        is_late = True
        task.cancel()

    timer = loop.call_later(seconds, end)
    try:
        return await _Rest(coroutine, waiting_for)
    except asyncio.CancelledError:
        # Cancelled by somebody else as well, it stays cancelled.
        if is_late and task.uncancel() <= cancellations:
            raise Late from None
        raise
    finally:
        timer.cancel()


class _Rest(Generic[T]):
    """What is left of a coroutine that has begun, in the same task: it waits for something already."""

    def __init__(self, coroutine: Coroutine[Any, Any, T], waiting_for: Any) -> None:
        self._coroutine = coroutine
        self._waiting_for = waiting_for

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, waiting_for = self._coroutine, self._waiting_for
        try:
            while True:
                try:
                    sent = yield waiting_for
                except BaseException as error:
                    waiting_for = coroutine.throw(error)
                else:
                    waiting_for = coroutine.send(sent)
        except StopIteration as finished:
            result: T = finished.value
            return result
