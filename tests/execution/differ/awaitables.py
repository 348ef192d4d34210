"""Everything that can be awaited, and everything that can be iterated, as resolvers may return it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Generator, Iterator, ValuesView
from types import CoroutineType
from typing import Any

from typing_extensions import override

from tests.execution.differ.worlds import Tape

# Makes a value, or raises: when it is awaited or reached.
Make = Callable[[], Any]


async def _soon(make: Make) -> Any:
    return make()


async def _later(make: Make) -> Any:
    await asyncio.sleep(0)
    return make()


async def _much_later(make: Make) -> Any:
    for _ in range(4):
        await asyncio.sleep(0)
    return make()


def _settle(future: "asyncio.Future[Any]", make: Make) -> None:
    if future.done():
        return
    try:
        future.set_result(make())
    except Exception as error:
        future.set_exception(error)


def _done(make: Make) -> Awaitable[Any]:
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    _settle(future, make)
    return future


def _pending(make: Make) -> Awaitable[Any]:
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    loop.call_soon(loop.call_soon, _settle, future, make)
    return future


def _task(make: Make) -> Awaitable[Any]:
    return asyncio.ensure_future(_later(make))


class _Immediate:
    """An awaitable of one's own that never yields to the loop."""

    def __init__(self, make: Make) -> None:
        self._make = make

    def __await__(self) -> Generator[Any, None, Any]:
        return self._make()
        yield


class _Patient(_Immediate):
    """An awaitable of one's own that waits for a future."""

    @override
    def __await__(self) -> Generator[Any, None, Any]:
        return (yield from _pending(self._make).__await__())


MakeAwaitable = Callable[[Make], Awaitable[Any]]
COROUTINES: tuple[MakeAwaitable, ...] = (_soon, _later, _much_later, _Immediate, _Patient)
FUTURES: tuple[MakeAwaitable, ...] = (_done, _pending, _task)


def awaitable(tape: Tape, make: Make) -> Awaitable[Any]:
    """Return something that comes to what `make` makes."""
    return tape.choose((*COROUTINES, *FUTURES))(make)


def iterable(tape: Tape, makes: list[Make]) -> Any:
    """Return something that a list may be made of."""
    return tape.choose(ITERABLES)(makes)


def async_iterable(tape: Tape, makes: list[Make]) -> Any:
    """Return something that a list may be made of, awaiting each item."""
    return tape.choose(ASYNC_ITERABLES)(makes)


def _list(makes: list[Make]) -> list[Any]:
    made: list[Any] = []
    try:
        made.extend(make() for make in makes)
    except Exception:
        _forget(made)
        raise
    return made


def _forget(made: Collection[Any]) -> None:
    """Let go of what nobody will ever be given."""
    for one in made:
        if isinstance(one, CoroutineType):
            one.close()
        elif isinstance(one, asyncio.Future):
            one.add_done_callback(lambda future: future.cancelled() or future.exception())
        elif isinstance(one, list | tuple | ValuesView):
            _forget(one)


class _Listlike(list[Any]):
    """A list that is not quite a list."""


def _generator(makes: list[Make]) -> Iterator[Any]:
    for make in makes:
        yield make()


class _Iterable:
    def __init__(self, makes: list[Make]) -> None:
        self._makes = makes

    def __iter__(self) -> Iterator[Any]:
        return _generator(self._makes)


ITERABLES: tuple[Callable[[list[Make]], Any], ...] = (
    _list,
    _list,
    _list,
    lambda makes: tuple(_list(makes)),
    lambda makes: _Listlike(_list(makes)),
    lambda makes: dict(enumerate(_list(makes))).values(),
    _generator,
    _Iterable,
)


async def _async_generator(makes: list[Make]) -> AsyncIterator[Any]:
    for number, make in enumerate(makes):
        if number % 2:
            await asyncio.sleep(0)
        yield make()


class _AsyncIterator:
    """An asynchronous iterator that cannot be closed."""

    def __init__(self, makes: list[Make]) -> None:
        self._makes = iter(makes)

    def __aiter__(self) -> "_AsyncIterator":
        return self

    async def __anext__(self) -> Any:
        for make in self._makes:
            return make()
        raise StopAsyncIteration


ASYNC_ITERABLES: tuple[Callable[[list[Make]], Any], ...] = (_async_generator, _AsyncIterator)
