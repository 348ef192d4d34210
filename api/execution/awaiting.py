"""What becomes of awaitables that nobody waits for any more: they end by themselves, quietly, or do not begin."""

from asyncio import Future, gather, isfuture
from collections.abc import Awaitable, Collection, Iterable, Iterator, Mapping
from types import CoroutineType
from typing import Any

from graphql.pyutils import is_awaitable

# What is left to end by itself: the event loop alone would not keep it.
_LEFT: set[Future[Any]] = set()


def leave(future: "Future[Any]") -> None:
    """Let something come to its end that has begun."""
    _LEFT.add(future)
    future.add_done_callback(_LEFT.discard)


def settle(values: Iterable[Any]) -> None:
    """Let awaitables run to their end, whatever it is: nobody waits for them any more. Lists may hold them, too."""
    awaitables = list(_awaitables(values))
    for one in awaitables:
        if isfuture(one):
            one.add_done_callback(hear)
    coroutines = [one for one in awaitables if not isfuture(one)]
    if not coroutines:
        return
    try:
        future = gather(*coroutines, return_exceptions=True)
    except RuntimeError:  # no event loop runs
        dispose(coroutines)
        return
    leave(future)
    future.add_done_callback(_settled)


def _awaitables(values: Iterable[Any]) -> Iterator[Awaitable[Any]]:
    for value in values:
        if is_awaitable(value):
            yield value
        elif isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping):
            yield from _awaitables(value)


def _settled(future: "Future[list[Any]]") -> None:
    if not future.cancelled():
        for value in future.result():
            drop(value)


def dispose(awaitables: Iterable[Any]) -> None:
    """Let awaitables not run at all."""
    for one in awaitables:
        if isinstance(one, CoroutineType):
            one.close()
        elif isfuture(one):
            one.add_done_callback(hear)


def hear(future: "Future[Any]") -> None:
    """Take notice of an exception that nobody waits for, or it is logged as forgotten."""
    if not future.cancelled():
        future.exception()


def forget(future: "Future[Any]") -> None:
    """Let go of a coroutine's end that nobody waits for."""
    if not future.cancelled() and future.exception() is None:
        drop(future.result())


def drop(value: Any) -> None:
    """Let go of a value that has no place any more; a list may hold what has to be awaited."""
    settle([value])
