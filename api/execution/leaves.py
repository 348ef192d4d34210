"""Scalars and enums: how a value becomes JSON, what of it is written into generated code, what is left to a call."""

from collections.abc import Callable, Mapping
from enum import Enum
from functools import partial
from typing import Any, Never

from graphql import GraphQLEnumType, GraphQLLeafType, Undefined
from graphql.pyutils import inspect
from graphql.type import GraphQLBoolean, GraphQLFloat, GraphQLID, GraphQLInt, GraphQLString

from api.execution.inlining import OWN_TEXT, Inline, Leaf, Member, OwnScalar
from api.execution.runtime import Complete, Execution, Position

USUAL_MAX = 1_000

# What a value of one of GraphQL's own scalars is nearly always: then it is its own serialization.
USUAL_SCALARS: Mapping[str, str] = {
    GraphQLString.name: OWN_TEXT,
    GraphQLID.name: OWN_TEXT,
    GraphQLInt.name: "type({0}) is int and -2147483648 <= {0} <= 2147483647",
    GraphQLFloat.name: "type({0}) is float and -1.7976931348623157e308 <= {0} <= 1.7976931348623157e308",
    GraphQLBoolean.name: "({0} is True or {0} is False)",
}
# What Python's own types make of a value of just that type is the value.
USUAL_SERIALIZERS: Mapping[Any, str] = {kind: f"type({{0}}) is {kind.__name__}" for kind in (str, int, float, bool)}
#: As what such a value can be written by somebody else.
WRITTEN_AS = {"String": "text", "ID": "text", "Int": "int32", "Boolean": "boolean"}
SERIALIZERS_WRITTEN_AS: Mapping[Any, str] = {str: "text", int: "integer", bool: "boolean"}
OWN_SCALARS = {one.name: one for one in (GraphQLString, GraphQLID, GraphQLInt, GraphQLFloat, GraphQLBoolean)}


class Usual(set[type]):
    """The classes of values that need no second look. Bounded, should somebody make classes while serving."""

    def note(self, value: object) -> None:
        """Remember the class of a value that was completed."""
        if len(self) < USUAL_MAX:
            self.add(type(value))


class Members(dict[Enum, Any]):
    """The names of the members of an enum, each looked for once: members never change, and neither do their names."""

    def __init__(self, kind: GraphQLEnumType) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, value: Enum) -> Any:
        """Look for a name."""
        name = self[value] = coerced(self._kind, value)
        return name


def coerced(kind: GraphQLLeafType, value: Any) -> Any:
    """Return a value as that of a scalar or an enum."""
    found = kind.coerce_output_value(value)
    return no_value(kind, value, found) if found is None or found is Undefined else found


def no_value(kind: GraphQLLeafType, value: Any, found: Any) -> Never:
    """Say that a scalar made nothing of a value.

    Raises: TypeError, always.
    """
    raise TypeError(
        f"Expected `{inspect(kind)}.coerce_output_value({inspect(value)})` to return non-nullable value, "
        f"returned: {inspect(found)}"
    )


def leaf(kind: GraphQLLeafType, usual: Usual) -> Complete:
    """Complete a scalar or an enum; only members are usual values of an enum."""
    is_enum = isinstance(kind, GraphQLEnumType)

    def complete(_: Execution, value: Any, __: Position) -> Any:
        if isinstance(value, Exception):
            raise value
        if value is None or value is Undefined:
            return None
        found = coerced(kind, value)
        if not is_enum or isinstance(value, Enum):
            usual.note(value)
        return found

    return complete


def a_leaf(kind: GraphQLLeafType, keep: Callable[[str, object], str]) -> tuple[Inline, Complete]:
    """Return how the usual values of a scalar or an enum are written, and what completes the others.

    `keep` gives a value a name in the generated text. A serializer may say by an attribute `keeps` that it returns
    values of just that type (`str`, `int` …) as they are: then it is not called for them.
    """
    classes = Usual()
    complete = leaf(kind, classes)
    if OWN_SCALARS.get(kind.name) is kind:
        return OwnScalar(USUAL_SCALARS[kind.name], WRITTEN_AS.get(kind.name)), complete
    if isinstance(kind, GraphQLEnumType):
        members = Members(kind)
        return Member(keep("K", classes), keep("L", members), members), complete
    serialize = kind.coerce_output_value
    if isinstance(serialize, type) and serialize in USUAL_SERIALIZERS:
        return OwnScalar(USUAL_SERIALIZERS[serialize], SERIALIZERS_WRITTEN_AS.get(serialize)), complete
    nothing = keep("N", partial(no_value, kind))
    own = USUAL_SERIALIZERS.get(getattr(serialize, "keeps", None))
    return Leaf(keep("K", classes), keep("L", serialize), nothing, own), complete
