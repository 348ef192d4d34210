"""Fan-out: what many subscribers wait for is executed once, encoded once, and handed to all of them.

A resolver may return a `SharedSource` instead of a plain source. All who follow the same topic with the same document
and may see the same (`sharing.py` decides that) are followers of one broadcast. It has one task, which reads the
source, executes each event once and offers the result to everybody who is live.

A follower is live or behind. Who is live costs nothing but its place: no task, no generator, no buffer. Who is behind,
because it has just come, goes on after a break or reads too slowly, has a task of its own in the transport. It goes
alone, by `until`, from its position to where the broadcast stood when it set out; from there it is served from the
broadcast's log; at the end of that it is live.

The log holds only what somebody behind still needs, and at most `LOG_MAX` results: who falls out of it sets out again,
alone, from its position. So a slow follower holds nobody up, takes no memory, and misses nothing.

A broadcast reads on only while somebody is live, or waits to be caught up with: a source runs as fast as the fastest
of its followers, and a single slow one makes it wait, as if there were no broadcast at all.
"""

import asyncio
import os
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable, Iterable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Any, TypeAlias

from graphql import located_error

from api.execution.errors import format_execution_errors, log_bug
from api.execution.outlets import Item, Outlet
from api.execution.results import Result
from api.execution.sources import SharedSource, Step

#: Results that a broadcast keeps for those who are behind.
LOG_MAX = 64
LOG_BYTES_MAX = 2**20
#: Results that are handed over together: the server may write them at once.
BATCH_MAX = 16
#: Results that are handed over before others get a turn: about a millisecond.
TURN = 100

# Executes an event.
Execute: TypeAlias = Callable[[Any], Awaitable[Result]]


class Follower:
    """One subscription to a broadcast, at its own position."""

    __slots__ = ("_alone", "_broadcast", "_first", "_goal", "_request_id", "offset", "outlet", "position")

    def __init__(self, broadcast: "Broadcast", position: Hashable, request_id: str) -> None:
        self._broadcast = broadcast
        self._request_id = request_id
        self.position = position
        #: The next result of the broadcast's log to be sent, once the goal is reached.
        self.offset = 0
        self.outlet: Outlet | None = None
        self._goal: Hashable = None
        self._alone: AsyncGenerator[Step, None] | None = None
        self._first: Callable[[Result], Result] | None = None
        self._set_out()

    @property
    def ended(self) -> bool:
        """Whether there is nothing more to come than what was missed."""
        return self._broadcast.ended

    def tell_first(self, add: Callable[[Result], Result]) -> None:
        """Add to the first result what is for this follower alone."""
        self._first = add

    async def missed(self) -> Result | None:
        """Return the next result that is there already; None when there is none: then one may join at once.

        A result that was not executed is the last.
        """
        try:
            result = await self._missed()
            if self._first is not None and result is not None and result.executed:
                result, self._first = self._first(result), None
        except Exception as error:
            errors = format_execution_errors([located_error(error)], self._request_id)
            return Result(errors=errors, executed=False)
        return result

    def join(self, outlet: Outlet) -> None:
        """Be live from here on: every result is offered to the outlet. For a follower that has missed nothing."""
        self.outlet = outlet
        self._broadcast.join(self)

    def leave(self) -> None:
        """Follow no more. May be called again."""
        self.outlet = None
        self._broadcast.leave(self)

    async def aclose(self) -> None:
        """End the subscription. May be called again."""
        self.leave()
        if self._alone is not None:
            await self._alone.aclose()

    async def _missed(self) -> Result | None:
        broadcast = self._broadcast
        while True:
            if self._alone is not None:
                step = await anext(self._alone, None)
                if step is not None:
                    event, self.position = step
                    return await broadcast.execute(event)
                self._alone = None
                if self.position != self._goal:  # it is ahead of the broadcast, which must come here first
                    await broadcast.told_past(self.offset)
                    self._set_out()
            elif self.offset < broadcast.first:
                if broadcast.source.conflates:
                    self.offset = broadcast.first
                else:
                    self._set_out()
            elif self.offset < broadcast.end:
                item = broadcast.item(self.offset)
                self.offset += 1
                self.position = item.position
                return item.result
            elif self._first is not None and not broadcast.ended:
                await broadcast.told_past(self.offset)
            else:
                return broadcast.failure

    def _set_out(self) -> None:
        """Begin to go alone to where the broadcast is now; what it tells from here on is in its log."""
        broadcast = self._broadcast
        self._goal = broadcast.position
        self.offset = broadcast.end
        self._alone = _flat(broadcast.source.until(self.position, self._goal))
        broadcast.remember(self)


