"""What arrives while a batch is in flight is the next batch: one primitive, for writes and for reads.

Nobody waits for a batch to fill: the first item goes at once, with what else is asked for in the same turn of the event
loop, and whatever comes in meanwhile goes together after it. So a quiet service answers at once and a busy one shares
its statements and its commits.

- A batch runs in a task of its own. A caller that goes away (a closed socket, a deadline) stops waiting for its answer
  and nothing else: neither its own write nor its neighbours' can be cancelled half-way.
- `Batcher` runs each item that is submitted, in order: writes. `Loader` asks for each key once, for all who want it:
  reads. A key joins a batch only while that has not been sent, so no answer is older than its question.
- Several of them may share `Lanes`, of which each has a connection: whose turn was longest ago goes next, so one that
  always has more to ask holds up the others by a batch and no longer.
- More may be waiting than can be served in good time: then a caller is turned away at once (`Overloaded`), and those
  who wait are served.
"""

import asyncio
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Coroutine, Hashable, Iterable, Mapping, Sequence
from contextvars import Context, copy_context
from itertools import islice
from typing import Any, Generic, TypeVar, overload

from typing_extensions import override

Item = TypeVar("Item")
Answer = TypeVar("Answer")
Key = TypeVar("Key", bound=Hashable)
Row = TypeVar("Row")
Made = TypeVar("Made")

#: Who waits for an answer, and what is to be made of it first.
Waiter = tuple["asyncio.Future[Any] | Place[Any]", Callable[[Any], Any] | None]
#: What one caller has submitted, who waits for the answers, and whether for all of them or for the only one.
Lot = tuple[list[Item], "asyncio.Future[Any]", bool]

#: So many callers of a batch are told what became of their items in one turn of the event loop: half of what a busy
#: service has in a batch. Fewer at a time make the next batches small.
TOLD_AT_ONCE = 16


class Overloaded(Exception):
    """More is waiting than can be served in good time; the caller should come back a little later."""


class Unavailable(Exception):
    """A batch failed for a reason that lies in none of its items, so that to try them one by one would be no help."""


