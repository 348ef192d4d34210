"""One response of server-sent events, after the protocol `graphql-sse`: what is written, and when it ends.

Source: https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md and the HTML standard on event streams.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from api.execution.errors import Refused, is_final, log_bug
from api.execution.outlets import Behind, Item
from api.execution.results import Result, encode
from api.transport.asgi import Exchange, Headers, Receive, Send
from api.transport.attempts import attempt
from api.transport.negotiation import EVENT_STREAM
from api.transport.operations import Disconnected, Offer, Operations, Start
from api.transport.responses import encode_headers

KEEP_ALIVE = b":\n\n"

HEADERS = {
    "content-type": f"{EVENT_STREAM}; charset=utf-8",
    "cache-control": "private, no-store",
    "x-accel-buffering": "no",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How much event streams may ask for, and how long what is silent is kept."""

    operations_max: int = 100  # on one stream
    reservations_max: int = 1_000
    reserved_s: float = 30.0  # until the client must have come
    keep_alive_s: float = 12.0  # proxies close what is silent for a minute
    ending_timeout_s: float = 10.0


DEFAULT_STREAM_LIMITS = StreamLimits()


# Asks again who opened a stream with these headers, and raises Refused when the answer has changed.
Authenticated: TypeAlias = Callable[[Headers], Awaitable[object]]


class EventStreamResponse:
    """Sends the results of operations as events, as long as the client listens."""

    def __init__(
        self,
        *,
        many: bool,
        credentials: Headers,
        on_end: Callable[["EventStreamResponse"], None],
        limits: StreamLimits = DEFAULT_STREAM_LIMITS,
    ) -> None:
        self.headers: dict[str, str] = {}
        self.operations = Operations(self, at_most=limits.operations_max, ending_timeout_s=limits.ending_timeout_s)
        self._limits = limits
        self._many = many
        self._credentials = credentials
        self._on_end = on_end
        self._send: Send | None = None
        self._connected = asyncio.Event()
        self._finished = asyncio.Event()

    @property
    def connected(self) -> bool:
        """Whether a client listens, or did."""
        return self._connected.is_set()

    def finish(self) -> None:
        """End the response, without telling that its operations were complete: the client should come back."""
        self._finished.set()

    async def recheck(self, authenticate: Authenticated) -> None:
        """End the response if who opened it would not be let in any more."""
        try:
            await authenticate(self._credentials)
        except Refused as refused:
            if is_final(refused):
                self.finish()
        except Exception as error:  # that nobody can be recognised now is no reason to send all away
            log_bug(error, "of a stream")

    def begin(self, start: Start, request_id: str) -> None:
        """Begin the only operation of a distinct connection."""
        self.operations.begin("", start, request_id)

    async def transmit(self, exchange: Exchange) -> None:
        """Send events until the client goes away or there are no more to come."""
        send = exchange.send
        gone = asyncio.create_task(_until_disconnected(exchange.receive))
        finished = asyncio.create_task(self._finished.wait())
        try:
            headers = encode_headers({**HEADERS, **self.headers})
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            self._send = send
            self._connected.set()
            while not gone.done() and not finished.done():
                await self._write(KEEP_ALIVE)
                await asyncio.wait(
                    {gone, finished}, timeout=self._limits.keep_alive_s, return_when=asyncio.FIRST_COMPLETED
                )
            if not gone.done():
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        except Disconnected:
            pass
        finally:
            gone.cancel()
            finished.cancel()
            await self.end()

    async def end(self) -> None:
        """End all operations, also of a response that nobody came for."""
        self._finished.set()
        await self.operations.end()
        self._on_end(self)

    async def on_next(self, operation_id: str, result: Result) -> None:
        """Send a result."""
        await self._write(wrapped_event(encode(operation_id), result) if self._many else next_event(result))

    async def on_error(self, operation_id: str, result: Result) -> None:
        """Send why an operation was not executed: this protocol has no message of its own for that."""
        await self.on_next(operation_id, result)
        await self.on_complete(operation_id)

    async def on_complete(self, operation_id: str) -> None:
        """Send that an operation has ended."""
        if self._many:
            await self._write(event("complete", b'{"id":%b}' % encode(operation_id)))
        else:
            await self._write(event("complete", b""))
            self._finished.set()

    def offering(self, operation_id: str) -> Offer:
        """Return what sends the results of a broadcast."""
        identity = encode(operation_id)

        def offer(items: Sequence[Item]) -> Behind | None:
            many = self._many
            data = [wrapped_event(identity, item.result) if many else item.form(next_event) for item in items]
            try:
                rest = attempt(self._write(b"".join(data)))
            except Disconnected:  # what ends the response is on its way
                return None
            return Behind(len(items), rest) if rest is not None else None

        return offer

    async def _write(self, data: bytes) -> None:
        await self._connected.wait()  # operations may begin before the client listens
        if self._finished.is_set() or self._send is None:
            raise Disconnected
        try:
            await self._send({"type": "http.response.body", "body": data, "more_body": True})
        except (OSError, RuntimeError):  # what servers raise when the connection is closed already
            raise Disconnected from None


def next_event(result: Result) -> bytes:
    """Write a result of a stream's only operation, with the cursor where the stream can be taken up again."""
    return event("next", result.json(), cursor_of(result))


def wrapped_event(identity: bytes, result: Result) -> bytes:
    """Write a result of one of a stream's operations, whose id is JSON already."""
    return event("next", b'{"id":%b,"payload":%b}' % (identity, result.json()))


def event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """Write one event. JSON has no line breaks, so the data is one line."""
    identity = b"id: %b\n" % event_id.encode() if event_id else b""
    return b"event: %b\n%bdata: %b\n\n" % (name.encode(), identity, data)


def cursor_of(result: Result) -> str | None:
    """Return where a stream can be taken up again after this event: its `cursor`, if the client asked for that."""
    if not isinstance(result.data, dict) or len(result.data) != 1:
        return None
    (value,) = result.data.values()
    cursor = value.get("cursor") if isinstance(value, dict) else None
    return cursor if isinstance(cursor, str) and cursor.isascii() and cursor.isprintable() else None


async def _until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
