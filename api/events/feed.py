"""The feed: every event of a project, in order, from a cursor to now and on for ever, with none missing.

A project's recent events are kept once per process, by a tail: one reader for however many followers. A follower is
only a position. While its position is in the tail it is served from there; a follower that starts further back, or
falls behind, reads the table until it has caught up. So a slow consumer costs no memory, and loses nothing.

On both ways each event must be the successor of the last, or the feed stops with an error: silence about a gap is the
one thing that an NGO must never be given.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from uuid import UUID

from api.models import Environment, Event, ProjectHead

log = logging.getLogger(__name__)

#: The truth is polled this often; hints only make it faster.
POLL_S = 1.0
PAGE_MAX = 500
TAIL_MAX = 2_000
#: What who has not been told a head has been told.
UNTOLD = -1

Stream = tuple[UUID, Environment]


class Gap(RuntimeError):
    """An event is not the successor of the one before it: the promise of the feed would be broken."""


@dataclass(eq=False)
class _Tail:
    """A project's last events, and who waits for more. `head` is the last sequence known."""

    stream: Stream
    head: int = 0
    events: deque[Event] = field(default_factory=lambda: deque(maxlen=TAIL_MAX))
    followers: set[asyncio.Event] = field(default_factory=set)
    hint: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    #: Why it reads no further: an event is missing.
    broken: Gap | None = None

    def after(self, sequence: int) -> list[Event] | None:
        """Return the events past a position; None when the tail does not reach back so far.

        Raises: Gap, when nothing can be told past the position any more.
        """
        if sequence >= self.head:
            if self.broken is not None:
                raise Gap(*self.broken.args)
            return []
        if not self.events or self.events[0].sequence > sequence + 1:
            return None
        first = sequence + 1 - self.events[0].sequence
        return [self.events[index] for index in range(first, min(len(self.events), first + PAGE_MAX))]

    async def read(self) -> None:
        """Keep up with the table until cancelled, or until an event is missing."""
        project_id, environment = self.stream
        while True:
            self.hint.clear()
            try:
                while page := await Event.after(project_id, environment, self.head, PAGE_MAX):
                    for event in page:
                        _expect(self.head, event)
                        self.events.append(event)
                        self.head = event.sequence
                    self._wake()
                    if len(page) < PAGE_MAX:
                        break
            except Gap as gap:
                log.exception("the events of %s have a gap, its followers are stopped", project_id)
                self.broken = gap
                self._wake()
                return
            except Exception:
                log.exception("reading the events of %s failed; it is tried again", project_id)
                await asyncio.sleep(POLL_S)
            # Not `wait_for`: where the hint and a cancellation come together, Python 3.11's loses the cancellation, and
            # whoever waits for this task to end waits for ever.
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self.hint.wait()

    def _wake(self) -> None:
        for follower in self.followers:
            follower.set()


