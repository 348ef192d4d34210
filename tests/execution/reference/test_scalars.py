"""Scalars and enums: what they make of values, of right ones and wrong ones, on the way out and on the way in."""

from collections.abc import Callable
from enum import Enum
from math import inf, nan
from typing import Any

import pytest
from graphql import GraphQLEnumType, GraphQLScalarType, GraphQLSchema, Undefined
from typing_extensions import override

from tests.execution.reference.answers import answer, schema_of


class Odd(Exception):
    """What a scalar of one's own raises."""


class Written:
    @override
    def __str__(self) -> str:
        return "written"


class Color(Enum):
    RED = 1
    GREEN = 2


SDL = """
scalar Even
enum Color { RED GREEN }
type Query {
  int: Int float: Float string: String id: ID yes: Boolean even: Even evens: [Even!] must: Even! color: Color
  half(of: Even, all: [Even!]): String paint(color: Color = GREEN): String
}
"""


def put_out(value: Any) -> Any:
    if not isinstance(value, int):
        return value
    if value % 2:
        raise Odd(f"{value} is odd")
    return {"even": value}


def take_in(value: Any) -> Any:
    if not isinstance(value, int) or value % 2:
        raise Odd(f"{value} is not even")
    return value // 2


def _schema() -> GraphQLSchema:
    schema = schema_of(SDL, {f"Query.{name}": lambda *_, **given: repr(given) for name in ("half", "paint")})
    even, color = schema.type_map["Even"], schema.type_map["Color"]
    assert isinstance(even, GraphQLScalarType)
    assert isinstance(color, GraphQLEnumType)
    even.coerce_output_value, even.coerce_input_value = put_out, take_in
    for name, value in color.values.items():
        value.value = Color[name]
    return schema


SCHEMA = _schema()


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("int", 5, 5), ("int", True, 1), ("int", 5.0, 5), ("int", "5", 5), ("int", -(2**31), -(2**31)),
        ("float", 1.5, 1.5), ("float", 1, 1.0), ("float", "1.5", 1.5), ("float", True, 1),
        ("string", "a", "a"), ("string", 5, "5"), ("string", True, "true"), ("string", Written(), "written"),
        ("id", "a", "a"), ("id", 5, "5"),
        ("yes", False, False), ("yes", 0, False), ("yes", 2.5, True),
        ("even", 2, {"even": 2}), ("even", "x", "x"), ("evens", [2, "x", 4], [{"even": 2}, "x", {"even": 4}]),
        ("color", Color.RED, "RED"),
        ("even", Undefined, None), ("int", Undefined, None), ("color", None, None),
    ],
)  # fmt: skip
async def test_a_value_is_written_as_its_type_writes_it(field: str, value: Any, expected: Any) -> None:
    found = await answer(SCHEMA, f"{{ {field} }}", root=lambda: {field: value})

    assert found.errors == []
    assert found.data == {field: expected}
    assert type(found.data[field]) is type(expected)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("int", 2**31, "Int cannot represent non 32-bit signed integer value: 2147483648"),
        ("int", 1.5, "Int cannot represent non-integer value: 1.5"),
        ("int", "", "Int cannot represent non-integer value: ''"),
        ("int", [], "Int cannot represent non-integer value: []"),
        ("float", nan, "Float cannot represent non numeric value: nan"),
        ("float", inf, "Float cannot represent non numeric value: inf"),
        ("float", "x", "Float cannot represent non numeric value: 'x'"),
        ("string", {}, "String cannot represent value: {}"),
        ("id", 1.5, "ID cannot represent value: 1.5"),
        ("yes", "true", "Boolean cannot represent a non boolean value: 'true'"),
        ("yes", nan, "Boolean cannot represent a non boolean value: nan"),
        ("even", 3, "3 is odd"),
        ("color", "BLUE", "Enum 'Color' cannot represent value: 'BLUE'"),
        ("color", [], "Enum 'Color' cannot represent value: []"),
    ],
)  # fmt: skip
async def test_a_value_that_does_not_fit_is_an_error_of_its_field(field: str, value: Any, message: str) -> None:
    found = await answer(SCHEMA, f"{{ {field} string }}", root=lambda: {"string": "a", field: value})

    assert found.data == {"string": "a", field: None}
    assert found.told == [(message, [field])]


