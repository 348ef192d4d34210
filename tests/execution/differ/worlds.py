"""A world: what each resolver does when it is asked, decided at random once and the same whenever it is asked again.

So two executors can be run in the same world, whatever the order in which they ask; and what is decided for a place
does not depend on what else is asked, so a document can be made shorter in the same world.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

T = TypeVar("T")


class Tape:
    """Decisions: made at random as long as there are none, and then played again from the beginning."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._taken: list[int] = []
        self._next = 0

    def rewind(self) -> "Tape":
        self._next = 0
        return self

    def below(self, end: int) -> int:
        """Return a number from 0 up to `end`."""
        if self._next == len(self._taken):
            self._taken.append(self._random.randrange(end))
        self._next += 1
        return min(self._taken[self._next - 1], end - 1)

    def choose(self, options: Sequence[T]) -> T:
        return options[self.below(len(options))]

    def happens(self, one_in: int) -> bool:
        """Return whether something happens that happens once in so many times."""
        return one_in > 0 and self.below(one_in) == one_in - 1


@dataclass(frozen=True)
class Nature:
    """How much of what may happen happens: once in so many times, 0 for never.

    In a tidy world nothing that is awaited comes to something that has to be awaited too: then it can be cancelled at
    any time, and no coroutine is forgotten.
    """

    awaits: int = 0
    fails: int = 0
    nulls: int = 0
    misfits: int = 0
    list_max: int = 3
    tidy: bool = False


TAME = Nature()


@dataclass(eq=False)
class World:
    """What resolvers do, and which of them were called."""

    seed: str
    nature: Nature = TAME
    calls: list[tuple[Hashable, str]] = field(default_factory=list)
    _tapes: dict[Hashable, Tape] = field(default_factory=dict)

    def again(self) -> "World":
        """Begin again: what was decided stays so."""
        self.calls = []
        return self

    def call(self, key: Hashable, arguments: object = None) -> None:
        """Note a call. Arguments are noted as they are now: a resolver may change them."""
        self.calls.append((key, described(arguments)))

    def tape(self, key: Hashable) -> Tape:
        """Return the decisions for a key."""
        tape = self._tapes.get(key)
        if tape is None:
            tape = self._tapes[key] = Tape(Random(f"{self.seed} {key!r}"))  # noqa: S311 - to be the same again
        return tape.rewind()


def described(value: object) -> str:
    """Describe a value of an argument with its type, whatever the order of an object's entries."""
    if isinstance(value, dict):
        return "{" + ", ".join(sorted(f"{key!r}: {described(one)}" for key, one in value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(described, value)) + "]"
    return f"{type(value).__name__} {value!r}"
