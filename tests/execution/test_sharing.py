"""Which requests ask for the same: the text, the operation, and the variables that events are executed with."""

from typing import Any

import pytest
from graphql import OperationDefinitionNode, build_schema, parse

from api.execution.documents import Documents
from api.execution.sharing import request_key, varying_names

DOCUMENTS = Documents(
    build_schema("""
    type Query { a: Int }
    type Subscription { line(after: String, filter: Filter): Node }
    type Node { text(size: Int): String, node(deep: Boolean): Node }
    input Filter { word: String }
    """)
)
PLAIN = "subscription ($after: String) { line(after: $after) { text } }"
NESTED = "subscription ($after: String, $size: Int) { line(after: $after) { text(size: $size) } }"


@pytest.mark.parametrize(
    ("selection", "names"),
    [
        ("{ line(after: $a) { text } }", set()),
        ("{ alias: line(after: $a, filter: {word: $b}) { text } }", set()),
        ("{ line(after: $a) { text(size: $s) } }", {"s"}),
        ("{ line(after: $a) { node { node(deep: $d) { text(size: $s) } } } }", {"d", "s"}),
        ("{ line(after: $a) { text @include(if: $d) } }", {"d"}),
        ("{ line(after: $a) @skip(if: $d) { text } }", {"d"}),
        ("{ ... on Subscription @include(if: $d) { line(after: $a) { text(size: $s) } } }", {"d", "s"}),
        ("{ ...Root } fragment Root on Subscription { line(after: $a) { text(size: $s) } }", {"s"}),
        ("{ ...Root @skip(if: $d) } fragment Root on Subscription { line(after: $a) { text } }", {"d"}),
        ("{ line(after: $a) { ...In } } fragment In on Node { text(size: $s) node { ...In2 } } "
         "fragment In2 on Node { text @skip(if: $d) }", {"s", "d"}),
        ("{ line(after: $a) { ...In @skip(if: $d) } } fragment In on Node { text }", {"d"}),
        ("{ line(after: $a) { text(size: $s) } line(after: $a) { node { text @skip(if: $d) } } }", {"s", "d"}),
        # The same name is in an argument of the root and below: then it counts.
        ("{ line(after: $a) { text(size: $s) node { text @skip(if: $d) } } }", {"s", "d"}),
    ],
)  # fmt: skip
def test_all_variables_count_but_those_in_arguments_of_the_root_field_alone(selection: str, names: set[str]) -> None:
    document = parse(f"subscription ($a: String, $b: String, $s: Int, $d: Boolean = false) {selection}")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    assert varying_names(document, operation) == names


def key(text: str, name: str | None = None, **variables: Any) -> object:
    document = DOCUMENTS.get(text)
    operation = document.operation(name)
    assert not isinstance(operation, Exception)
    return request_key(document, operation, variables)


def test_requests_that_go_on_from_different_cursors_ask_for_the_same() -> None:
    assert key(PLAIN, after="c1") == key(PLAIN, after="c2") == key(PLAIN)
    assert key(NESTED, after="c1", size=3) == key(NESTED, after="c2", size=3)


@pytest.mark.parametrize(
    ("one", "other"),
    [({"size": 1}, {"size": 2}), ({"size": 1}, {}), ({"size": None}, {}), ({"size": 1}, {"size": "1"}),
     ({"size": 1}, {"size": True}), ({"size": 1}, {"size": 1.0}), ({"size": {"a": 1}}, {"size": {"a": 2}})],
)  # fmt: skip
def test_requests_with_other_values_ask_for_something_else(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert key(NESTED, **one) != key(NESTED, **other)
    assert key(NESTED, **one) == key(NESTED, **one)


def test_the_order_of_values_is_no_difference_and_unknown_variables_are_none() -> None:
    assert key(NESTED, size={"a": 1, "b": 2}) == key(NESTED, size={"b": 2, "a": 1})
    assert key(NESTED, size=1, stray=1) == key(NESTED, size=1, stray=2)


def test_other_texts_and_other_operations_ask_for_something_else() -> None:
    assert key(PLAIN) != key(PLAIN + " ")
    both = "subscription A { line { text } } subscription B { line { text } }"
    assert key(both, "A") != key(both, "B")
