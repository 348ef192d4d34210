"""A document is looked at once, and remembered with what was found."""

import pytest
from graphql import GraphQLError, GraphQLSchema, OperationDefinitionNode

from api.execution.documents import Documents
from api.execution.limits import Limits


def codes(documents: Documents, text: str) -> list[str]:
    return [str((error.extensions or {})["code"]) for error in documents.get(text).errors]


def test_the_same_text_gives_the_same_document(documents: Documents) -> None:
    assert documents.get("{ node { name } }") is documents.get("{ node { name } }")
    assert len(documents) == 1


def test_a_refused_text_is_remembered_with_its_errors_and_without_its_tree(documents: Documents) -> None:
    document = documents.get("{ nonsense }")

    assert documents.get("{ nonsense }") is document
    assert document.ast is None
    assert document.errors[0].nodes is None
    assert document.errors[0].formatted == {
        "message": "Cannot query field 'nonsense' on type 'Query'.",
        "locations": [{"line": 1, "column": 3}],
        "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"},
    }


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ limit limit: }", "GRAPHQL_PARSE_FAILED"),
        ("type A { a: Int }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ node { name(a: 1) } }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ node { ...A } } fragment A on Node { ...A }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ " + "node { " * 16 + "name" + " }" * 17, "LIMIT_EXCEEDED"),
        ("{ node { name } }" + " " * 50_000, "LIMIT_EXCEEDED"),
        ("{ node { " + "name " * 2_000 + "} }", "LIMIT_EXCEEDED"),
        ("{ a " * 1_000, "LIMIT_EXCEEDED"),
        ("#\n" * 2_001 + "{ node { name } }", "LIMIT_EXCEEDED"),
        ("{ node { " + "node { name } " * 300 + "} }", "LIMIT_EXCEEDED"),
        ('{ node(text: "a\\u0000b") { name } }', "BAD_USER_INPUT"),
        ('{ node(text: "a\\u{0}b") { name } }', "BAD_USER_INPUT"),
        ('{ node(text: """a\0b""") { name } }', "BAD_USER_INPUT"),
        ('{ node(text: "a\\ud800b") { name } }', "GRAPHQL_PARSE_FAILED"),
        ('{ node(text: "a\ud800b") { name } }', "GRAPHQL_PARSE_FAILED"),
    ],
)
def test_what_is_wrong_with_a_document_has_a_code(documents: Documents, text: str, code: str) -> None:
    assert codes(documents, text) == [code]


def test_what_looks_like_an_escaped_nul_but_is_not_is_accepted(documents: Documents) -> None:
    assert codes(documents, '{ node(text: "a\\\\u0000b") { name } }') == []


def test_no_more_errors_than_anybody_reads_are_reported(documents: Documents) -> None:
    text = "{ node { " + " ".join(f"unknown{n}" for n in range(90)) + " } }"

    assert codes(documents, text) == ["GRAPHQL_VALIDATION_FAILED"] * 20 + ["LIMIT_EXCEEDED"]


def test_a_text_that_is_too_long_is_not_kept(documents: Documents) -> None:
    documents.get("{ node { name } }" + " " * 50_000)

    assert len(documents) == 0


def test_an_operation_is_found_by_its_name(documents: Documents) -> None:
    document = documents.get("query A { node { name } } query B { node { name } }")
    found = document.operation("B")

    assert isinstance(found, OperationDefinitionNode)
    assert found.name
    assert found.name.value == "B"


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        ("query A { node { name } }", "B", "Unknown operation named 'B'."),
        ("{ node { name } }", "A", "Unknown operation named 'A'."),
        (
            "query A { node { name } } query B { node { name } }",
            None,
            "Must provide operation name if query contains multiple operations.",
        ),
    ],
)
def test_an_operation_that_cannot_be_determined_is_an_error(
    documents: Documents, text: str, name: str | None, message: str
) -> None:
    error = documents.get(text).operation(name)

    assert isinstance(error, GraphQLError)
    assert error.message == message
    assert error.extensions == {"code": "OPERATION_RESOLUTION_FAILURE"}


def test_the_number_of_remembered_documents_is_bounded(schema: GraphQLSchema) -> None:
    documents = Documents(schema, capacity=10)
    for n in range(50):
        documents.get(f"query A{n} {{ node {{ name }} }}")
        documents.get(f"{{ unknown{n} }}")

    assert len(documents) == 20


def test_a_flood_of_nonsense_pushes_out_no_good_document(schema: GraphQLSchema) -> None:
    documents = Documents(schema, capacity=10)
    good = documents.get("{ node { name } }")
    for n in range(50):
        documents.get(f"{{ unknown{n} }}")

    assert documents.get("{ node { name } }") is good


def test_the_limits_are_those_that_were_given(schema: GraphQLSchema) -> None:
    assert codes(Documents(schema, Limits(tokens=3)), "{ node { name } }") == ["LIMIT_EXCEEDED"]
