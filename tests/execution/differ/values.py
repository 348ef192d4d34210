"""What resolvers return: mostly what their type promises, and sometimes anything else."""

from collections.abc import Callable, Mapping, Sequence
from enum import IntEnum
from math import inf, nan
from typing import Any, TypeAlias

from graphql import (
    GraphQLError,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    GraphQLSchema,
    Undefined,
    is_abstract_type,
    is_leaf_type,
)
from typing_extensions import override

from tests.execution.differ.awaitables import COROUTINES, FUTURES, async_iterable, iterable
from tests.execution.differ.worlds import Tape, World

# Where in the answer a value is, and in which step of its making.
Key: TypeAlias = tuple[str | int, ...]
STEPS = ("awaited", "shared")
# Makes an object of a type.
MakeObject: TypeAlias = Callable[[World, GraphQLObjectType, Key], Any]


class Boom(Exception):
    """What fails here."""


class Coded(GraphQLError):
    """A failure that is meant for the caller."""


class Text(str):
    """A string that is not quite a string."""

    __slots__ = ()


class Digit(IntEnum):
    ZERO = 0
    ONE = 1


class Written:
    """Something with a text of its own."""

    @override
    def __str__(self) -> str:
        return "written"

    @override
    def __repr__(self) -> str:
        return "<Written>"


OWN_SCALARS: Mapping[str, Sequence[Any]] = {
    "Int": (0, 1, -5, 2**31 - 1, -(2**31), 3.0, True, "7", Digit.ONE, 2**31, 1.5, nan),
    "Float": (0.0, 1.5, -2.5, 7, True, "1.5", Digit.ONE, 1e308, inf, nan, "x"),
    "String": ("", "a", "ß\n\"'{}%\u2028", Text("text"), 5, True, 1.5, Written(), b"bytes"),
    "ID": ("a", "", 5, Text("id"), 1.0, 1.5, Digit.ONE, None),
    "Boolean": (True, False, True, 1, 0, 1.0, "true", nan),
}
MISFITS: Sequence[Any] = (0, "misfit", 1.5, True, [], ["misfit"], {}, {"__typename": "Nothing"}, Written(), Written)


class Values:
    """Makes the values of one schema."""

    def __init__(self, schema: GraphQLSchema, leaves: Mapping[str, Sequence[Any]], make_object: MakeObject) -> None:
        self.schema = schema
        self._leaves = {**OWN_SCALARS, **leaves}
        self._make_object = make_object

    def make(self, world: World, kind: GraphQLOutputType, key: Key) -> Any:
        """Return what a resolver returns, or something that is awaited for it; or raise what it raises."""
        tape = world.tape(key)
        if tape.happens(world.nature.awaits):
            # Others may wait for a future too, so no list that one comes to holds coroutines.
            if tape.happens(3):
                return tape.choose(FUTURES)(lambda: self._ready(world, kind, (*key, "shared")))
            return tape.choose(COROUTINES)(lambda: self._ready(world, kind, (*key, "awaited")))
        return self._ready(world, kind, key)

    def _ready(self, world: World, kind: GraphQLOutputType, key: Key) -> Any:
        tape, nature = world.tape((*key, "ready")), world.nature
        if tape.happens(nature.fails):
            return _fail(tape, key)
        if tape.happens(nature.nulls):
            return tape.choose((None, None, Undefined))
        if tape.happens(nature.misfits):
            return tape.choose(MISFITS)
        return self._fitting(world, kind, key, tape)

    def _fitting(self, world: World, kind: Any, key: Key, tape: Tape) -> Any:
        if isinstance(kind, GraphQLNonNull):
            kind = kind.of_type
        if isinstance(kind, GraphQLList):
            return self._list(world, kind.of_type, key, tape)
        if is_leaf_type(kind):
            return self.leaf(world, kind.name, tape)
        if is_abstract_type(kind):
            kind = tape.choose(list(self.schema.get_possible_types(kind)))
        return self._make_object(world, kind, tuple(part for part in key if part not in STEPS))

    def leaf(self, world: World, name: str, tape: Tape) -> Any:
        """Return a value of a scalar or an enum; the first of each is as usual as can be."""
        values = self._leaves[name]
        if world.nature.misfits and tape.happens(max(2, world.nature.misfits // 4)):
            return tape.choose(values)
        return values[0]

    def _list(self, world: World, kind: GraphQLOutputType, key: Key, tape: Tape) -> Any:
        def item(index: int) -> Callable[[], Any]:
            make = self.make if can_await else self._ready
            return lambda: make(world, kind, (*key, index))

        can_await = "shared" not in key and not (world.nature.tidy and "awaited" in key)
        makes = [item(index) for index in range(tape.below(world.nature.list_max + 1))]
        if tape.happens(world.nature.fails):
            makes.insert(tape.below(len(makes) + 1), lambda: _raise(Boom(f"reached {shown(key)}")))
        if world.nature.awaits and can_await and tape.happens(3):
            return async_iterable(tape, makes)
        return iterable(tape, makes)


def _fail(tape: Tape, key: Key) -> Any:
    error: Exception = Boom(f"failed {shown(key)}")
    if tape.happens(3):
        error = Coded(f"refused {shown(key)}", extensions={"code": "REFUSED", "key": shown(key)})
    if tape.happens(3):
        return error
    raise error


def _raise(error: Exception) -> Any:
    raise error


def shown(key: Key) -> str:
    """Return a key as a text."""
    return ".".join(map(str, key))
