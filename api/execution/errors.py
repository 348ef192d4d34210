"""What a caller is told when something goes wrong: decided here and nowhere else.

- What the engine itself says about a document or its variables is shown, with a code.
- What a resolver raises is shown when it is a `GraphQLError` that carries `extensions.code`: somebody meant it
  for the caller.
- What else it raises may be explained by whoever runs the engine: that there is too much to do, for example.
- Everything else is a bug. The caller learns that there was one and its request id; the log learns the rest.

`Refused` is the refusal of a whole request, raised by the transports and by the authenticator they are given.

The engine speaks English and has no catalogue. Whoever runs it may hand it an interpreter, which says the message of a
code in the language that the request's headers ask for; the transports set it once for each request or socket.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias

from graphql import FieldNode, GraphQLError

logger = logging.getLogger(__name__)

FormattedError: TypeAlias = dict[str, Any]

# Says the message of an error that has this code.
Say: TypeAlias = Callable[[str, str], str]

SAY: ContextVar[Say] = ContextVar("SAY")

# Says what an exception that carries no code means to a caller, if it means anything.
Explain: TypeAlias = Callable[[Exception], GraphQLError | None]

EXPLAIN: ContextVar[Explain] = ContextVar("EXPLAIN")

MESSAGE_MAX = 1_000
LOGGED_MAX = 10


class Code(StrEnum):
    """The values of `extensions.code` that the engine gives out."""

    GRAPHQL_PARSE_FAILED = "GRAPHQL_PARSE_FAILED"
    GRAPHQL_VALIDATION_FAILED = "GRAPHQL_VALIDATION_FAILED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    OPERATION_RESOLUTION_FAILURE = "OPERATION_RESOLUTION_FAILURE"
    BAD_USER_INPUT = "BAD_USER_INPUT"
    BAD_REQUEST = "BAD_REQUEST"
    PERSISTED_QUERY_NOT_FOUND = "PERSISTED_QUERY_NOT_FOUND"
    PERSISTED_QUERY_MISMATCH = "PERSISTED_QUERY_MISMATCH"
    DOCUMENT_NOT_FOUND = "DOCUMENT_NOT_FOUND"
    RATE_LIMITED = "RATE_LIMITED"
    DEADLINE_EXCEEDED = "DEADLINE_EXCEEDED"
    STREAM_REQUIRED = "STREAM_REQUIRED"
    TOO_MANY_OPERATIONS = "TOO_MANY_OPERATIONS"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    NOT_ACCEPTABLE = "NOT_ACCEPTABLE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    INTERNAL = "INTERNAL"


class Refused(Exception):
    """A request is refused as a whole: nothing was executed."""

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        extensions: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        super().__init__(message)
        self.code = str(code)
        self.message = message
        self.status = status
        self.headers = headers
        self.extensions = extensions

    def formatted(self, request_id: str) -> FormattedError:
        """Return the refusal as an entry of a response's `errors`."""
        extensions = {**self.extensions, "code": self.code, "requestId": request_id}
        return {"message": _said(self.code, self.message), "extensions": extensions}


def is_final(refused: Refused) -> bool:
    """Tell whether a refusal is meant, and not only for want of time or of a database."""
    return refused.status < 500


def as_written(code: str, message: str) -> str:
    """Leave a message as it is."""
    return message


def unexplained(_: Exception) -> None:
    """Explain nothing."""


def _said(code: str, message: str) -> str:
    return SAY.get(as_written)(code, message)[:MESSAGE_MAX]


def coded(message: str, code: Code, *, at: GraphQLError | None = None) -> GraphQLError:
    """Make an error of the engine; with `at`, at the place of another but without holding on to its syntax tree."""
    return GraphQLError(
        message[:MESSAGE_MAX],
        source=at.source if at else None,
        positions=at.positions if at else None,
        extensions={"code": code.value},
    )


def format_request_errors(errors: Iterable[GraphQLError], request_id: str) -> tuple[FormattedError, ...]:
    """Format what the engine says about a request before it is executed: all of it is for the caller."""
    return tuple(_format(error, error.extensions or {}, request_id) for error in errors)


def format_execution_errors(errors: Iterable[GraphQLError], request_id: str) -> tuple[FormattedError, ...]:
    """Format what happened while executing; log in full and mask what was not meant for the caller."""
    formatted = []
    masked = 0
    for error in errors:
        origin = _origin(error)
        origin = EXPLAIN.get(unexplained)(origin) or origin
        if isinstance(origin, GraphQLError) and "code" in (origin.extensions or {}):
            formatted.append(_format(error, origin.extensions or {}, request_id, origin.message))
        elif _is_bad_input(origin):
            formatted.append(_format(error, {"code": Code.BAD_USER_INPUT.value}, request_id))
        else:
            masked += 1
            if masked <= LOGGED_MAX:
                log_bug(origin, request_id, path=error.path)
            formatted.append(_masked(error, request_id))
    return tuple(formatted)


def format_bug(error: BaseException, request_id: str) -> FormattedError:
    """Log an exception that nobody expected, and say no more than that there was one."""
    log_bug(error, request_id)
    return _masked(None, request_id)


def log_bug(error: BaseException, request_id: str, *, path: list[str | int] | None = None) -> None:
    """Write an unexpected exception to the log with everything that is known of it."""
    where = ".".join(map(str, path or ()))
    logger.error("request %s failed at %s: %r", request_id, where or "no field", error, exc_info=error)


def _origin(error: GraphQLError) -> Exception:
    """Return what was raised first: executors wrap it to add the path."""
    origin: Exception = error
    while isinstance(origin, GraphQLError) and origin.original_error:
        origin = origin.original_error
    return origin


def _is_bad_input(origin: Exception) -> bool:
    """Tell an argument that the executor could not coerce from a value that it could not serialize.

    Both are raised by graphql-core while executing, without a code. The first blames the argument's value in the
    document; the second blames a field, or nothing, and its message shows our data.
    """
    nodes = origin.nodes if isinstance(origin, GraphQLError) else None
    return bool(nodes) and not any(isinstance(node, FieldNode) for node in nodes or ())


def _masked(error: GraphQLError | None, request_id: str) -> FormattedError:
    masked = GraphQLError("Internal error", nodes=error.nodes if error else None, path=error.path if error else None)
    return _format(masked, {"code": Code.INTERNAL.value}, request_id)


def _format(
    error: GraphQLError, extensions: Mapping[str, Any], request_id: str, message: str | None = None
) -> FormattedError:
    # What was raised may be more than its text, of which the executor only keeps a copy.
    formatted: FormattedError = {"message": _said(str(extensions["code"]), message or error.message)}
    if error.locations:
        formatted["locations"] = [{"line": at.line, "column": at.column} for at in error.locations]
    if error.path:
        formatted["path"] = error.path
    formatted["extensions"] = {**extensions, "requestId": request_id}
    return formatted
