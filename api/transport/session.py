"""The life of one socket: introduced once, then many operations side by side.

There is one way out of `run`, and it leads through the end of all operations.

Nothing is queued for a client: whoever has something to say waits until the server can take it, so a slow reader
slows down its own operations and nothing else.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Generic

from api.execution.announcements import Stream
from api.execution.engine import Authenticate, Caller, Engine
from api.execution.errors import Code, Refused, format_bug, is_final, log_bug
from api.execution.outlets import Behind, Item
from api.execution.requests import read_request
from api.execution.results import Result, refusal
from api.transport.asgi import Headers, Receive, Send, SendNow
from api.transport.attempts import attempt
from api.transport.operations import Disconnected, Offer, Operations, answered
from api.transport.protocol import (
    ClientMessage,
    Close,
    CloseCode,
    Complete,
    ConnectionInit,
    Ping,
    Subscribe,
    complete_message,
    connection_ack,
    error_message,
    next_lead,
    next_message,
    payload_text,
    pong,
    read_message,
)


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How much one socket may ask for."""

    init_timeout_s: float = 10.0
    frame_max: int = 2**20  # characters
    operations_max: int = 100
    ending_timeout_s: float = 10.0
    sockets_max: int = 100  # of one caller, introduced


DEFAULT_SOCKET_LIMITS = SocketLimits()


