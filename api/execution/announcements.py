"""What a caller is told who uses what will go: in headers where there are any, and otherwise in the first result.

A socket has no headers, and an event stream has sent its own before it knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from typing_extensions import override

from api.execution.fanout import Follower
from api.execution.results import Result
from api.execution.streams import EventStream

NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Announcement:
    """What a caller is told who uses what will go: in headers, and in a result's extensions."""

    headers: Mapping[str, str] = field(default_factory=lambda: NOTHING)
    extensions: Mapping[str, Any] = field(default_factory=lambda: NOTHING)

    def __bool__(self) -> bool:
        return bool(self.headers or self.extensions)

    def in_band(self, result: Result) -> Result:
        """Return a result that tells it itself."""
        return replace(result, extensions={**(result.extensions or {}), **self.extensions})


# A subscription that has begun.
Stream: TypeAlias = EventStream | Follower


def announced(stream: Stream, announcement: Announcement) -> Stream:
    """Return a subscription whose first result tells what its document uses that will go."""
    if isinstance(stream, EventStream):
        return AnnouncedStream(stream, announcement)
    stream.tell_first(announcement.in_band)
    return stream


class AnnouncedStream(EventStream):
    """A subscription whose first result tells what its document uses that will go."""

    def __init__(self, stream: EventStream, announcement: Announcement) -> None:
        self._stream = stream
        self._announcement: Announcement | None = announcement

    @override
    async def __anext__(self) -> Result:
        result = await anext(self._stream)
        if self._announcement is None or not result.executed:
            return result
        announcement, self._announcement = self._announcement, None
        return announcement.in_band(result)

    @override
    async def aclose(self) -> None:
        await self._stream.aclose()