class Lanes:
    """How many batches are in flight at the same time, over all that share them.

    `context`: what the batches run in; today's unless it is said. Never a caller's: that could hold a transaction.
    """

    def __init__(self, count: int = 1, context: Context | None = None) -> None:
        self._count = count
        self._context = context if context is not None else copy_context()
        self._waiting: deque[Batches] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    def call(self, batches: "Batches") -> None:
        """Let something that has begun to wait have its turn after what waits already."""
        self._waiting.append(batches)
        self._open()

    async def close(self) -> None:
        """Wait until everything is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _open(self) -> None:
        """Open a lane more, if there may be one."""
        if len(self._tasks) < self._count:
            # Its first step is in the next turn of the event loop: what is asked for in this one comes with it.
            self._tasks.add(asyncio.create_task(self._serve(), context=self._context.copy()))

    async def _serve(self) -> None:
        lane = asyncio.current_task()
        assert lane is not None  # noqa: S101 - a coroutine that runs has a task
        waiting = self._waiting
        try:
            while waiting:
                batches = waiting.popleft()
                batch = batches.take()
                if batches:
                    waiting.append(batches)
                if waiting:
                    self._open()
                await batch
        finally:
            # In the same step in which nothing was found to wait. A done callback would come after the callers that
            # were just answered, and one that comes back at once would wait for a lane that has ended.
            self._tasks.discard(lane)


class Batches(ABC):
    """What waits, to be taken in batches by lanes."""

    def __init__(self, size: int, lanes: "int | Lanes", waiting_max: int) -> None:
        self._size = size
        self._lanes = lanes if isinstance(lanes, Lanes) else Lanes(lanes)
        self._waiting_max = waiting_max

    @abstractmethod
    def __len__(self) -> int:
        """How much waits that is in no batch yet."""

    @abstractmethod
    def take(self) -> Coroutine[Any, Any, None]:
        """Take the next batch, and return what runs it."""

    async def close(self) -> None:
        """Wait until everything is answered, in all that shares the lanes."""
        await self._lanes.close()

    def _overloaded(self) -> Overloaded:
        return Overloaded(f"{self._waiting_max} requests are waiting")


class Batcher(Batches, Generic[Item, Answer]):
    """Runs items in batches of at most `size`, at most `lanes` batches at a time, in order of arrival.

    `run` takes a batch and returns one answer for each item, in order; an answer that is an exception is raised to
    the caller of that item alone. When `run` itself raises, its items are tried again one by one, so that a poisoned
    one fails alone; but not after `Unavailable`.

    The next batch is under way before the answers of the last one are told, and these are told some in each turn of the
    event loop. What callers make of their answers takes longer than the database needs to answer the next batch, which
    would lie there meanwhile.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        size: int,
        lanes: "int | Lanes" = 1,
        waiting_max: int = 20_000,
    ) -> None:
        super().__init__(size, lanes, waiting_max)
        self._run = run
        self._waiting: deque[Lot[Item]] = deque()
        self._count = 0
        self._untold: deque[tuple[object, Waiter]] = deque()
        self._is_telling = False

    @override
    def __len__(self) -> int:
        return self._count

    def submit(self, item: Item) -> "asyncio.Future[Answer]":
        """Run the item in the next batch and return its answer.

        Raises: Overloaded, at once, when too much is waiting; later, whatever `run` answers for the item.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._submit(([item], answer, False))
        return answer

    def submit_many(self, items: list[Item]) -> "asyncio.Future[list[Answer | Exception]]":
        """Run items, all in one batch unless they are more than a batch holds, and return their answers in order.

        One future for all of them: an answer that is an exception is returned and not raised.

        Raises: Overloaded, at once, when too much is waiting.
        """
        answers: asyncio.Future[list[Answer | Exception]] = asyncio.get_running_loop().create_future()
        if not items:
            answers.set_result([])
            return answers
        self._submit((items, answers, True))
        return answers

    def require_room(self) -> None:
        """Say whether the next who submits is turned away.

        Raises: Overloaded.
        """
        if self._count >= self._waiting_max:
            raise self._overloaded()

    @override
    async def close(self) -> None:
        await super().close()
        while self._untold:
            answer, waiter = self._untold.popleft()
            _tell(answer, [waiter])

    def _submit(self, lot: "Lot[Item]") -> None:
        self.require_room()
        self._waiting.append(lot)
        self._count += len(lot[0])
        if len(self._waiting) == 1:
            self._lanes.call(self)

    @override
    def take(self) -> Coroutine[Any, Any, None]:
        waiting = self._waiting
        batch = [waiting.popleft()]
        count = len(batch[0][0])
        while waiting and count + len(waiting[0][0]) <= self._size:
            batch.append(waiting.popleft())
            count += len(batch[-1][0])
        self._count -= count
        return self._answer(batch)

    async def _answer(self, lots: "list[Lot[Item]]") -> None:
        items = [item for lot in lots for item in lot[0]]
        answers: list[Answer | Exception] = []
        for first in range(0, len(items), self._size):  # a lot may be larger than a batch
            answers += await self._answers(items[first : first + self._size])
        ends = 0
        for those, waiter, is_many in lots:
            begins, ends = ends, ends + len(those)
            self._untold.append((answers[begins:ends] if is_many else answers[begins], (waiter, None)))
        if not self._is_telling:
            self._tell_some()

    def _tell_some(self) -> None:
        untold = self._untold
        try:
            for _ in range(min(len(untold), TOLD_AT_ONCE)):
                answer, waiter = untold.popleft()
                _tell(answer, [waiter])
        finally:
            self._is_telling = bool(untold)
            if untold:
                asyncio.get_running_loop().call_soon(self._tell_some)

    async def _answers(self, items: list[Item]) -> Sequence[Answer | Exception]:
        try:
            answers = await self._run(items)
            if len(answers) != len(items):
                raise ValueError(f"{len(items)} items were given {len(answers)} answers")  # noqa: TRY301
        except Unavailable as error:
            return [error] * len(items)
        except Exception as error:
            if len(items) == 1:
                return [error]
            return [one for item in items for one in await self._answers([item])]
        return answers


class Loader(Batches, Generic[Key, Row]):
    """Loads rows by key: the keys that all requests of the process ask for, each once, in batches of at most `size`.

    What a caller may see is part of the key, or is checked in what is loaded: a batch has many callers. `ask` takes
    keys and returns what there is, by key; a value that is an exception is raised to those who asked for that key.
    When `ask` itself raises, the keys are asked for one by one, as in `Batcher`.

    The limit of what may wait counts those who wait, and not the keys.
    """

    def __init__(
        self,
        ask: Callable[[list[Key]], Awaitable[Mapping[Key, Row | Exception]]],
        *,
        size: int,
        lanes: "int | Lanes" = 1,
        waiting_max: int = 20_000,
    ) -> None:
        super().__init__(size, lanes, waiting_max)
        self._ask = ask
        self._waiting: dict[Key, list[Waiter]] = {}
        self._waiters = 0

    @override
    def __len__(self) -> int:
        return len(self._waiting)

    @overload
    def load(self, key: Key) -> "asyncio.Future[Row | None]": ...

    @overload
    def load(self, key: Key, make: Callable[[Row | None], Made]) -> "asyncio.Future[Made]": ...

    def load(self, key: Key, make: Callable[[Row | None], Any] | None = None) -> "asyncio.Future[Any]":
        """Return the row of a key, or None; with `make`, what that makes of it.

        What one and the same `make` makes of a row is shared by all who wait for it: it is not to be changed.

        Raises: Overloaded, at once, when too much is waiting; later, whatever `ask` or `make` raises.
        """
        if self._waiters >= self._waiting_max:
            raise self._overloaded()
        waiting = self._waiting
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        waiters = waiting.get(key)
        if waiters is None:
            waiting[key] = [(answer, make)]
            if len(waiting) == 1:
                self._lanes.call(self)
        else:
            waiters.append((answer, make))
        self._waiters += 1
        return answer

    def load_each(self, keys: Collection[Key]) -> "asyncio.Future[dict[Key, Row | Exception | None]]":
        """Return the rows of distinct keys by key, and exceptions where they belong: one future for all of them.

        Raises: Overloaded, at once, when too much is waiting.
        """
        if self._waiters >= self._waiting_max:
            raise self._overloaded()
        waiting = self._waiting
        answers: asyncio.Future[dict[Key, Row | Exception | None]] = asyncio.get_running_loop().create_future()
        if not keys:
            answers.set_result({})
            return answers
        told: dict[Key, Any] = {}
        is_idle = not waiting
        for key in keys:
            waiting.setdefault(key, []).append((Place(key, told, len(keys), answers), None))
        if is_idle:
            self._lanes.call(self)
        self._waiters += len(keys)
        return answers

    def load_many(self, keys: Iterable[Key]) -> "asyncio.Future[list[Row | None]]":
        """Return the rows of keys, in order."""
        return asyncio.gather(*[self.load(key) for key in keys])

    @override
    def take(self) -> Coroutine[Any, Any, None]:
        waiting = self._waiting
        if len(waiting) <= self._size:
            batch, self._waiting = waiting, {}
        else:
            batch = {key: waiting.pop(key) for key in list(islice(waiting, self._size))}
        self._waiters -= sum(map(len, batch.values()))
        return self._answer(batch)

    async def _answer(self, batch: dict[Key, list[Waiter]]) -> None:
        rows: Mapping[Key, Row | Exception]
        try:
            rows = await self._ask(list(batch))
        except Unavailable as error:
            rows = dict.fromkeys(batch, error)
        except Exception as error:
            if len(batch) > 1:
                for key, waiters in batch.items():
                    await self._answer({key: waiters})
                return
            rows = dict.fromkeys(batch, error)
        for key, waiters in batch.items():
            _tell(rows.get(key), waiters)


class Place(Generic[Key]):
    """One of several answers that somebody waits for: it is told as a future is, and the last one tells them all."""

    __slots__ = ("_all", "_count", "_key", "_told")

    def __init__(self, key: Key, told: dict[Key, Any], count: int, answers: "asyncio.Future[dict[Key, Any]]") -> None:
        self._key = key
        self._told = told
        self._count = count
        self._all = answers

    def done(self) -> bool:
        """Whether nobody waits any more."""
        return self._all.done()

    def set_result(self, answer: object) -> None:
        """Tell it."""
        self._told[self._key] = answer
        if len(self._told) == self._count:
            self._all.set_result(self._told)

    #: To those who ask for several, an exception is an answer.
    set_exception = set_result

    def exception(self) -> None:
        """Nothing is raised to nobody."""


def _tell(answer: object, waiters: list[Waiter]) -> None:
    """Tell an answer to all who still wait for it."""
    maker: Callable[[Any], Any] | None = None
    made = answer
    for waiter, make in waiters:
        if waiter.done():  # its caller went away
            continue
        if make != maker and not isinstance(answer, Exception):
            maker = make
            made = _made(answer, make)
        if isinstance(made, Exception):
            waiter.set_exception(made)
            waiter.exception()  # who asked for many and left after the first failure has nothing more to hear
        else:
            waiter.set_result(made)


def _made(answer: object, make: Callable[[Any], Any] | None) -> object:
    if make is None:
        return answer
    try:
        return make(answer)
    except Exception as error:
        return error
