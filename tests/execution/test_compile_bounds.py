"""Compiling takes no longer than a bounded number of fields takes, however a document multiplies them."""

from typing import Any

import pytest
from graphql import GraphQLSchema

from api.execution.compiler import FIELDS_MAX
from api.execution.executables import VARIANTS_MAX
from tests.execution.reference.answers import Answer, answer, begin, executable_of, schema_of, subject_of

KINDS = 40
# What is generated for one field, and the function around it.
LINES_MAX = 40


def test_as_many_fields_are_compiled_as_may_be_and_not_one_more() -> None:
    most = "{ " + " ".join(f"a{number}: __typename" for number in range(FIELDS_MAX)) + " }"

    assert _is_compiled(most)
    assert not _is_compiled(most.replace("{ ", "{ more: __typename "))


@pytest.mark.parametrize("depth", [4, 7, 13])
def test_fragments_that_multiply_are_not_compiled(depth: int) -> None:
    both = "fragment F{0} on Node {{ a: node {{ ...F{1} }} b: node {{ ...F{1} }} }}"
    fragments = [both.format(number, number + 1) for number in range(depth)]
    text = "\n".join(["{ node { ...F0 } }", *fragments, f"fragment F{depth} on Node {{ id }}"])

    assert _is_compiled(text) == (2 ** (depth + 1) + 2**depth - 1 <= FIELDS_MAX)


async def test_types_that_are_met_are_compiled_as_far_as_more_fields_may_be() -> None:
    text = "{ nodes { " + " ".join(f"a{number}: id" for number in range(20)) + " } }"
    nodes = [{"__typename": f"N{number}", "id": str(number)} for number in range(KINDS)]

    answer = await _answer(text, {"nodes": nodes})

    assert answer.errors == []
    assert [node["a19"] for node in answer.data["nodes"]] == [str(number) for number in range(KINDS)]


def test_text_stays_bounded_whatever_types_are_met_and_however_often() -> None:
    # 40 types at each of 4 levels: 2.6 million combinations.
    text = "{ nodes { ...A } } fragment A on Being { id peers { ...B } } fragment B on Being { id peers { ...C } } "
    text += "fragment C on Being { id peers { id } }"
    subject = subject_of(SCHEMA, text)

    def node(number: int) -> dict[str, Any]:
        return {"__typename": f"N{number % KINDS}", "id": "a", "peers": lambda _: [node(number + 1), node(number + 7)]}

    for _ in range(3):
        execution, data = begin(subject, root={"nodes": [node(number) for number in range(KINDS)]})
        assert execution.errors == []
        assert data["nodes"][KINDS - 1]["peers"][1]["peers"][0]["peers"] == [{"id": "a"}, {"id": "a"}]

    lines = subject.compiled.source.count("\n")
    assert FIELDS_MAX < lines <= LINES_MAX * FIELDS_MAX


def test_merged_fields_are_compiled_once() -> None:
    text = "{ " + "node { id node { id } } " * 40 + "}"

    assert subject_of(SCHEMA, text).compiled.source == subject_of(SCHEMA, "{ node { id node { id } } }").compiled.source


def test_only_a_few_combinations_of_conditions_are_compiled() -> None:
    names = [f"c{number}" for number in range(5)]
    definitions = ", ".join(f"${name}: Boolean!" for name in names)
    fields = " ".join(f"{name}: __typename @include(if: ${name})" for name in names)
    executable = executable_of(SCHEMA, f"query ({definitions}) {{ {fields} }}")

    combinations = [{name: bool(number >> bit & 1) for bit, name in enumerate(names)} for number in range(32)]
    compiled = [executable.compiled(variables) for variables in combinations]

    assert sum(one is not None for one in compiled) == VARIANTS_MAX
    assert [executable.compiled(variables) for variables in combinations] == compiled


async def _answer(text: str, root: dict[str, Any]) -> Answer:
    return await answer(SCHEMA, text, root=lambda: root)


def _is_compiled(text: str) -> bool:
    return executable_of(SCHEMA, text).compiled({}) is not None


def _make_schema() -> GraphQLSchema:
    kinds = [f"type N{number} implements Being {{ id: ID peers: [Being!]! }}" for number in range(KINDS)]
    sdl = "interface Being { id: ID peers: [Being!]! } type Node { id: ID node: Node }"
    sdl += "type Query { node: Node nodes: [Being!] }"
    return schema_of("\n".join([sdl, *kinds]))


SCHEMA = _make_schema()
