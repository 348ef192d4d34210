"""Coroutines without a task: they go on by being called back.

A task costs as much as all that a donation's resolver does between the two answers that it waits for.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

Answer = TypeVar("Answer")


def begin(coroutine: Coroutine[Any, Any, Answer]) -> "asyncio.Future[Answer]":
    """Run a coroutine that awaits the answers of batches and nothing else: at once, and without a task.

    A task costs more than what most of these do between two answers. But there is none, then: whatever wants to know
    its task (a time limit, the ORM) is not to be awaited in here. Nobody can cancel it, either.
    """
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    _Begun(coroutine, answer)(None)
    return answer


class _Begun(Generic[Answer]):
    """A coroutine that goes on whenever what it awaits has come."""

    __slots__ = ("_answer", "_coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, Answer], answer: "asyncio.Future[Answer]") -> None:
        self._coroutine = coroutine
        self._answer = answer

    def __call__(self, _: "asyncio.Future[Any] | None") -> None:
        """Go on."""
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as end:
            if not self._answer.done():
                self._answer.set_result(end.value)
        except Exception as error:
            if not self._answer.done():
                self._answer.set_exception(error)
        except asyncio.CancelledError:  # what it awaited was
            self._answer.cancel()
        else:
            if awaited is None:  # it only lets others have a turn
                asyncio.get_running_loop().call_soon(self, None)
                return
            # As a task does, which says by this that it is its own to wait for.
            awaited._asyncio_future_blocking = False  # noqa: SLF001
            awaited.add_done_callback(self)