class Feed:
    """The tails of one process."""

    def __init__(self) -> None:
        self._tails: dict[Stream, _Tail] = {}

    def hint(self, streams: Iterable[Stream]) -> None:
        """Say that these streams have moved."""
        for stream in streams:
            tail = self._tails.get(stream)
            if tail is not None:
                tail.hint.set()

    async def close(self) -> None:
        """Stop reading. Followers are ended by whoever started them."""
        await self._end(list(self._tails.values()))

    async def heads(self, project_ids: Iterable[UUID], environment: Environment) -> dict[UUID, int]:
        """Return the last sequence of each project; 0 for one without events."""
        ids = list(project_ids)
        heads = await ProjectHead.of_projects(ids, environment)
        return {one: heads[one].sequence if one in heads else 0 for one in ids}

    async def follow(
        self, positions: Mapping[UUID, int], environment: Environment, *, idle_s: float
    ) -> AsyncGenerator[Event | None, None]:
        """Yield every event past each project's position, in order within each project, for ever.

        Yields None when everything that was there has been yielded: once after the backlog, and then after each
        `idle_s` without an event.

        Raises: Gap, when an event is missing in the database.
        """
        async with aclosing(self.pages(positions, environment, idle_s=idle_s)) as pages:
            async for page in pages:
                for event in page:
                    yield event
                if not page:
                    yield None

    async def pages(
        self, positions: Mapping[UUID, int], environment: Environment, *, idle_s: float
    ) -> AsyncGenerator[list[Event], None]:
        """Yield what `follow` does, as many events of a project at a time as are there; an empty page for None.

        Raises: Gap.
        """
        position = dict(positions)
        wake = asyncio.Event()
        tails: dict[UUID, _Tail] = {}
        announced = False
        try:
            for project_id in position:
                tails[project_id] = await self._attach((project_id, environment), wake)
            while True:
                wake.clear()
                moved = False
                for project_id in tails:
                    page = await self._page((project_id, environment), position[project_id])
                    if page:
                        position[project_id] = page[-1].sequence
                        moved = True
                        yield page
                if moved:
                    continue
                if not announced:
                    announced = True
                    yield []
                try:
                    async with asyncio.timeout(idle_s):
                        await wake.wait()
                except TimeoutError:
                    yield []
        finally:
            await self._detach(tails.values(), wake)

    async def until(
        self, positions: Mapping[UUID, int], goals: Mapping[UUID, int], environment: Environment
    ) -> AsyncGenerator[list[Event], None]:
        """Yield every event past each project's position up to its goal, and end.

        Raises: Gap.
        """
        for project_id, goal in goals.items():
            position = positions[project_id]
            while position < goal:
                page = await self._page((project_id, environment), position)
                # The tail may not have come as far as the goal, the table has.
                page = page or await self._read((project_id, environment), position)
                if not page:
                    raise Gap(f"project {project_id}: event {goal} was seen and nothing follows {position}")
                page = page[: goal - position]
                position = page[-1].sequence
                yield page

    async def head(self, project_id: UUID, environment: Environment) -> ProjectHead | None:
        """Return where a project stands; None before its first event."""
        return (await ProjectHead.of_projects([project_id], environment)).get(project_id)

    async def progress(
        self, project_id: UUID, environment: Environment, told: int = UNTOLD
    ) -> AsyncGenerator[ProjectHead | None, None]:
        """Yield a project's head, None while it has none, and again whenever it has moved; several moves may be one.

        `told` is the sequence of the head that need not be yielded again.
        """
        wake = asyncio.Event()
        tail = await self._attach((project_id, environment), wake)
        try:
            while True:
                wake.clear()
                head = await self.head(project_id, environment)
                if sequence_of(head) != told:
                    told = sequence_of(head)
                    yield head
                await wake.wait()
        finally:
            await self._detach([tail], wake)

    async def _page(self, stream: Stream, position: int) -> list[Event]:
        """Return a stream's next events past a position: of its tail, or of the table where that reaches further back.

        Raises: Gap.
        """
        tail = self._tails.get(stream)
        page = tail.after(position) if tail is not None else None
        if page is None:
            return await self._read(stream, position)
        return _unbroken(position, page)

    async def _read(self, stream: Stream, position: int) -> list[Event]:
        return _unbroken(position, await Event.after(*stream, position, PAGE_MAX))

    async def _attach(self, stream: Stream, wake: asyncio.Event) -> _Tail:
        project_id, environment = stream
        head = (await self.heads([project_id], environment))[project_id]
        # Looked up after the await: two followers that come at once share one tail, and it knows its head from birth.
        tail = self._tails.get(stream)
        if tail is None:
            tail = self._tails[stream] = _Tail(stream, head)
            tail.task = asyncio.create_task(tail.read())
        tail.followers.add(wake)
        return tail

    async def _detach(self, tails: Collection[_Tail], wake: asyncio.Event) -> None:
        for tail in tails:
            tail.followers.discard(wake)
        await self._end([tail for tail in tails if not tail.followers])

    async def _end(self, tails: Collection[_Tail]) -> None:
        """Stop reading; all of them before the first is waited for, so that a caller in a hurry leaves none behind."""
        tasks = [tail.task for tail in tails if tail.task is not None]
        for tail in tails:
            if self._tails.get(tail.stream) is tail:
                del self._tails[tail.stream]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)


def sequence_of(head: ProjectHead | None) -> int:
    """Return the last sequence that a head counts in."""
    return head.sequence if head is not None else 0


def _unbroken(sequence: int, events: list[Event]) -> list[Event]:
    """Return the events that follow each other; what comes after a gap is for the next question, which has no answer.

    Raises: Gap, when the first is not the successor.
    """
    if events:
        _expect(sequence, events[0])
    for index, event in enumerate(events):
        if event.sequence != sequence + 1 + index:
            return events[:index]
    return events


def _expect(sequence: int, event: Event) -> None:
    if event.sequence != sequence + 1:
        raise Gap(f"project {event.project_id}: event {event.sequence} follows {sequence}")
