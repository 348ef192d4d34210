"""Operations that share a connection: each is a task, and none outlives the connection.

A subscription that outlives its connection holds on to whatever its source holds, for ever. It is *the* bug of this
field, so the rule stands here, for sockets and event streams alike:

- An operation is cancelled once. A second cancellation would interrupt the cleaning up after the first.
- Who is cleaning up already is not cancelled at all, only waited for.
- Sources are closed by the task that read them, as what they hold may belong to it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias

from api.execution.errors import Refused, format_bug
from api.execution.results import Result, refusal
from api.execution.streams import EventStream

logger = logging.getLogger(__name__)

Start: TypeAlias = Callable[[], Awaitable[EventStream | Result]]


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


class Operations:
    """The running operations of one connection."""

    def __init__(self, listener: Listener, *, at_most: int, ending_timeout_s: float) -> None:
        self._listener = listener
        self._at_most = at_most
        self._ending_timeout_s = ending_timeout_s
        self._followed: dict[str, asyncio.Task[None]] = {}  # by id: those that the client still waits for
        self._running: set[asyncio.Task[None]] = set()  # all that did not end yet
        self._cleaning: set[asyncio.Task[None]] = set()  # of these, those that close their source

    def __contains__(self, operation_id: str) -> bool:
        return operation_id in self._followed

    @property
    def full(self) -> bool:
        """Whether there are as many as there may be; an operation counts until it has cleaned up."""
        return len(self._running) >= self._at_most

    def begin(self, operation_id: str, start: Start, request_id: str) -> None:
        """Begin an operation, whose id must not be in use."""
        task = asyncio.create_task(self._run(operation_id, start, request_id))
        self._followed[operation_id] = task
        self._running.add(task)
        task.add_done_callback(self._forget)

    def cancel(self, operation_id: str) -> None:
        """End an operation if it is running; its id may be used again at once."""
        task = self._followed.pop(operation_id, None)
        if task is not None:
            self._cancel(task)

    async def end(self) -> None:
        """End all, and see them end."""
        for task in self._running:
            self._cancel(task)
        if self._running:
            _, survivors = await asyncio.wait(self._running, timeout=self._ending_timeout_s)
            if survivors:
                logger.error("%d operations did not end with their connection", len(survivors))

    def _cancel(self, task: asyncio.Task[None]) -> None:
        if not task.cancelling() and task not in self._cleaning:
            task.cancel()

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._cleaning.discard(task)

    async def _run(self, operation_id: str, start: Start, request_id: str) -> None:
        """Execute one operation, and say how it went."""
        listener = self._listener
        try:
            failure = await self._execute(operation_id, start)
            # Forgotten before the client hears of the end, because then it may use the id again.
            self._unfollow(operation_id)
            if failure is None:
                await listener.on_complete(operation_id)
            else:
                await listener.on_error(operation_id, failure)
        except Disconnected:
            self._unfollow(operation_id)
        except Exception as error:  # a bug of ours: the operation is lost, the connection is not
            format_bug(error, request_id)
            self._unfollow(operation_id)

    async def _execute(self, operation_id: str, start: Start) -> Result | None:
        """Tell the results of an operation; return what ended it early, if anything did."""
        outcome = await start()
        if isinstance(outcome, Result):
            if outcome.executed:
                await self._listener.on_next(operation_id, outcome)
                return None
            return outcome
        try:
            return await self._follow(operation_id, outcome)
        finally:
            task = asyncio.current_task()
            if task is not None:
                self._cleaning.add(task)
            await outcome.aclose()

    async def _follow(self, operation_id: str, stream: EventStream) -> Result | None:
        async for result in stream:
            if not result.executed:
                return result
            await self._listener.on_next(operation_id, result)
            # A source that has always something to say would let nobody else have a turn, not even who ends it.
            await asyncio.sleep(0)
        return None

    def _unfollow(self, operation_id: str) -> None:
        """Let the id be used again, unless it is already: by the operation after this one."""
        if self._followed.get(operation_id) is asyncio.current_task():
            del self._followed[operation_id]


async def answered(work: Start, request_id: str) -> EventStream | Result:
    """Do what begins an operation, and answer whatever happens in it."""
    try:
        return await work()
    except Refused as refused:
        return refusal(refused, request_id)
    except Exception as error:  # logged, and masked
        return Result(errors=(format_bug(error, request_id),), executed=False, status=500)
