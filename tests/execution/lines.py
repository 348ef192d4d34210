"""A source that many may follow, in memory: the numbers of a line, which a test lets grow."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

Steps = list[tuple[Any, int]]


@dataclass
class Line:
    """Numbers from 1 to `length`, and who waits for more."""

    length: int = 0
    #: How much is read at a time.
    page: int = 10
    reading: int = 0
    failure: Exception | None = None
    is_over: bool = False
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def grow(self, count: int = 1) -> None:
        self.length += count
        self._move()

    def fail(self, error: Exception) -> None:
        self.failure = error
        self._move()

    def end(self) -> None:
        self.is_over = True
        self._move()

    async def moved(self) -> None:
        await self._moved.wait()

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()


class Numbers:
    """One follower's beginning."""

    def __init__(
        self,
        line: Line,
        position: int,
        *,
        head: int | None = None,
        conflates: bool = False,
        show: Callable[[int], Any] = lambda number: number,
    ) -> None:
        self.line = line
        self.show = show
        self.topic: Hashable = id(line)
        self.position = position
        self.head = line.length if head is None else head
        self.conflates = conflates

    async def follow(self, position: int) -> AsyncGenerator[Steps, None]:
        line = self.line
        line.reading += 1
        try:
            while not line.is_over:
                if line.failure is not None:
                    raise line.failure
                if position < line.length:
                    steps = self._steps(position, line.length)
                    position = steps[-1][1]
                    yield steps
                else:
                    await line.moved()
        finally:
            await asyncio.sleep(0)  # cleaning up takes a turn of the loop, as closing a cursor does
            line.reading -= 1

    async def until(self, position: int, goal: int) -> AsyncGenerator[Steps, None]:
        while position < goal:
            await asyncio.sleep(0)  # as asking a database does
            steps = self._steps(position, self.line.length if self.conflates else goal)
            position = steps[-1][1]
            yield steps

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for steps in self.follow(self.position):
            for event, _ in steps:
                yield event

    def _steps(self, position: int, end: int) -> Steps:
        if self.conflates:
            return [(self.show(end), end)]
        return [(self.show(number), number) for number in range(position + 1, min(end, position + self.line.page) + 1)]
