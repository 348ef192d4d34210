"""A cursor takes the place of the argument `after`, however the document has it."""

import pytest
from graphql import OperationDefinitionNode, build_schema, parse, print_ast

from api.execution.resumption import resume

SCHEMA = build_schema(
    """
    type Query { a: Int }
    type Subscription { lines(after: String, to: Int): Int, other(to: Int): Int }
    """
)


def resumed(text: str) -> str:
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    found, node = resume(document, operation, SCHEMA, 'c"1')
    assert node in found.definitions
    return " ".join(print_ast(found).split())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("subscription { lines }", 'subscription { lines(after: "c\\"1") }'),
        ("subscription { x: lines(to: 3) }", 'subscription { x: lines(to: 3, after: "c\\"1") }'),
        ('subscription { lines(after: "c0") }', 'subscription { lines(after: "c\\"1") }'),
        (
            "subscription ($a: String) { lines(after: $a) }",
            'subscription ($a: String) { lines(after: "c\\"1") }',
        ),
        ("subscription { other(to: 3) }", "subscription { other(to: 3) }"),
        ("subscription { unknown }", "subscription { unknown }"),
        ("subscription { ... { lines } }", "subscription { ... { lines } }"),
    ],
)
def test_the_cursor_takes_the_place_of_after_where_there_is_one(text: str, expected: str) -> None:
    assert resumed(text) == expected


def test_the_document_that_others_use_is_not_changed() -> None:
    document = parse("subscription { lines }")
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    resume(document, operation, SCHEMA, "c1")

    assert print_ast(document) == "subscription {\n  lines\n}"
