"""What is shown of an error, and what is not."""

import logging

import pytest
from graphql import GraphQLError, located_error

from api.execution.errors import Code, Refused, coded, format_bug, format_execution_errors, format_request_errors


def test_an_error_of_the_engine_is_shown_with_its_code() -> None:
    errors = format_request_errors([coded("Too deep", Code.LIMIT_EXCEEDED)], "r1")

    assert errors == ({"message": "Too deep", "extensions": {"code": "LIMIT_EXCEEDED", "requestId": "r1"}},)


def test_an_error_that_a_resolver_meant_for_the_caller_is_shown_as_it_is() -> None:
    meant = GraphQLError("You may not", extensions={"code": "FORBIDDEN", "hint": "ask"})

    errors = format_execution_errors([located_error(meant, None, ["a", 1])], "r1")

    extensions = {"code": "FORBIDDEN", "hint": "ask", "requestId": "r1"}
    assert errors == ({"message": "You may not", "path": ["a", 1], "extensions": extensions},)


class Impostor(Exception):
    extensions = {"code": "FORBIDDEN"}  # noqa: RUF012


@pytest.mark.parametrize(
    "raised",
    [
        RuntimeError("swordfish"),
        GraphQLError("swordfish"),
        GraphQLError("swordfish", extensions={"hint": "no code"}),
        Impostor("swordfish"),
    ],
)
def test_everything_else_is_masked_and_logged_with_the_request_id(
    raised: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    errors = format_execution_errors([located_error(raised, None, ["a"])], "r1")

    masked = {"message": "Internal error", "path": ["a"], "extensions": {"code": "INTERNAL", "requestId": "r1"}}
    assert errors == (masked,)
    assert [(record.levelno, "r1" in record.message) for record in caplog.records] == [(logging.ERROR, True)]
    assert "swordfish" in caplog.text


def test_a_thousand_equal_bugs_do_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    errors = format_execution_errors([located_error(RuntimeError("swordfish"), None, ["a"])] * 1_000, "r1")

    assert len(errors) == 1_000
    assert len(caplog.records) == 10


def test_a_bug_tells_the_caller_its_request_id_only(caplog: pytest.LogCaptureFixture) -> None:
    assert format_bug(RuntimeError("swordfish"), "r1") == {
        "message": "Internal error",
        "extensions": {"code": "INTERNAL", "requestId": "r1"},
    }
    assert "swordfish" in caplog.text


def test_a_refusal_cannot_overwrite_its_code_with_an_extension() -> None:
    refused = Refused("UNAUTHENTICATED", "No", 401, extensions={"code": "other", "requestId": "other", "hint": "ask"})

    assert refused.formatted("r1") == {
        "message": "No",
        "extensions": {"hint": "ask", "code": "UNAUTHENTICATED", "requestId": "r1"},
    }


def test_a_message_is_never_longer_than_anybody_reads() -> None:
    assert len(coded("x" * 10_000, Code.BAD_REQUEST).message) == 1_000
