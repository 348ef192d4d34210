"""Which fields `@skip` and `@include` leave: on fields, spreads and inline fragments, by literals and by variables."""

from typing import Any

import pytest

from tests.execution.reference.answers import answer, executable_of, schema_of

SCHEMA = schema_of(
    "type Query { a: String b: String inner: Query must: String! }",
    {"Query.a": lambda *_: "a", "Query.b": lambda *_: "b", "Query.inner": lambda *_: {}, "Query.must": lambda *_: "m"},
)
A, AB = {"a": "a"}, {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    ("directives", "is_left"),
    [
        ("", True),
        ("@include(if: true)", True),
        ("@include(if: false)", False),
        ("@skip(if: false)", True),
        ("@skip(if: true)", False),
        ("@include(if: true) @skip(if: false)", True),
        ("@include(if: true) @skip(if: true)", False),
        ("@include(if: false) @skip(if: true)", False),
        ("@include(if: false) @skip(if: false)", False),
    ],
)
@pytest.mark.parametrize("by_variables", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "{{ a b {0} }}",
        "{{ a ...B {0} }} fragment B on Query {{ b }}",
        "{{ a ... on Query {0} {{ b }} }}",
        "{{ a ... {0} {{ b }} }}",
        "{{ a ... {{ ...B }} }} fragment B on Query {{ ... {0} {{ b }} }}",
    ],
)
async def test_both_conditions_decide_wherever_they_are(
    text: str, directives: str, is_left: bool, by_variables: bool
) -> None:
    operation = text.format(directives)
    if by_variables:
        operation = operation.replace("true", "$yes").replace("false", "$no")
        used = [f"${name}: Boolean!" for name in ("yes", "no") if f"${name}" in operation]
        operation = f"query ({', '.join(used)}) {operation}" if used else operation

    found = await answer(SCHEMA, operation, {"yes": True, "no": False})

    assert found.data == (AB if is_left else A)
    assert found.errors == []


@pytest.mark.parametrize(
    ("given", "data"), [({}, AB), ({"if": True}, AB), ({"if": False}, A)], ids=["default", "true", "false"]
)
async def test_a_condition_may_have_a_default(given: dict[str, Any], data: Any) -> None:
    found = await answer(SCHEMA, "query ($if: Boolean = true) { a b @include(if: $if) }", given)

    assert found.data == data


async def test_a_field_that_is_written_twice_is_there_if_one_is_left() -> None:
    text = "query ($no: Boolean!) { a @include(if: $no) b @skip(if: $no) ... { a } inner @include(if: $no) { a } }"

    found = await answer(SCHEMA, text, {"no": False})

    assert list(found.data.items()) == [("b", "b"), ("a", "a")]


async def test_of_merged_objects_each_brings_what_it_leaves() -> None:
    text = "query ($if: Boolean!) { inner { a } inner @include(if: $if) { b } inner { must @skip(if: $if) } }"

    assert (await answer(SCHEMA, text, {"if": True})).data == {"inner": AB}
    assert (await answer(SCHEMA, text, {"if": False})).data == {"inner": {"a": "a", "must": "m"}}


async def test_nothing_may_be_left_at_all() -> None:
    text = "query ($no: Boolean!) { a @include(if: $no) inner { ... @include(if: $no) { a } } }"

    assert (await answer(SCHEMA, text, {"no": False})).data == {"inner": {}}
    assert (await answer(SCHEMA, "{ a @skip(if: true) }")).data == {}


async def test_a_condition_that_is_null_leaves_all_to_the_interpreter() -> None:
    executable = executable_of(SCHEMA, "query ($if: Boolean = true) { a b @include(if: $if) }")

    assert executable.compiled({"if": None}) is None
    assert executable.compiled({"if": True}) is not None


async def test_combinations_beyond_those_that_are_compiled_are_interpreted() -> None:
    names = ["c0", "c1", "c2", "c3"]
    fields = " ".join(f"{name}: a @include(if: ${name})" for name in names)
    executable = executable_of(SCHEMA, f"query ({' '.join(f'${name}: Boolean!' for name in names)}) {{ {fields} b }}")

    compiled = [
        executable.compiled({name: bool(number >> bit & 1) for bit, name in enumerate(names)}) for number in range(16)
    ]

    assert all(compiled[:8])
    assert not any(compiled[8:])
