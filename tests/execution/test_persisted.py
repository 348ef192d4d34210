"""Documents that are named in place of being sent."""

from typing import Any

import pytest
from graphql import GraphQLError

from api.execution.persisted import PersistedDocuments, sha256
from api.execution.requests import GraphQLRequest

TEXT = "{ hello }"


def apq(text: str, *, query: str | None = None, **changed: Any) -> GraphQLRequest:
    return GraphQLRequest(
        query=query, extensions={"persistedQuery": {"version": 1, "sha256Hash": sha256(text), **changed}}
    )


def code(outcome: str | GraphQLError) -> str:
    assert isinstance(outcome, GraphQLError)
    return str((outcome.extensions or {})["code"])


def test_a_document_is_found_by_its_hash_once_it_was_sent() -> None:
    persisted = PersistedDocuments()
    assert code(persisted.resolve(apq(TEXT))) == "PERSISTED_QUERY_NOT_FOUND"
    assert persisted.resolve(apq(TEXT, query=TEXT)) == TEXT
    persisted.remember(apq(TEXT, query=TEXT))

    assert persisted.resolve(apq(TEXT)) == TEXT
    assert persisted.resolve(GraphQLRequest(document_id=f"sha256:{sha256(TEXT)}")) == TEXT


def test_a_text_that_has_another_hash_is_refused() -> None:
    assert code(PersistedDocuments().resolve(apq("{ other }", query=TEXT))) == "PERSISTED_QUERY_MISMATCH"


@pytest.mark.parametrize(
    "extension",
    [None, 1, "x", [], {}, {"version": 2, "sha256Hash": sha256(TEXT)}, {"version": 1}, {"version": 1, "sha256Hash": 5},
     {"version": 1, "sha256Hash": "ab"}, {"version": 1, "sha256Hash": sha256(TEXT).upper()}],
)  # fmt: skip
def test_an_extension_that_makes_no_sense_is_the_callers_mistake(extension: object) -> None:
    request = GraphQLRequest(query=TEXT, extensions={"persistedQuery": extension})

    assert code(PersistedDocuments().resolve(request)) == "BAD_USER_INPUT"


def test_a_trusted_document_is_found_by_its_id_and_by_its_hash() -> None:
    persisted = PersistedDocuments({"hello": TEXT})

    assert persisted.resolve(GraphQLRequest(document_id="hello")) == TEXT
    assert persisted.resolve(GraphQLRequest(document_id="hello", query=TEXT)) == TEXT
    assert persisted.resolve(GraphQLRequest(document_id=f"sha256:{sha256(TEXT)}")) == TEXT
    assert persisted.resolve(apq(TEXT)) == TEXT


def test_nobody_can_put_another_text_under_the_id_of_a_trusted_document() -> None:
    persisted = PersistedDocuments({"hello": TEXT})
    request = GraphQLRequest(query="{ other }", document_id="hello")
    persisted.remember(request)

    assert code(persisted.resolve(request)) == "PERSISTED_QUERY_MISMATCH"
    assert persisted.resolve(GraphQLRequest(document_id="hello")) == TEXT


@pytest.mark.parametrize("document_id", ["", "unknown", "sha256:", "sha256:" + "0" * 64, "x" * 10_000])
def test_an_unknown_id_is_an_error_of_bounded_length(document_id: str) -> None:
    outcome = PersistedDocuments({"hello": TEXT}).resolve(GraphQLRequest(document_id=document_id))

    assert code(outcome) == "DOCUMENT_NOT_FOUND"
    assert len(str(outcome)) < 200


def test_what_is_stored_is_bounded() -> None:
    persisted = PersistedDocuments(capacity=5)
    for n in range(20):
        persisted.remember(apq(f"{{ a{n} }}", query=f"{{ a{n} }}"))

    assert [isinstance(persisted.resolve(apq(f"{{ a{n} }}")), str) for n in range(20)] == [False] * 15 + [True] * 5