@pytest.mark.parametrize("made", [None, Undefined], ids=str)
async def test_a_scalar_that_makes_nothing_of_a_value_is_an_error(made: Any) -> None:
    schema = schema_of("scalar Even type Query { even: Even }")
    even = schema.type_map["Even"]
    assert isinstance(even, GraphQLScalarType)
    even.coerce_output_value = lambda _: made

    found = await answer(schema, "{ even }", root=lambda: {"even": 2})

    assert found.data == {"even": None}
    message = f"Expected `Even.coerce_output_value(2)` to return non-nullable value, returned: {made}"
    assert found.told == [(message, ["even"])]


async def test_the_second_value_of_a_class_fails_in_its_own_place_as_the_first_does() -> None:
    found = await answer(SCHEMA, "{ evens a: even even must }", root=lambda: {"evens": [2, 3], "even": 4, "must": 6})

    assert found.data == {"evens": None, "a": {"even": 4}, "even": {"even": 4}, "must": {"even": 6}}
    assert found.told == [("3 is odd", ["evens", 1])]
    found = await answer(SCHEMA, "{ evens }", root=lambda: {"evens": [3, 2]})
    assert found.told == [("3 is odd", ["evens", 0])]


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("{ half(of: 4) }", {}, "{'of': 2}"),
        ("{ half(all: [2, 4]) }", {}, "{'all': [1, 2]}"),
        ("query ($v: Even) { half(of: $v) }", {"v": 8}, "{'of': 4}"),
        ("query ($v: Even = 6) { half(of: $v) }", {}, "{'of': 3}"),
        ("query ($v: Even!) { half(all: [$v, 2]) }", {"v": 8}, "{'all': [4, 1]}"),
        ("query ($v: [Even!]) { half(all: $v) }", {"v": 8}, "{'all': [4]}"),
        ("query ($v: Even) { half(of: $v) }", {"v": None}, "{'of': None}"),
        ("query ($v: Even) { half(of: $v) }", {}, "{}"),
        ("{ paint }", {}, "{'color': <Color.GREEN: 2>}"),
        ("{ paint(color: RED) }", {}, "{'color': <Color.RED: 1>}"),
        ("query ($c: Color) { paint(color: $c) }", {"c": "RED"}, "{'color': <Color.RED: 1>}"),
        ("query ($c: Color) { paint(color: $c) }", {}, "{'color': <Color.GREEN: 2>}"),
    ],
)  # fmt: skip
async def test_a_resolver_is_given_what_the_type_makes_of_an_argument(text: str, given: Any, expected: str) -> None:
    found = await answer(SCHEMA, text, given)

    assert found.errors == []
    assert next(iter(found.data.values())) == expected


@pytest.mark.parametrize(
    ("definition", "value"), [("$v: Even", 3), ("$v: Even!", None), ("$v: [Even!]", [2, 3]), ("$v: Color", "BLUE")]
)
async def test_a_variable_that_the_type_refuses_stops_all(definition: str, value: Any) -> None:
    argument = "paint(color: $v)" if "Color" in definition else "half(of: $v)"
    if "[" in definition:
        argument = "half(all: $v)"

    found = await answer(SCHEMA, f"query ({definition}) {{ {argument} }}", {"v": value})

    assert found.data is None
    assert len(found.errors) == 1
    assert "$v" in found.errors[0]["message"]


@pytest.mark.parametrize("error", [ValueError("bad"), KeyError("bad"), RecursionError("bad")], ids=repr)
async def test_whatever_a_scalar_raises_is_an_error_of_its_field(error: Exception) -> None:
    schema = schema_of("scalar Even type Query { even: Even other: Int }")
    even = schema.type_map["Even"]
    assert isinstance(even, GraphQLScalarType)
    even.coerce_output_value = _raising(error)

    found = await answer(schema, "{ even other }", root=lambda: {"even": 2, "other": 1})

    assert found.data == {"even": None, "other": 1}
    assert found.told == [(str(error), ["even"])]


def _raising(error: Exception) -> Callable[[Any], Any]:
    def fail(_: Any) -> Any:
        raise error

    return fail