class Session(Generic[Caller]):
    """One accepted socket."""

    # There may be very many, and most of them wait.
    __slots__ = (
        "_admit",
        "_begun",
        "_closed",
        "_credentials",
        "_engine",
        "_headers",
        "_limits",
        "_operations",
        "_receive",
        "_request_id",
        "_send_now",
        "_transmit",
    )

    def __init__(  # noqa: PLR0913, PLR0917 - it is put together from these
        self,
        engine: Engine[Caller],
        headers: Headers,
        request_id: str,
        receive: Receive,
        send: Send,
        limits: SocketLimits,
        admit: Callable[[Caller], AbstractContextManager[None]] = lambda _: nullcontext(),
        send_now: SendNow | None = None,
    ) -> None:
        self._engine = engine
        self._headers = headers
        self._request_id = request_id
        self._receive = receive
        self._transmit = send
        self._send_now = send_now
        self._limits = limits
        self._admit = admit
        self._credentials: Headers | None = None  # once the client is introduced
        self._closed = False
        self._begun = 0  # operations so far, to tell their request ids apart
        self._operations = Operations(self, at_most=limits.operations_max, ending_timeout_s=limits.ending_timeout_s)

    async def run(self) -> None:
        """Serve the socket until either side closes it; then nothing of it remains."""
        try:
            caller = await self._initialise()
            with self._admit(caller):
                await self._send(connection_ack())
                while True:
                    await self._handle(await self._next_message(), caller)
        except Disconnected:
            pass
        except Close as close:
            await self.close(close.code, close.reason)
        except Exception as error:  # a bug, and the client should know that the fault is not its own
            format_bug(error, self._request_id)
            await self.close(CloseCode.INTERNAL_SERVER_ERROR, "Internal error")
        finally:
            self._closed = True
            await self._operations.end()

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, once."""
        if not self._closed:
            self._closed = True
            try:
                await self._transmit({"type": "websocket.close", "code": int(code), "reason": reason})
            except (OSError, RuntimeError):  # the client was faster
                return

    async def recheck(self, authenticate: Authenticate[Caller]) -> None:
        """Close the socket if its client would not be let in any more."""
        if self._credentials is None:
            return
        try:
            await authenticate(self._credentials)
        except Refused as refused:
            if is_final(refused):
                close = _forbidden(refused)
                await self.close(close.code, close.reason)
        except Exception as error:  # that nobody can be recognised now is no reason to send all away
            log_bug(error, self._request_id)

    async def _initialise(self) -> Caller:
        """Wait for the client to introduce itself, and find out who it is."""
        try:
            async with asyncio.timeout(self._limits.init_timeout_s) as timeout:
                message = await self._next_message()
                while not isinstance(message, ConnectionInit):
                    await self._handle_uninitialised(message)
                    message = await self._next_message()
                caller = await self._authenticate(message)
        except TimeoutError:
            if not timeout.expired():
                raise
            raise Close(CloseCode.CONNECTION_INITIALISATION_TIMEOUT, "Connection initialisation timeout") from None
        return caller

    async def _authenticate(self, message: ConnectionInit) -> Caller:
        given = {name.lower(): value for name, value in message.payload.items() if isinstance(value, str)}
        # A browser cannot set headers on a handshake, so its key comes in the payload. All else that the handshake
        # said stands: proxies write there what they vouch for.
        headers = {**given, **self._headers}
        if "authorization" in given:
            headers["authorization"] = given["authorization"]
        self._engine.listen(headers)
        try:
            caller = await self._engine.authenticate(headers)
        except Refused as refused:
            raise _forbidden(refused) from None
        self._headers = self._credentials = headers
        return caller

    async def _handle_uninitialised(self, message: ClientMessage) -> None:
        match message:
            case Subscribe():
                raise Close(CloseCode.UNAUTHORIZED, "Unauthorized")
            case Ping(payload):
                await self._send(pong(payload))

    async def _handle(self, message: ClientMessage, caller: Caller) -> None:
        match message:
            case Subscribe():
                await self._begin(message, caller)
            case Complete(operation_id):
                self._operations.cancel(operation_id)
            case Ping(payload):
                await self._send(pong(payload))
            case ConnectionInit():
                raise Close(CloseCode.TOO_MANY_INITIALISATION_REQUESTS, "Too many initialisation requests")

    async def _begin(self, message: Subscribe, caller: Caller) -> None:
        if message.id in self._operations:
            reason = f"Subscriber for {message.id} already exists"
            raise Close(CloseCode.SUBSCRIBER_ALREADY_EXISTS, reason)
        self._begun += 1
        request_id = f"{self._request_id}:{self._begun}"
        if self._operations.full:
            most = f"At most {self._limits.operations_max} operations at once on a socket."
            refused = Refused(Code.TOO_MANY_OPERATIONS, most, 429)
            await self.on_error(message.id, refusal(refused, request_id))
            return

        async def start() -> Stream | Result:
            return await self._engine.subscribe(read_request(message.payload), caller, request_id)

        self._operations.begin(message.id, lambda: answered(start, request_id), request_id)

    async def on_next(self, operation_id: str, result: Result) -> None:
        """Send a result."""
        await self._send(next_message(operation_id, result))

    async def on_error(self, operation_id: str, result: Result) -> None:
        """Send why an operation was not executed."""
        await self._send(error_message(operation_id, result))

    async def on_complete(self, operation_id: str) -> None:
        """Send that an operation has ended."""
        await self._send(complete_message(operation_id))

    def offering(self, operation_id: str) -> Offer:
        """Return what sends the results of a broadcast under an operation's id."""
        lead = next_lead(operation_id)
        start = lead.encode()
        send_now = self._send_now

        def offer(items: Sequence[Item]) -> Behind | None:
            if self._closed:
                return None
            try:
                if send_now is not None and send_now([b"%b%b}" % (start, item.body) for item in items]):
                    return None
                for number, item in enumerate(items, 1):
                    text = f"{lead}{item.form(payload_text)}}}"
                    rest = attempt(self._transmit({"type": "websocket.send", "text": text}))
                    if rest is not None:
                        return Behind(number, rest)
            except (OSError, RuntimeError):  # closed already: what ends the session is on its way
                pass
            return None

        return offer

    async def _next_message(self) -> ClientMessage:
        event = await self._receive()
        if event["type"] == "websocket.disconnect":
            raise Disconnected
        return read_message(event.get("text"), self._limits.frame_max)

    async def _send(self, text: str) -> None:
        if self._closed:
            raise Disconnected
        try:
            await self._transmit({"type": "websocket.send", "text": text})
        except (OSError, RuntimeError):  # what servers raise when the socket is closed already
            raise Disconnected from None


def _forbidden(refused: Refused) -> Close:
    return Close(CloseCode.FORBIDDEN, f"{refused.code}: {refused.message}")
