"""The form of a request, and of the JSON it comes in."""

import pytest

from api.execution.errors import Refused
from api.execution.requests import GraphQLRequest, decode_json, read_request


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"NaN", b"Infinity", b"1e999", b'"\\ud800"', b'"\xff"', b"[" * 100_000, b"{'a': 1}", b'"a\nb"', b"\0"],
)
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        decode_json(body)

    assert (refused.value.code, refused.value.status) == ("BAD_REQUEST", 400)


@pytest.mark.parametrize(
    "parameters",
    [
        5,
        None,
        "x",
        True,
        [],
        [{"query": "{ a }"}],
        {},
        {"qeury": "{ a }"},
        {"query": None},
        {"query": 5},
        {"query": ["{ a }"]},
        {"query": "{ a }", "variables": [7]},
        {"query": "{ a }", "variables": "{}"},
        {"query": "{ a }", "extensions": 1},
        {"query": "{ a }", "operationName": {}},
        {"query": "{ a }", "documentId": 1},
        {"query": "{ a }", "variables": {"a": ["b", {"c": "d\0"}]}},
        {"query": "{ a }", "variables": {"a\0": 1}},
        {"query": "{ a }", "operationName": "\0"},
    ],
)
def test_what_is_no_request_is_refused(parameters: object) -> None:
    with pytest.raises(Refused) as refused:
        read_request(parameters)

    assert (refused.value.code, refused.value.status) == ("BAD_REQUEST", 400)


def test_all_that_is_optional_may_be_null_or_left_out() -> None:
    nulls = {"query": "{ a }", "operationName": None, "variables": None, "extensions": None, "documentId": None}

    assert read_request(nulls) == read_request({"query": "{ a }"}) == GraphQLRequest("{ a }")


def test_an_empty_operation_name_is_none() -> None:
    assert read_request({"query": "{ a }", "operationName": ""}).operation_name is None


@pytest.mark.parametrize(
    "variables", [{"a": [1] * 100_000}, {str(n): n for n in range(100_000)}, {"a": [[]] * 100_000}]
)
def test_more_values_than_anybody_needs_are_refused(variables: dict[str, object]) -> None:
    with pytest.raises(Refused) as refused:
        read_request({"query": "{ a }", "variables": variables})

    assert (refused.value.code, refused.value.status) == ("LIMIT_EXCEEDED", 400)


def test_the_values_of_a_thousand_actions_are_accepted() -> None:
    assert len(read_request({"query": "{ a }", "variables": {"a": [1] * 40_000}}).variables["a"]) == 40_000
