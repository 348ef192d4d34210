"""The life of one socket: introduced once, then many operations side by side.

Each operation is a task. What must never happen is that one outlives its socket: it would hold a subscription, and
whatever that holds, for ever. So there is one way out of `run`, and it leads through `_end_operations`.

Nothing is queued for a client: whoever has something to say waits until the server can take it, so a slow reader
slows down its own operations and nothing else.
"""

import asyncio
import logging
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic

from api.execution.errors import Code, Refused, format_bug
from api.execution.requests import read_request
from api.execution.results import Result, refusal
from api.execution.runtime import Caller, Engine
from api.transport.asgi import Headers, Receive, Send
from api.transport.bodies import Disconnected
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
    next_message,
    pong,
    read_message,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SocketLimits:
    """How much one socket may ask for."""

    init_timeout_s: float = 10.0
    frame_max: int = 2**20  # characters
    operations_max: int = 100
    ending_timeout_s: float = 10.0


DEFAULT_SOCKET_LIMITS = SocketLimits()


class Session(Generic[Caller]):
    """One accepted socket."""

    def __init__(
        self,
        engine: Engine[Caller],
        headers: Headers,
        request_id: str,
        receive: Receive,
        send: Send,
        limits: SocketLimits,
    ) -> None:
        self._engine = engine
        self._headers = headers
        self._request_id = request_id
        self._receive = receive
        self._transmit = send
        self._limits = limits
        self._closed = False
        self._begun = 0  # operations so far, to tell their request ids apart
        self._operations: dict[str, asyncio.Task[None]] = {}  # by their ids: those that the client still follows
        self._tasks: set[asyncio.Task[None]] = set()  # all that did not end yet

    async def run(self) -> None:
        """Serve the socket until either side closes it; then nothing of it remains."""
        try:
            caller = await self._initialise()
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
            await self._end_operations()

    async def close(self, code: int, reason: str) -> None:
        """Close the socket, once."""
        if not self._closed:
            self._closed = True
            try:
                await self._transmit({"type": "websocket.close", "code": int(code), "reason": reason})
            except (OSError, RuntimeError):  # the client was faster
                return

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
        await self._send(connection_ack())
        return caller

    async def _authenticate(self, message: ConnectionInit) -> Caller:
        given = {name.lower(): value for name, value in message.payload.items() if isinstance(value, str)}
        # A browser cannot set headers on a handshake, so its key comes in the payload. All else that the handshake
        # said stands: proxies write there what they vouch for.
        headers = {**given, **self._headers}
        if "authorization" in given:
            headers["authorization"] = given["authorization"]
        try:
            return await self._engine.authenticate(headers)
        except Refused as refused:
            raise Close(CloseCode.FORBIDDEN, f"{refused.code}: {refused.message}") from None

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
                task = self._operations.pop(operation_id, None)
                if task is not None:
                    task.cancel()
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
        if len(self._tasks) >= self._limits.operations_max:
            most = f"At most {self._limits.operations_max} operations at once on a socket."
            refused = Refused(Code.TOO_MANY_OPERATIONS, most, 429)
            await self._send(error_message(message.id, refusal(refused, request_id)))
            return
        task = asyncio.create_task(self._operate(message, caller, request_id))
        self._operations[message.id] = task
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _operate(self, message: Subscribe, caller: Caller, request_id: str) -> None:
        """Execute one operation, and say how it went."""
        try:
            last = await self._execute(message, caller, request_id)
        except Disconnected:
            return
        except Refused as refused:
            last = error_message(message.id, refusal(refused, request_id))
        except Exception as error:  # a bug ends the operation, not the socket
            result = Result(errors=(format_bug(error, request_id),), executed=False)
            last = error_message(message.id, result)
        # Forgotten before the client hears of the end, because then it may use the id again.
        self._operations.pop(message.id, None)
        try:
            await self._send(last)
        except Disconnected:
            return

    async def _execute(self, message: Subscribe, caller: Caller, request_id: str) -> str:
        """Send the results of an operation, and return the message that ends it."""
        request = read_request(message.payload)
        outcome = await self._engine.subscribe(request, caller, request_id)
        if isinstance(outcome, Result):
            if not outcome.executed:
                return error_message(message.id, outcome)
            await self._send(next_message(message.id, outcome))
            return complete_message(message.id)
        async with aclosing(outcome):
            async for result in outcome:
                if not result.executed:
                    return error_message(message.id, result)
                await self._send(next_message(message.id, result))
                # A source that has always something to say would let nobody else have a turn, not even who stops it.
                await asyncio.sleep(0)
        return complete_message(message.id)

    async def _end_operations(self) -> None:
        """End all operations, and see them end: generators are closed before the socket is forgotten."""
        for task in self._tasks:
            if not task.cancelling():  # a second cancellation would interrupt the cleaning up after the first
                task.cancel()
        if self._tasks:
            _, survivors = await asyncio.wait(self._tasks, timeout=self._limits.ending_timeout_s)
            if survivors:
                logger.error(
                    "request %s: %d operations did not end with their socket", self._request_id, len(survivors)
                )

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
