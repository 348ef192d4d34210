"""Operations that share a connection: each is a task or has a seat in a broadcast, and none outlives the connection.

A subscription that outlives its connection holds on to whatever its source holds, for ever. It is *the* bug of this
field, so the rule stands here, for sockets and event streams alike:

- An operation is cancelled once. A second cancellation would interrupt the cleaning up after the first.
- Who is cleaning up already is not cancelled at all, only waited for.
- Sources are closed by the task that read them, as what they hold may belong to it.

A subscription that has caught up with a broadcast needs no task any more. It has a seat there, where it is offered what
all are offered; when it cannot take that, or the broadcast ends, it gets a task again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from api.execution.announcements import Stream
from api.execution.errors import Refused, format_bug
from api.execution.fanout import Follower
from api.execution.outlets import Behind, Item
from api.execution.results import Result, refusal
from api.execution.streams import EventStream

logger = logging.getLogger(__name__)

Start: TypeAlias = Callable[[], Awaitable[Stream | Result]]

# Executes, and says what ended it: an error, nothing, or a seat in a broadcast, which is no end.
Work: TypeAlias = Callable[[], Awaitable["Result | Seat | None"]]

# Tells results at once, or how far that went.
Offer: TypeAlias = Callable[[Sequence[Item]], Behind | None]


class Disconnected(Exception):
    """The client is gone: there is nobody to answer."""


class Listener(Protocol):
    """Who hears how operations go. Each method waits until the client can take more; that is all the buffer there is.

    Raises: Disconnected.
    """

    async def on_next(self, operation_id: str, result: Result) -> None:
        """Tell a result; more may follow."""

    async def on_error(self, operation_id: str, result: Result) -> None:
        """Tell why nothing was executed; nothing follows."""

    async def on_complete(self, operation_id: str) -> None:
        """Tell that nothing follows."""

    def offering(self, operation_id: str) -> Offer:
        """Return what tells an operation the results of a broadcast."""


class Seat:
    """An operation's place in a broadcast."""

    __slots__ = ("_operation_id", "_operations", "_request_id", "follower", "offer")

    def __init__(
        self, operations: "Operations", operation_id: str, follower: Follower, offer: Offer, request_id: str
    ) -> None:
        self.follower = follower
        self.offer = offer
        self._operations = operations
        self._operation_id = operation_id
        self._request_id = request_id

    def resume(self, rest: Awaitable[None] | None) -> None:
        """Let the operation go on in a task of its own."""
        self._operations.resume(self._operation_id, self, rest, self._request_id)


