"""The way from a broadcast to those who follow it: what is handed over, and who takes it."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from api.execution.results import Result

Made = TypeVar("Made")


class Item:
    """A result that is on its way to many."""

    __slots__ = ("_forms", "body", "position", "result")

    def __init__(self, result: Result, position: Hashable) -> None:
        #: The result as JSON.
        self.body = result.json()
        self.result = replace(result, encoded=self.body, extensions=None)
        self.position = position
        self._forms: dict[Callable[[Result], Any], Any] = {}

    def form(self, make: Callable[[Result], Made]) -> Made:
        """Return what a transport makes of the result, made once for all who are sent the same."""
        made: Made | None = self._forms.get(make)
        if made is None:
            made = self._forms[make] = make(self.result)
        return made


@dataclass(frozen=True, slots=True)
class Behind:
    """How far a follower came with what it was offered."""

    #: Results that it has heard, or will have when the rest is done.
    heard: int
    rest: Awaitable[None]


class Outlet(Protocol):
    """The way to one subscriber."""

    def offer(self, items: Sequence[Item]) -> Behind | None:
        """Send results, all of them now; or say how far that went. Who is gone has heard everything."""

    def resume(self, rest: Awaitable[None] | None) -> None:
        """Let the follower go on in a task of its own: it is behind, or the broadcast has ended."""
