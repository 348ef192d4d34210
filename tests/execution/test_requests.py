"""The form of a request, and of the JSON it comes in."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as some

from api.execution.errors import Refused
from api.execution.requests import VALUES_MAX, GraphQLRequest, decode_json, read_json_request, read_request


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


ANY_JSON = some.recursive(
    some.none() | some.booleans() | some.integers(-9, 9) | some.text("\0\\u0,[{:x", max_size=8),
    lambda inner: some.lists(inner) | some.dictionaries(some.text("\0\\u0x"), inner),
    max_leaves=40,
)


@given(value=ANY_JSON, escapes=some.booleans())
def test_a_text_is_refused_for_nul_exactly_where_its_values_are(value: Any, escapes: bool) -> None:
    parameters = {"query": "{ a }", "variables": {"a": value}}
    body = orjson.dumps(parameters)
    if escapes:  # what need not be escaped may be
        body = body.replace(b"x", b"\\u0078")

    assert outcome(read_json_request, body) == outcome(read_request, parameters)


@pytest.mark.parametrize(
    ("value", "size"), [(1, 1), ([], 1), ({}, 1), ("a,b:[{", 1), ({"": 1}, 3), ([[]], 2), ({"a": [0]}, 4)]
)
@pytest.mark.parametrize("too_many", [False, True])
def test_a_text_is_refused_for_its_values_exactly_where_they_are_too_many(
    value: object, size: int, too_many: bool
) -> None:
    others = 7  # the object, its two names, the query, the variables, their one name, its list
    count = (VALUES_MAX - others) // size + too_many
    parameters = {"query": "{ a }", "variables": {"a": [value] * count}}

    found = outcome(read_json_request, orjson.dumps(parameters))

    assert found == outcome(read_request, parameters)
    assert (found == "LIMIT_EXCEEDED") is too_many


def outcome(read: Any, given: Any) -> Any:
    """Return the request that is read, or as what it is refused."""
    try:
        return read(given)
    except Refused as refused:
        return refused.code
