"""Fields of the same key are one field: executed once, in the place of the first, with all that is selected of them."""

from typing import Any

from graphql import GraphQLResolveInfo

from tests.execution.reference.answers import answer, schema_of

Calls = list[str]


def number(_: object, info: GraphQLResolveInfo[Calls], plus: int = 0) -> int:
    info.context.append(".".join(map(str, info.path.as_list())))
    return 1 + plus


def inner(_: object, info: GraphQLResolveInfo[Calls]) -> dict[str, Any]:
    info.context.append(f"{'.'.join(map(str, info.path.as_list()))} of {len(info.field_nodes)}")
    return {}


RESOLVERS = {f"{kind}.{name}": function for kind in ("Query", "Inner", "Other") for name, function in (
    ("a", number), ("b", number), ("c", number), ("inner", inner))}  # fmt: skip
SCHEMA = schema_of(
    """
    interface Numbered { a(plus: Int): Int! inner: Inner }
    type Query implements Numbered { a(plus: Int): Int! b: Int c: Int inner: Inner }
    type Inner implements Numbered { a(plus: Int): Int! b: Int c: Int inner: Inner }
    type Other { a: Int b: Int c: Int inner: Inner }
    """,
    {**RESOLVERS, "Numbered.type": lambda *_: "Inner"},
)


async def test_a_field_that_is_written_often_is_executed_once() -> None:
    found = await answer(SCHEMA, "{ a ... { a } ...F a } fragment F on Query { a }", context=list)

    assert found.data == {"a": 1}
    assert found.context == ["a"]


async def test_keys_stand_in_the_order_in_which_they_are_met_first() -> None:
    text = "{ ...F c a b } fragment F on Query { b ... on Numbered { a } d: a(plus: 5) }"

    found = await answer(SCHEMA, text, context=list)

    assert list(found.data.items()) == [("b", 1), ("a", 1), ("d", 6), ("c", 1)]
    assert found.context == ["b", "a", "d", "c"]


async def test_what_is_selected_of_an_object_in_several_places_is_selected_together() -> None:
    text = """
    { inner { a } ...F inner { inner { c } } }
    fragment F on Query { inner { b inner { a ...G } } }
    fragment G on Inner { b a }
    """

    found = await answer(SCHEMA, text, context=list)

    assert found.data == {"inner": {"a": 1, "b": 1, "inner": {"a": 1, "b": 1, "c": 1}}}
    assert list(found.data["inner"]) == ["a", "b", "inner"]
    assert found.context[0] == "inner of 3"
    assert "inner.inner of 2" in found.context
    assert len(found.context) == 7


async def test_an_alias_makes_another_field_of_it() -> None:
    found = await answer(SCHEMA, "{ a: b b: a c: inner { c: a } inner { c } }", context=list)

    assert found.data == {"a": 1, "b": 1, "c": {"c": 1}, "inner": {"c": 1}}
    assert len(found.context) == 6


async def test_arguments_come_from_the_first_of_merged_fields_and_locations_from_all() -> None:
    schema = schema_of("type Query { a(n: Int = 1): Int }", {"Query.a": lambda *_, n: [][n]})
    text = "query ($n: Int = 2) { a(n: $n)\n a(n: $n)\n ... { a(n: $n) } }"

    found = await answer(schema, text)

    assert found.data == {"a": None}
    assert found.errors[0]["locations"] == [
        {"line": 1, "column": 23},
        {"line": 2, "column": 2},
        {"line": 3, "column": 8},
    ]


async def test_the_name_of_the_type_is_a_field_like_others() -> None:
    text = "{ __typename t: __typename inner { __typename ... on Numbered { u: __typename } } }"

    found = await answer(SCHEMA, text, context=list)

    assert found.data == {"__typename": "Query", "t": "Query", "inner": {"__typename": "Inner", "u": "Inner"}}


async def test_a_fragment_for_another_type_brings_nothing() -> None:
    schema = schema_of(
        "union Any = One | Two type One { a: Int } type Two { a: String } type Query { any: [Any] }",
        {"Any.type": lambda value, *_: value["kind"]},
    )
    text = "{ any { ... on One { a } ... on Two { b: a } ...O } } fragment O on One { __typename }"

    found = await answer(
        schema, text, root=lambda: {"any": [{"kind": "One", "a": 1}, {"kind": "Two", "a": "x"}, {"kind": "One"}]}
    )

    assert found.data == {"any": [{"a": 1, "__typename": "One"}, {"b": "x"}, {"a": None, "__typename": "One"}]}
