"""What a resolver may return that lets many follow together: the generic path of GraphQL sees an async iterable."""

from collections.abc import AsyncGenerator, AsyncIterator, Hashable, Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

# An event, and the position of who has been told of it.
Step: TypeAlias = tuple[Any, Hashable]


@runtime_checkable
class SharedSource(Protocol):
    """A subscription's source that many may follow together; it knows nothing of who they are.

    Who follows the same topic from the same position is told the same events, whatever else the arguments of the field
    were. Events hold all that the field's arguments decide. Positions are compared, and nothing else is done with them.
    """

    @property
    def topic(self) -> Hashable:
        """What is followed."""

    @property
    def position(self) -> Hashable:
        """Where this follower begins."""

    @property
    def head(self) -> Hashable:
        """Where the topic stood lately: a broadcast begins here."""

    @property
    def conflates(self) -> bool:
        """Whether the last event says all, so that who is behind may go on with that."""

    def follow(self, position: Any) -> AsyncGenerator[Sequence[Step], None]:
        """Yield what comes after a position, for ever, as much at a time as there is."""

    def until(self, position: Any, goal: Any) -> AsyncGenerator[Sequence[Step], None]:
        """Yield what lies between a position and another, and what is told to who has arrived there.

        Who is ahead of its goal ends where it is.
        """

    def __aiter__(self) -> AsyncIterator[Any]:
        """Yield this follower's events, for ever: where nothing is shared, this is all there is."""
