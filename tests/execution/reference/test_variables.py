"""Variables: given, absent and null, with defaults and without, right and wrong."""

from typing import Any

import pytest
import strawberry

from tests.execution.reference.answers import answer, schema_of

SCHEMA = schema_of(
    """
    input Where { text: String! limit: Int = 3 tags: [String!] }
    type Query {
      echo(text: String = "default", number: Int): String
      must(number: Int! = 7): String
      where(where: Where): String
    }
    """,
    {f"Query.{name}": lambda _, __, **given: repr(given) for name in ("echo", "must", "where")},
)


@pytest.mark.parametrize(
    ("definition", "given", "expected"),
    [
        ("$v: String", {}, {"text": "default"}),
        ("$v: String", {"v": None}, {"text": None}),
        ("$v: String", {"v": "a"}, {"text": "a"}),
        ('$v: String = "own"', {}, {"text": "own"}),
        ('$v: String = "own"', {"v": None}, {"text": None}),
        ("$v: String = null", {}, {"text": None}),
        ("$v: String!", {"v": "a"}, {"text": "a"}),
    ],
)
async def test_an_argument_is_what_its_variable_is(definition: str, given: dict[str, Any], expected: Any) -> None:
    found = await answer(SCHEMA, f"query ({definition}) {{ echo(text: $v) }}", given)

    assert found.data == {"echo": repr(expected)}
    assert found.errors == []


async def test_a_null_for_an_argument_that_has_to_be_is_an_error_of_its_field() -> None:
    text = "query ($v: Int = 5) { a: must(number: $v) b: echo }"

    assert (await answer(SCHEMA, text)).data == {"a": "{'number': 5}", "b": "{'text': 'default'}"}
    found = await answer(SCHEMA, text, {"v": None})
    assert found.data == {"a": None, "b": "{'text': 'default'}"}
    assert [path for _, path in found.told] == [["a"]]


async def test_entries_that_are_absent_have_their_defaults() -> None:
    text = "query ($w: Where, $t: String!) { a: where(where: $w) b: where(where: {text: $t}) }"

    found = await answer(SCHEMA, text, {"w": {"text": "x", "tags": "one"}, "t": "y"})

    assert found.data == {
        "a": "{'where': {'text': 'x', 'limit': 3, 'tags': ['one']}}",
        "b": "{'where': {'text': 'y', 'limit': 3}}",
    }


@pytest.mark.parametrize(
    ("definition", "given"),
    [
        ("$v: Int!", {}),
        ("$v: Int!", {"v": None}),
        ("$v: Int", {"v": "5"}),
        ("$v: Int", {"v": 2**31}),
        ("$v: Int", {"v": 1.5}),
        ("$v: Int", {"v": [1]}),
    ],
)
async def test_a_wrong_variable_stops_all_before_anything_is_executed(definition: str, given: dict[str, Any]) -> None:
    found = await answer(SCHEMA, f"query ({definition}) {{ echo(number: $v) }}", given)

    assert found.data is None
    assert len(found.errors) == 1
    assert "$v" in found.errors[0]["message"]


async def test_each_wrong_entry_of_a_variable_is_told() -> None:
    given = {"w": {"text": None, "limit": "x", "tags": ["a", 5], "more": 1}}

    found = await answer(SCHEMA, "query ($w: Where) { where(where: $w) }", given)

    assert found.data is None
    assert len(found.errors) == 4


@strawberry.input(one_of=True)
class By:
    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]


@strawberry.type
class Query:
    @strawberry.field
    def found(self, by: By) -> str:
        return repr(by)


async def test_a_default_that_is_two_of_one_is_an_error_and_nothing_worse() -> None:
    schema = strawberry.Schema(Query)._schema
    text = 'query ($by: By! = {name: "a", number: 1}) { found(by: $by) }'

    found = await answer(schema, text)
    assert found.data is None
    assert found.errors[0]["message"] == "OneOf Input Object 'By' must specify exactly one key."

    assert (await answer(schema, text, {"by": {"number": 1}})).errors == []
