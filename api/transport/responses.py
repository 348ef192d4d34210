"""Writes an HTTP response: JSON, compressed where that pays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from api.transport.asgi import Exchange
from api.transport.compression import compressed

STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}


@dataclass(slots=True)
class Response:
    """A response that fits into memory."""

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def own_headers(self) -> dict[str, str]:
        """Return its headers, but for those that depend on its body."""
        headers = {"x-content-type-options": "nosniff", **self.headers}
        if self.media_type:
            headers["content-type"] = f"{self.media_type}; charset=utf-8"
        return headers

    def prepared(self, accept_encoding: str) -> tuple[dict[str, str], bytes]:
        """Return its headers and its body, compressed if it is large and the client can read that."""
        headers = self.own_headers()
        body, encoding = compressed(self.body, accept_encoding)
        if encoding is not None:
            headers["content-encoding"] = encoding
        if self.status not in {204, 304}:
            headers["content-length"] = str(len(body))
        return headers, body

    async def transmit(self, exchange: Exchange) -> None:
        """Send the response."""
        headers, body = self.prepared(exchange.headers.get("accept-encoding", ""))
        if exchange.respond(self.status, headers, body):
            return
        send = exchange.send
        await send({"type": "http.response.start", "status": self.status, "headers": encode_headers(headers)})
        await send({"type": "http.response.body", "body": body})


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]


def lines_of(status: int, headers: Mapping[str, str]) -> bytes:
    """Return a status and headers as they are sent, all but the empty line at the end.

    Raises: ValueError, for a line break in a value, which would be a header of somebody else's.
    """
    named = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
    if named.count("\n") != len(headers) - 1 or named.count("\r") != len(headers) - 1:
        raise ValueError("a header holds a line break")
    return f"{STATUS_LINES[status]}{named}\r\n".encode("latin-1", "replace")