class Broadcast:
    """One topic, executed for one document and one view."""

    def __init__(
        self, source: SharedSource, execute: Execute, request_id: str, on_end: Callable[["Broadcast"], None]
    ) -> None:
        self.source = source
        self.execute = execute
        #: Where one is who has heard everything.
        self.position = source.head
        #: Offsets in the log: of the oldest result, and past the newest.
        self.first = self.end = 0
        self.ended = False
        #: Why it has ended, if it was not the source's wish.
        self.failure: Result | None = None
        self._request_id = request_id
        self._on_end = on_end
        self._log: deque[Item] = deque()
        self._live: dict[Follower, None] = {}
        self._behind: set[Follower] = set()
        self._ahead = 0
        self._wanted = asyncio.Event()
        self._moved = asyncio.Event()
        self.task = asyncio.create_task(self._run())

    def item(self, offset: int) -> Item:
        """Return a result of the log."""
        return self._log[offset - self.first]

    def remember(self, follower: Follower) -> None:
        """Keep what a follower has not heard."""
        self._behind.add(follower)

    def join(self, follower: Follower) -> None:
        """Offer everything from here on to a follower who has heard all before."""
        self._behind.discard(follower)
        self._live[follower] = None
        self._wanted.set()
        self._tidy()

    def leave(self, follower: Follower) -> None:
        """Forget a follower; after the last one the broadcast ends."""
        if follower not in self._behind and follower not in self._live:
            return
        self._behind.discard(follower)
        self._live.pop(follower, None)
        self._tidy()
        if not self._live and not self._behind:
            self._on_end(self)
            self.task.cancel()

    async def told_past(self, offset: int) -> None:
        """Wait until there is a result at an offset of the log, or none will ever be."""
        self._ahead += 1
        self._wanted.set()
        try:
            while self.end <= offset and not self.ended:
                self._moved.clear()
                await self._moved.wait()
        finally:
            self._ahead -= 1

    async def _run(self) -> None:
        try:
            async with aclosing(self.source.follow(self.position)) as pages:
                async for page in pages:
                    for start in range(0, len(page), BATCH_MAX):
                        await self._wanted_by_somebody()
                        await self._tell(page[start : start + BATCH_MAX])
                        if self.failure is not None:
                            return
        except Exception as error:
            errors = format_execution_errors([located_error(error)], self._request_id)
            self.failure = Result(errors=errors, executed=False)
        finally:
            self.ended = True
            self._on_end(self)
            self._moved.set()
            for follower in list(self._live):
                self._part(follower, self.end, self.position, None)

    async def _wanted_by_somebody(self) -> None:
        while not self._live and not self._ahead:
            self._wanted.clear()
            await self._wanted.wait()

    async def _tell(self, steps: Iterable[Step]) -> None:
        """Execute some events, and hand the results to all who are live."""
        items: list[Item] = []
        for event, position in steps:
            result = await self.execute(event)
            if not result.executed:
                self.failure = result
                break
            items.append(Item(result, position))
        if not items:
            return
        begin, before = self.end, self.position
        self._log += items
        self.end += len(items)
        self.position = items[-1].position
        self._moved.set()
        await self._hand_out(items, begin, before)
        self._trim()

    async def _hand_out(self, items: Sequence[Item], begin: int, before: Hashable) -> None:
        handed_out = 0
        for follower in tuple(self._live):
            # Others have turns in between. Who joins then has heard these results; who has left hears nothing.
            if follower.outlet is None:
                continue
            try:
                behind = follower.outlet.offer(items)
            except Exception as error:  # a bug on the way to one is none of the others' business
                log_bug(error, self._request_id)
                self._part(follower, begin, before, None)
                continue
            if behind is not None:
                self._part(follower, begin + behind.heard, items[behind.heard - 1].position, behind.rest)
            handed_out += len(items)
            if handed_out >= TURN:
                handed_out = 0
                await asyncio.sleep(0)

    def _part(self, follower: Follower, offset: int, position: Hashable, rest: Awaitable[None] | None) -> None:
        """Let a follower go on by itself from where it is."""
        del self._live[follower]
        self._behind.add(follower)
        follower.offset, follower.position = offset, position
        if follower.outlet is not None:
            follower.outlet.resume(rest)

    def _trim(self) -> None:
        """Forget what nobody needs any more, and the oldest of too much."""
        if not self._behind:
            self._tidy()
            return
        needed = min(follower.offset for follower in self._behind)
        most = 1 if self.source.conflates else LOG_MAX
        size = sum(len(item.body) for item in self._log)
        while self.first < needed or len(self._log) > most or (size > LOG_BYTES_MAX and len(self._log) > 1):
            size -= len(self._log.popleft().body)
            self.first += 1

    def _tidy(self) -> None:
        if not self._behind and self._log:
            self._log.clear()
            self.first = self.end


class Broadcasts:
    """The broadcasts of one engine, by what their followers share."""

    def __init__(self) -> None:
        self._open: dict[Hashable, Broadcast] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._open)

    def follow(self, key: Hashable, source: SharedSource, make: Callable[[str], Execute], request_id: str) -> Follower:
        """Follow the broadcast of a key, which is made for its first follower; `make` is given its request id."""
        broadcast = self._open.get(key)
        if broadcast is None:
            # Errors in it are told to many, and so not by the id that one of them chose.
            its_id = os.urandom(16).hex()
            broadcast = self._open[key] = Broadcast(source, make(its_id), its_id, partial(self._forget, key))
            self._tasks.add(broadcast.task)
            broadcast.task.add_done_callback(self._tasks.discard)
        return Follower(broadcast, source.position, request_id)

    async def close(self) -> None:
        """End all broadcasts, and see their sources closed."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _forget(self, key: Hashable, broadcast: Broadcast) -> None:
        if self._open.get(key) is broadcast:
            del self._open[key]


async def _flat(pages: AsyncGenerator[Sequence[Step], None]) -> AsyncGenerator[Step, None]:
    async with aclosing(pages):
        async for page in pages:
            for step in page:
                yield step
