"""The messages and close codes of `graphql-transport-ws`: what a frame means, or why it means nothing.

A frame that is no message closes the socket with 4400. Whether the operation in it makes sense is not asked here:
that is answered with an `error` message, and the socket lives on.

Source: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeAlias

from api.execution.errors import Refused
from api.execution.requests import decode_json
from api.execution.results import Result, encode

SUBPROTOCOL = "graphql-transport-ws"

ID_MAX = 128
REASON_MAX = 123  # bytes: what a close frame has room for (RFC 6455, section 5.5)


class CloseCode(IntEnum):
    """Why the server closes a socket."""

    SERVICE_RESTART = 1012
    BAD_REQUEST = 4400
    UNAUTHORIZED = 4401
    FORBIDDEN = 4403
    SUBPROTOCOL_NOT_ACCEPTABLE = 4406
    CONNECTION_INITIALISATION_TIMEOUT = 4408
    SUBSCRIBER_ALREADY_EXISTS = 4409
    TOO_MANY_INITIALISATION_REQUESTS = 4429
    TOO_MANY_SOCKETS = 4429
    INTERNAL_SERVER_ERROR = 4500


class Close(Exception):
    """The socket must be closed."""

    def __init__(self, code: CloseCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:REASON_MAX].decode(errors="ignore")


@dataclass(frozen=True, slots=True)
class ConnectionInit:
    """The client introduces itself."""

    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subscribe:
    """The client asks for an operation, of any type."""

    id: str
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Complete:
    """The client wants to hear no more of an operation."""

    id: str


@dataclass(frozen=True, slots=True)
class Ping:
    """The client asks whether the server is there."""

    payload: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Pong:
    """The client is there."""


ClientMessage: TypeAlias = ConnectionInit | Subscribe | Complete | Ping | Pong


def read_message(frame: str | None, size_max: int) -> ClientMessage:
    """Read one frame; `None` stands for a binary one.

    Raises: Close, whatever the frame holds.
    """
    message = _decode(frame, size_max)
    payload = message.get("payload")
    if payload is not None and not isinstance(payload, dict):
        raise _bad("The payload is not an object")
    match message.get("type"):
        case "subscribe":
            if payload is None:
                raise _bad("The payload is missing")
            return Subscribe(_read_id(message), payload)
        case "complete":
            return Complete(_read_id(message))
        case "connection_init":
            return ConnectionInit(payload or {})
        case "ping":
            return Ping(payload)
        case "pong":
            return Pong()
        case _:
            raise _bad("The type of the message is unknown")


def _decode(frame: str | None, size_max: int) -> dict[str, Any]:
    if frame is None:
        raise _bad("Messages are text frames")
    if len(frame) > size_max:
        raise _bad(f"The message is larger than {size_max} characters")
    try:
        message = decode_json(frame)
    except Refused:
        raise _bad("The message is not JSON") from None
    if not isinstance(message, dict):
        raise _bad("The message is not an object")
    return message


def connection_ack() -> str:
    """Say that operations are welcome."""
    return '{"type":"connection_ack"}'


def pong(payload: dict[str, Any] | None) -> str:
    """Answer a ping, with what it held."""
    return '{"type":"pong"}' if payload is None else f'{{"type":"pong","payload":{encode(payload).decode()}}}'


def next_message(operation_id: str, result: Result) -> str:
    """Wrap a result. It is put together as text, because the result comes as JSON already."""
    return f"{next_lead(operation_id)}{payload_text(result)}}}"


def next_lead(operation_id: str) -> str:
    """Return how a result of an operation begins; it ends with the payload and a brace."""
    return f'{{"id":{_quoted(operation_id)},"type":"next","payload":'


def payload_text(result: Result) -> str:
    """Return a result as it is wrapped."""
    return result.json().decode()


def error_message(operation_id: str, result: Result) -> str:
    """Say why an operation was not executed; it is the last message about it."""
    return f'{{"id":{_quoted(operation_id)},"type":"error","payload":{encode(result.errors).decode()}}}'


def complete_message(operation_id: str) -> str:
    """Say that nothing more will come of an operation."""
    return f'{{"id":{_quoted(operation_id)},"type":"complete"}}'


def _quoted(text: str) -> str:
    return encode(text).decode()


def _read_id(message: dict[str, Any]) -> str:
    operation_id = message.get("id")
    if not isinstance(operation_id, str) or not 0 < len(operation_id) <= ID_MAX:
        raise _bad(f"The id is not a string of 1 to {ID_MAX} characters")
    return operation_id


def _bad(reason: str) -> Close:
    return Close(CloseCode.BAD_REQUEST, reason)
