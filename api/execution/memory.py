"""A memory that cannot grow for ever, whatever callers send: bounded in number and in bytes."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar


class Weighty(Protocol):
    """A thing that knows about how many bytes it keeps alive."""

    @property
    def weight(self) -> int:
        """The number of bytes."""


T = TypeVar("T", bound=Weighty)


class LeastRecentlyUsed(Generic[T]):
    """A memory of bounded number and weight that forgets first what was not used for longest."""

    def __init__(self, capacity: int, weight_max: int) -> None:
        self._entries: OrderedDict[str, T] = OrderedDict()
        # As they were counted: an entry may grow while it is kept.
        self._weights: dict[str, int] = {}
        self._capacity = capacity
        self._weight_max = weight_max
        self._weight = 0

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, key: str) -> T | None:
        """Find an entry, which makes it the one that was used last."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: str, entry: T) -> None:
        """Keep an entry, and forget as many as it takes to stay within bounds."""
        if self._entries.pop(key, None) is not None:
            self._weight -= self._weights[key]
        self._entries[key] = entry
        self._weights[key] = weight = entry.weight
        self._weight += weight
        while len(self._entries) > self._capacity or self._weight > self._weight_max:
            forgotten, _ = self._entries.popitem(last=False)
            self._weight -= self._weights.pop(forgotten)

    def weigh_again(self, key: str, entry: T) -> None:
        """Count what an entry weighs by now, if it is kept still."""
        if self._entries.get(key) is entry:
            self.put(key, entry)
