"""What arrives while a batch is in flight is the next batch: one primitive, for writes and for reads.

Nobody waits for a batch to fill: the first item goes at once, alone, and whatever comes in meanwhile goes together
after it. So a quiet service answers at once and a busy one shares its statements and its commits.

A batch runs in a task of its own. A caller that goes away (a closed socket, a deadline) stops waiting for its answer
and nothing else: neither its own write nor its neighbours' can be cancelled half-way.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextvars import copy_context
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Overloaded(Exception):
    """More is waiting than can be served in good time; the caller should come back a little later."""


class Batcher(Generic[Item, Answer]):
    """Runs items in batches of at most `size`, at most `lanes` batches at a time, in order of arrival.

    `run` takes a batch and returns one answer for each item, in order; an answer that is an exception is raised to
    the caller of that item alone. When `run` itself raises, its items are tried again one by one, so that a poisoned
    one fails alone.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Awaitable[Sequence[Answer | Exception]]],
        *,
        size: int,
        lanes: int = 1,
        waiting_max: int = 20_000,
    ) -> None:
        self._run = run
        self._size = size
        self._lanes = lanes
        self._waiting_max = waiting_max
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        # Batches start from today's context, never from a caller's: a caller's could hold a transaction.
        self._context = copy_context()

    async def submit(self, item: Item) -> Answer:
        """Run the item in the next batch and return its answer.

        Raises: Overloaded when too much is waiting; whatever `run` answers for the item.
        """
        if len(self._waiting) >= self._waiting_max:
            raise Overloaded(f"{self._waiting_max} requests are waiting")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, answer))
        if len(self._tasks) < self._lanes:
            self._tasks.add(asyncio.create_task(self._drain(), context=self._context.copy()))
        return await answer

    async def close(self) -> None:
        """Wait until everything that was submitted is answered."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _drain(self) -> None:
        lane = asyncio.current_task()
        assert lane is not None  # noqa: S101 - a coroutine that runs has a task
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(self._size, len(self._waiting)))]
                await self._answer(batch)
        finally:
            # In the same step in which the queue was found empty. A done callback would come after the callers that
            # were just answered, and one that comes back at once would wait for a lane that has ended.
            self._tasks.discard(lane)

    async def _answer(self, batch: list[tuple[Item, "asyncio.Future[Answer]"]]) -> None:
        try:
            answered = list(zip(batch, await self._run([item for item, _ in batch]), strict=True))
        except Exception as error:
            if len(batch) > 1:
                for one in batch:
                    await self._answer([one])
                return
            answered = [(batch[0], error)]
        for (_, waiter), answer in answered:
            if waiter.done():  # its caller went away
                continue
            if isinstance(answer, Exception):
                waiter.set_exception(answer)
            else:
                waiter.set_result(answer)
