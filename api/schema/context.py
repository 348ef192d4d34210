"""What a resolver is given: the caller, the ledger, the feed, and the loaders that it shares with all requests."""

from asyncio import Future
from collections.abc import Awaitable, Callable, Generator, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

import strawberry

from api.access import Caller, DeprecatedUses, Language, Rates
from api.access.tokens import Signer
from api.events.feed import Feed
from api.ledger import Ledger, Partnership
from api.models.loaders import Loaders

T = TypeVar("T")
Made = TypeVar("Made")

# What a resolver answers that is no coroutine: a value, or the future in which a loader will put it. The executor waits
# for a future as it is, and needs a task for each coroutine that waits beside others. To Strawberry it is the value.
if TYPE_CHECKING:
    Later: TypeAlias = T | Awaitable[T]
else:

    class Later:
        """The type that it is given."""

        def __class_getitem__(cls, kind: Any) -> Any:
            """Return what Strawberry sees."""
            return kind


class Ahead(Generic[T]):
    """A view that is awaited, and one that stands in for it, so that some of its fields are begun before it comes."""

    __slots__ = ("future", "stand_in")

    def __init__(self, future: "Future[T | None]", stand_in: T) -> None:
        self.future = future
        self.stand_in = stand_in

    def __await__(self) -> Generator[Any, None, T | None]:
        """Wait for it."""
        return self.future.__await__()


async def later(awaited: Awaitable[T], make: Callable[[T], Made]) -> Made:
    """Return what is made of what is awaited."""
    return make(await awaited)


async def arrived(answer: Later[T]) -> T:
    """Return a resolver's answer when it is there."""
    return await answer if isinstance(answer, Awaitable) else answer


def selected(info: "Info", *path: str) -> frozenset[str] | None:
    """Return the names of the fields that are selected below the one that is resolved, so that no more is loaded.

    Only the compiled executor knows it at no cost. Where it is not known it is None.
    """
    known: Callable[[tuple[str, ...]], frozenset[str]] | None = getattr(info, "selected", None)
    return known(path) if known is not None else None


def found_out(info: "Info", key: Hashable, find: Callable[[], T]) -> T:
    """Return what is found out of what is selected alone, once for all executions where that can be.

    `key`: of what is found; one of few.
    """
    known: dict[Hashable, T] | None = getattr(info, "found_out", None)
    if known is None:
        return find()
    found = known.get(key)
    if found is None:
        found = known[key] = find()
    return found


@dataclass(slots=True)
class Context:
    """The surroundings of one operation."""

    caller: Caller
    request_id: str
    ledger: Ledger
    feed: Feed
    signer: Signer
    deprecated_uses: DeprecatedUses
    checkpoint_s: float
    rates: Rates
    #: Of the database, which all requests share.
    loaders: Loaders

    @property
    def language(self) -> Language:
        """The language in which the caller is spoken to."""
        return self.caller.language

    @property
    def partnership(self) -> Partnership:
        """On whose behalf the ledger is called; only behind a guard that lets nobody through without a key."""
        partnership = self.caller.partnership
        assert partnership is not None  # noqa: S101 - the guard has seen a key
        return partnership


Info: TypeAlias = strawberry.Info[Context, None]
