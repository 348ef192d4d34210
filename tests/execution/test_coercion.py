"""Types as functions do to values what graphql-core does to them."""

from collections.abc import Callable
from typing import Any

import pytest
from graphql import (
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    Undefined,
    build_schema,
    parse_type,
    type_from_ast,
)
from graphql.utilities.coerce_input_value import coerce_input_value
from hypothesis import example, given
from hypothesis import strategies as st

from api.execution.coercion import coercer_of

SDL = """
type Query { a: Int }
enum Color { RED GREEN }
scalar Money
input Where { latitude: Float! longitude: Float! = 7.5 name: String = "here" }
input Trip {
  legs: [Leg!]! key: ID! by: By note: String money: [Money] = ["1"] flags: [[Boolean!]], color: Color = GREEN
}
input Leg { kind: Color! from: Where to: Where count: Int = 3 }
input By @oneOf { id: ID ref: String where: Where }
input Wrong { number: Int = "seven" other: Int }
"""


def _money(value: Any) -> Any:
    if value in ("free", 0):
        raise ValueError("nothing is free")
    return Undefined if value == "unknown" else f"{value} €"


def _built(values: dict[str, Any]) -> Any:
    if values["first"] == "bad":
        raise ValueError("it cannot be built")
    return tuple(values.items())


def _schema() -> GraphQLSchema:
    schema = build_schema(SDL)
    money = schema.type_map["Money"]
    assert isinstance(money, GraphQLScalarType)
    money.coerce_input_value = _money
    return schema


SCHEMA = _schema()
BUILT = GraphQLInputObjectType(
    "Built",
    {"first": GraphQLInputField(GraphQLNonNull(GraphQLString)), "two": GraphQLInputField(GraphQLString, out_name="b")},
    out_type=_built,
)


def _type(text: str) -> GraphQLInputType:
    found = type_from_ast(SCHEMA, parse_type(text))
    assert found is not None
    return found  # type: ignore[return-value]


TYPES: dict[str, GraphQLInputType] = {
    text: _type(text)
    for text in (
        "Int", "Int!", "Float", "Boolean!", "String", "String!", "ID!", "Color", "Money", "Money!", "[Money!]!",
        "[Int]", "[[Int!]!]", "[ID!]!", "Where!", "[Where]", "Trip", "Trip!", "By!", "[By!]",
    )
} | {"Built": BUILT, "[Built]": GraphQLList(BUILT)}  # fmt: skip

ANYTHING = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**31) - 2, 2**31 + 1),
    st.floats(),
    st.sampled_from(["", "RED", "GREEN", "BLUE", "free", "unknown", "bad", "7", Undefined, [], {}, (), (1,), {"a"}]),
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "Int": st.integers(-5, 5),
    "Float": st.floats(-5, 5) | st.integers(-5, 5),
    "Boolean": st.booleans(),
    "String": st.text(max_size=3),
    "ID": st.text(max_size=3) | st.integers(0, 9),
    "Color": st.sampled_from(["RED", "GREEN"]),
    "Money": st.sampled_from(["1", 2]),
}


@st.composite
def values(draw: Callable[..., Any], kind: Any) -> Any:
    """Mostly what is right for a type, and sometimes anything else."""
    if draw(st.integers(0, 14)) == 0:
        return draw(ANYTHING)
    if isinstance(kind, GraphQLNonNull):
        return draw(values(kind.of_type))
    if draw(st.integers(0, 9)) == 0:
        return None
    if isinstance(kind, GraphQLList):
        items = draw(st.lists(values(kind.of_type), max_size=3))
        return items[0] if len(items) == 1 else items
    if not isinstance(kind, GraphQLInputObjectType):
        return draw(SCALARS[kind.name])
    names = draw(st.permutations(list(kind.fields)))
    if kind.is_one_of:
        names = names[: draw(st.sampled_from([1, 1, 1, 1, 0, 2]))]
    elif draw(st.booleans()):
        names = [name for name in names if draw(st.integers(0, 3))]
    found = {name: draw(values(kind.fields[name].type)) for name in names}
    if draw(st.integers(0, 19)) == 0:
        found["unknown"] = draw(ANYTHING)
    return found


def outcome(coerce: Callable[[], Any]) -> tuple[str, str]:
    try:
        found = coerce()
    except Exception as error:
        return type(error).__name__, str(error)
    return type(found).__name__, repr(found)


@pytest.mark.parametrize("text", TYPES)
def test_a_type_as_a_function_coerces_as_graphql_core_does(text: str) -> None:
    kind = TYPES[text]
    coerce = coercer_of(kind)

    @given(values(kind))
    @example(None)
    @example(Undefined)
    @example({"latitude": 1, "name": Undefined})
    @example({"latitude": 1, "more": Undefined})
    def compare(value: Any) -> None:
        assert outcome(lambda: coerce(value)) == outcome(lambda: coerce_input_value(value, kind))

    compare()


def test_defaults_and_names_for_python_are_put_in() -> None:
    trip = {"legs": {"kind": "RED"}, "key": 5, "by": {"ref": "a"}}
    assert coercer_of(TYPES["Trip"])(trip) == {
        "legs": [{"kind": "RED", "count": 3}],
        "key": "5",
        "by": {"ref": "a"},
        "money": ["1 €"],
        "color": "GREEN",
    }
    assert coercer_of(BUILT)({"two": "2", "first": "1"}) == (("first", "1"), ("b", "2"))
    assert coercer_of(TYPES["By!"])({"id": "a", "ref": None}) is Undefined


def test_who_has_an_invalid_default_has_no_function() -> None:
    with pytest.raises(TypeError, match="seven"):
        coercer_of(_type("Wrong"))
