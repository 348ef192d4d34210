"""Reads what an HTTP request asks for: no more than allowed, for no longer than allowed, and only JSON."""

import asyncio
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from api.execution.errors import Code, Refused
from api.execution.requests import decode_json
from api.execution.timing import TimeLimit
from api.transport.asgi import Headers, Receive
from api.transport.operations import Disconnected

THROWN_AWAY_MAX = 16 * 2**20  # bytes
PATIENCE_S = 0.5


def check_content_type(headers: Headers) -> None:
    """Refuse a body that is not called JSON.

    This is also what keeps other sites' pages from sending requests: a browser sends JSON elsewhere only after it
    asked for permission.

    Raises: Refused.
    """
    media_type, _, parameters = headers.get("content-type", "").partition(";")
    charset = parameters.lower().replace(" ", "").replace('"', "").partition("charset=")[2].partition(";")[0]
    if media_type.strip().lower() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, "Send `Content-Type: application/json`, encoded as UTF-8.", 415)
    if headers.get("content-encoding", "identity").lower() != "identity":
        message = "Bodies that are compressed are not read: send this one without a Content-Encoding."
        raise Refused(Code.UNSUPPORTED_MEDIA_TYPE, message, 415, headers={"accept-encoding": "identity"})


async def read_body(headers: Headers, receive: Receive, *, size_max: int, limit: TimeLimit) -> bytes:
    """Receive a body, within a limit of time.

    Units: size_max in bytes.
    Raises: Refused, Disconnected.
    """
    length = headers.get("content-length", "0")
    try:
        if length.isdecimal() and int(length[:20]) > size_max:
            raise await _too_large(receive, size_max)
        return await limit(_receive_all(receive, size_max))
    except TimeoutError:
        message = f"The body did not arrive within {limit.seconds:g} seconds."
        raise Refused(Code.REQUEST_TIMEOUT, message, 408, headers={"connection": "close"}) from None


def read_query(query_string: bytes) -> dict[str, Any]:
    """Read the parameters of a URL: `variables` and `extensions` are JSON.

    Raises: Refused.
    """
    if not query_string:
        return {}
    try:
        fields = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except (UnicodeError, ValueError):
        raise Refused(Code.BAD_REQUEST, "The query of the URL is not encoded as UTF-8 form data.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise Refused(Code.BAD_REQUEST, "A parameter of the URL is there twice.")
    parameters: dict[str, Any] = {name: values[0] for name, values in fields.items()}
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name]) if parameters[name] else None
    return parameters


async def _receive_all(receive: Receive, size_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        part, more = await _receive_part(receive)
        size += len(part)
        if size > size_max:
            raise await _too_large(receive, size_max)
        parts.append(part)
        if not more:
            return b"".join(parts)


async def _receive_part(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    return message.get("body", b""), message.get("more_body", False)


async def _too_large(receive: Receive, size_max: int) -> Refused:
    """Make the refusal, after throwing away some of what still comes.

    Many clients read no answer before they have sent their body, and a connection that is closed under them is
    all that they would see.
    """
    thrown_away = 0
    more = True
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while more and thrown_away < THROWN_AWAY_MAX:
                part, more = await _receive_part(receive)
                thrown_away += len(part)
    message = f"The body is larger than {size_max:,} bytes."
    return Refused(Code.PAYLOAD_TOO_LARGE, message, 413, headers={"connection": "close"})