class Operations:
    """The running operations of one connection."""

    def __init__(self, listener: Listener, *, at_most: int, ending_timeout_s: float) -> None:
        self._listener = listener
        self._at_most = at_most
        self._ending_timeout_s = ending_timeout_s
        # By id: those that the client still waits for.
        self._followed: dict[str, asyncio.Task[None] | Seat] = {}
        self._seated = 0  # of these, those that are in a broadcast
        # All that run and did not end yet, and whether they are closing their source.
        self._running: dict[asyncio.Task[None], bool] = {}

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._followed

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be; an operation counts until it has cleaned up."""
        return len(self._running) + self._seated >= self._at_most

    def begin(self, operation_id: str, start: Start, request_id: str) -> None:
        """Begin an operation, whose id must not be in use."""
        self._set_going(operation_id, lambda: self._execute(operation_id, start, request_id), request_id)

    def resume(self, operation_id: str, seat: Seat, rest: Awaitable[None] | None, request_id: str) -> None:
        """Let an operation go on that had a seat in a broadcast."""
        follower = seat.follower
        self._seated -= 1
        task = self._set_going(operation_id, lambda: self._go_on(operation_id, follower, rest, request_id), request_id)
        # A task that is cancelled before its first step has run none of its code.
        task.add_done_callback(lambda ended: follower.leave() if ended.cancelled() else None)

    def cancel(self, operation_id: str) -> None:
        """End an operation if it is running; its id may be used again at once."""
        operation = self._followed.pop(operation_id, None)
        if operation is not None:
            self._end(operation)

    async def end(self) -> None:
        """End all, and see them end."""
        for operation in [*self._followed.values(), *self._running]:
            self._end(operation)
        self._followed.clear()
        if self._running:
            _, survivors = await asyncio.wait(self._running, timeout=self._ending_timeout_s)
            if survivors:
                logger.error("%d operations did not end with their connection", len(survivors))

    def _set_going(self, operation_id: str, work: Work, request_id: str) -> asyncio.Task[None]:
        task = asyncio.create_task(self._run(operation_id, work, request_id))
        self._followed[operation_id] = task
        self._running[task] = False
        task.add_done_callback(self._forget)
        return task

    def _end(self, operation: asyncio.Task[None] | Seat) -> None:
        if isinstance(operation, Seat):
            self._seated -= 1
            operation.follower.leave()
        elif not operation.cancelling() and not self._running.get(operation, False):
            operation.cancel()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)

    async def _run(self, operation_id: str, work: Work, request_id: str) -> None:
        """Execute one operation, and say how it went."""
        listener = self._listener
        try:
            outcome = await work()
            if isinstance(outcome, Seat):
                return
            # Forgotten before the client hears of the end, because then it may use the id again.
            self._unfollow(operation_id)
            if outcome is None:
                await listener.on_complete(operation_id)
            else:
                await listener.on_error(operation_id, outcome)
        except Disconnected:
            self._unfollow(operation_id)
        except Exception as error:  # a bug of ours: the operation is lost, the connection is not
            format_bug(error, request_id)
            self._unfollow(operation_id)

    async def _execute(self, operation_id: str, start: Start, request_id: str) -> Result | Seat | None:
        """Tell the results of an operation; return what ended it early, if anything did, or its seat."""
        outcome = await start()
        if not isinstance(outcome, Result):
            return await self._go_on(operation_id, outcome, None, request_id)
        if outcome.executed:
            await self._listener.on_next(operation_id, outcome)
            return None
        return outcome

    async def _go_on(
        self, operation_id: str, stream: Stream, rest: Awaitable[None] | None, request_id: str
    ) -> Result | Seat | None:
        seat: Seat | None = None
        try:
            if isinstance(stream, EventStream):
                return await self._follow(operation_id, stream)
            if rest is not None:
                await rest
            failure = await self._catch_up(operation_id, stream)
            if failure is None and not stream.ended:
                # Nobody has a turn between hearing that nothing was missed and this.
                seat = self._seat(operation_id, stream, request_id)
                return seat
            return failure
        finally:
            if seat is None:
                task = asyncio.current_task()
                if task is not None:
                    self._running[task] = True
                await stream.aclose()

    async def _follow(self, operation_id: str, stream: EventStream) -> Result | None:
        async for result in stream:
            if not result.executed:
                return result
            await self._listener.on_next(operation_id, result)
            # A source that has always something to say would let nobody else have a turn, not even who ends it.
            await asyncio.sleep(0)
        return None

    async def _catch_up(self, operation_id: str, follower: Follower) -> Result | None:
        while (result := await follower.missed()) is not None:
            if not result.executed:
                return result
            await self._listener.on_next(operation_id, result)
            await asyncio.sleep(0)
        return None

    def _seat(self, operation_id: str, follower: Follower, request_id: str) -> Seat:
        seat = Seat(self, operation_id, follower, self._listener.offering(operation_id), request_id)
        self._followed[operation_id] = seat
        self._seated += 1
        follower.join(seat)
        return seat

    def _unfollow(self, operation_id: str) -> None:
        """Let the id be used again, unless it is already: by the operation after this one."""
        if self._followed.get(operation_id) is asyncio.current_task():
            del self._followed[operation_id]


async def answered(work: Start, request_id: str) -> Stream | Result:
    """Do what begins an operation, and answer whatever happens in it."""
    try:
        return await work()
    except Refused as refused:
        return refusal(refused, request_id)
    except Exception as error:  # logged, and masked
        return Result(errors=(format_bug(error, request_id),), executed=False, status=500)
