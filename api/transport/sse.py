"""GraphQL over server-sent events: one connection for each operation, or one for all of a client.

Browsers open six connections to a host over HTTP/1, so there is the single connection mode: the client reserves a
stream, listens to it, and asks for operations in requests of their own, which name the reservation.

A reservation is a secret of 256 bits. Who knows it may listen, and may add results of its own operations; each
request for an operation is authenticated like any other.
"""

import asyncio
import secrets
from collections.abc import Mapping

from api.execution.errors import Code, Refused
from api.transport.asgi import Headers
from api.transport.event_stream import DEFAULT_STREAM_LIMITS, Authenticated, EventStreamResponse, StreamLimits
from api.transport.operations import Start
from api.transport.protocol import ID_MAX

CLOSING_TIMEOUT_S = 5.0


class EventStreams:
    """The open event streams of one endpoint, and those that are reserved."""

    def __init__(self, limits: StreamLimits = DEFAULT_STREAM_LIMITS) -> None:
        self._limits = limits
        self._open: set[EventStreamResponse] = set()
        self._by_token: dict[str, EventStreamResponse] = {}
        self._expiring: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        """The number of streams, reserved ones included."""
        return len(self._open)

    def open(self, start: Start, request_id: str, credentials: Headers) -> EventStreamResponse:
        """Open a stream for one operation: the mode of distinct connections."""
        stream = EventStreamResponse(
            many=False, credentials=credentials, on_end=self._open.discard, limits=self._limits
        )
        self._open.add(stream)
        stream.begin(start, request_id)
        return stream

    def reserve(self, credentials: Headers) -> str:
        """Reserve a stream for many operations; return the token that it is known by.

        Raises: Refused.
        """
        if len(self._by_token) >= self._limits.reservations_max:
            raise Refused(Code.TOO_MANY_OPERATIONS, "There are too many reservations. Try again later.", 503)
        token = secrets.token_urlsafe(32)
        stream = EventStreamResponse(
            many=True, credentials=credentials, on_end=lambda ended: self._forget(token, ended), limits=self._limits
        )
        self._by_token[token] = stream
        self._open.add(stream)
        asyncio.get_running_loop().call_later(self._limits.reserved_s, self._expire, stream)
        return token

    def connect(self, token: str) -> EventStreamResponse:
        """Return the stream of a reservation to the one client that may listen to it.

        Raises: Refused.
        """
        stream = self._find(token)
        if stream.connected:
            raise Refused(Code.CONFLICT, "The stream is open already.", 409)
        return stream

    def begin(self, token: str, extensions: Mapping[str, object], start: Start, request_id: str) -> None:
        """Begin an operation, whose results go to the stream of a reservation.

        Raises: Refused.
        """
        operations = self._find(token).operations
        operation_id = extensions.get("operationId")
        if not isinstance(operation_id, str) or not 0 < len(operation_id) <= ID_MAX:
            message = f"The extension `operationId` is not a string of 1 to {ID_MAX} characters."
            raise Refused(Code.BAD_REQUEST, message)
        if operation_id in operations:
            raise Refused(Code.CONFLICT, "There is an operation with this id already.", 409)
        if operations.full:
            raise Refused(Code.TOO_MANY_OPERATIONS, "There are too many operations on this stream.", 429)
        operations.begin(operation_id, start, request_id)

    def complete(self, token: str, operation_id: str) -> None:
        """End an operation that its client wants to hear no more of.

        Raises: Refused.
        """
        self._find(token).operations.cancel(operation_id)

    async def recheck(self, authenticate: Authenticated) -> None:
        """End the streams of clients that would not be let in any more."""
        for stream in list(self._open):
            await stream.recheck(authenticate)

    async def close(self) -> None:
        """End all streams, so that clients connect again elsewhere, and wait for their operations to end."""
        streams = list(self._open)
        for stream in streams:
            stream.finish()
        if streams:
            ending = [asyncio.ensure_future(stream.end()) for stream in streams]
            await asyncio.wait(ending, timeout=CLOSING_TIMEOUT_S)

    def _find(self, token: str) -> EventStreamResponse:
        stream = self._by_token.get(token)
        if stream is None:
            raise Refused(Code.NOT_FOUND, "There is no such stream.", 404)
        return stream

    def _forget(self, token: str, stream: EventStreamResponse) -> None:
        self._by_token.pop(token, None)
        self._open.discard(stream)

    def _expire(self, stream: EventStreamResponse) -> None:
        """Drop a reservation that nobody came for."""
        if not stream.connected and stream in self._open:
            ending = asyncio.ensure_future(stream.end())
            self._expiring.add(ending)
            ending.add_done_callback(self._expiring.discard)
