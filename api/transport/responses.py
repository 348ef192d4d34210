"""Writes an HTTP response: JSON, compressed where that pays."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from api.transport.asgi import Exchange
from api.transport.compression import compressed


@dataclass(slots=True)
class Response:
    """A response that fits into memory."""

    status: int
    body: bytes = b""
    media_type: str | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def transmit(self, exchange: Exchange) -> None:
        """Send the response, compressed if it is large and the client can read that."""
        headers = {"x-content-type-options": "nosniff", **self.headers}
        if self.media_type:
            headers["content-type"] = f"{self.media_type}; charset=utf-8"
        body, encoding = compressed(self.body, exchange.headers.get("accept-encoding", ""))
        if encoding is not None:
            headers["content-encoding"] = encoding
        if self.status not in {204, 304}:
            headers["content-length"] = str(len(body))
        if exchange.respond(self.status, headers, body):
            return
        send = exchange.send
        await send({"type": "http.response.start", "status": self.status, "headers": encode_headers(headers)})
        await send({"type": "http.response.body", "body": body})


def encode_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI wants them."""
    return [(name.encode("latin-1"), value.encode("latin-1", "replace")) for name, value in headers.items()]
