"""What callers follow, in a form that many may follow together.

Each of these is one follower's beginning: what it follows, and from where. Whoever serves followers may iterate it
alone, or put those with the same topic together: one reads on by `follow`, and who is behind comes up to it by `until`.
Nothing here knows who is following; who may is asked before.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Hashable, Mapping
from contextlib import aclosing
from typing import Generic, TypeVar
from uuid import UUID

from typing_extensions import override

from api.events.feed import UNTOLD, Feed, sequence_of
from api.models import Environment, Event, ProjectHead

Shown = TypeVar("Shown")

Positions = tuple[int, ...]


class Updates(AsyncIterable[Shown], Generic[Shown]):
    """Every event of some projects, each once and in order, and a note whenever all has been told."""

    conflates = False

    def __init__(
        self,
        feed: Feed,
        environment: Environment,
        positions: Mapping[UUID, int],
        heads: Mapping[UUID, int],
        *,
        idle_s: float,
        show: Callable[[Event | None, Mapping[UUID, int]], Shown],
    ) -> None:
        """`show` makes what is told of an event, or None for the note, and of the positions after it."""
        self._feed = feed
        self._environment = environment
        self._projects = tuple(positions)
        self._idle_s = idle_s
        self._show = show
        self.topic: Hashable = (environment, self._projects, idle_s)
        self.position: Positions = tuple(positions.values())
        self.head: Positions = tuple(heads[project_id] for project_id in self._projects)

    async def follow(self, position: Positions) -> AsyncGenerator[list[tuple[Shown, Positions]], None]:
        """Yield what comes after a position, for ever; notes only after silence.

        Raises: Gap.
        """
        positions = dict(zip(self._projects, position, strict=True))
        arrived = False
        async with aclosing(self._feed.pages(positions, self._environment, idle_s=self._idle_s)) as pages:
            async for page in pages:
                if page or arrived:
                    yield self._told(page, positions)
                else:
                    arrived = True

    async def until(self, position: Positions, goal: Positions) -> AsyncGenerator[list[tuple[Shown, Positions]], None]:
        """Yield what lies between a position and another, and then the note.

        Raises: Gap.
        """
        positions = dict(zip(self._projects, position, strict=True))
        goals = dict(zip(self._projects, goal, strict=True))
        async with aclosing(self._feed.until(positions, goals, self._environment)) as pages:
            async for page in pages:
                yield self._told(page, positions)
        yield self._told([], positions)

    @override
    async def __aiter__(self) -> AsyncGenerator[Shown, None]:
        positions = dict(zip(self._projects, self.position, strict=True))
        async with aclosing(self._feed.pages(positions, self._environment, idle_s=self._idle_s)) as pages:
            async for page in pages:
                for shown, _ in self._told(page, positions):
                    yield shown

    def _told(self, page: list[Event], positions: dict[UUID, int]) -> list[tuple[Shown, Positions]]:
        if not page:
            return [(self._show(None, positions), tuple(positions.values()))]
        told = []
        for event in page:
            positions[event.project_id] = event.sequence
            told.append((self._show(event, positions), tuple(positions.values())))
        return told


class Progress(AsyncIterable[Shown], Generic[Shown]):
    """Where a project stands, at once and whenever that changes. The last says all that those before it said."""

    conflates = True

    def __init__(
        self, feed: Feed, environment: Environment, project_id: UUID, show: Callable[[ProjectHead | None], Shown]
    ) -> None:
        self._feed = feed
        self._environment = environment
        self._project_id = project_id
        self._show = show
        self.topic: Hashable = (environment, project_id)
        self.position = self.head = UNTOLD

    async def follow(self, position: int) -> AsyncGenerator[list[tuple[Shown, int]], None]:
        """Yield the head whenever it is another than what was told."""
        async with aclosing(self._feed.progress(self._project_id, self._environment, position)) as heads:
            async for head in heads:
                yield [(self._show(head), sequence_of(head))]

    async def until(self, position: int, goal: int) -> AsyncGenerator[list[tuple[Shown, int]], None]:
        """Yield the head if it is another than what was told."""
        if position == goal:
            return
        head = await self._feed.head(self._project_id, self._environment)
        if sequence_of(head) != position:
            yield [(self._show(head), sequence_of(head))]

    @override
    async def __aiter__(self) -> AsyncGenerator[Shown, None]:
        async with aclosing(self.follow(self.position)) as pages:
            async for page in pages:
                for shown, _ in page:
                    yield shown
