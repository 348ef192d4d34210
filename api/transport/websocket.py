"""GraphQL over WebSocket, after the protocol `graphql-transport-ws`: who may open a socket, and how all are closed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic

from api.execution.engine import Authenticate, Caller, Engine
from api.transport.asgi import Receive, Scope, Send, read_headers, read_request_id, read_send_now
from api.transport.origins import Origins
from api.transport.protocol import SUBPROTOCOL, Close, CloseCode
from api.transport.session import DEFAULT_SOCKET_LIMITS, Session, SocketLimits

CLOSING_TIMEOUT_S = 5.0

# What a handshake says of itself, and nobody asks for afterwards.
HANDSHAKE = {
    "connection",
    "upgrade",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-protocol",
    "sec-websocket-version",
}

# Sockets that are looked at before others get a turn.
TURN = 100


class GraphQLWebSocket(Generic[Caller]):
    """The ASGI application for the sockets of one GraphQL endpoint."""

    def __init__(
        self,
        engine: Engine[Caller],
        *,
        origins: Collection[str] = (),
        limits: SocketLimits = DEFAULT_SOCKET_LIMITS,
        identify: Callable[[Caller], Hashable] = id,
    ) -> None:
        self._engine = engine
        self._origins = Origins(origins)
        self._limits = limits
        self._identify = identify  # whose socket it is: so many each may have
        self._sockets: Counter[Hashable] = Counter()
        self._sessions: dict[Session[Caller], asyncio.Event | None] = {}  # and who waits for their end

    def __len__(self) -> int:
        """The number of open sockets."""
        return len(self._sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake to its end."""
        await receive()  # websocket.connect
        headers = {name: value for name, value in read_headers(scope).items() if name not in HANDSHAKE}
        if not self._origins.admits(headers):
            await send({"type": "websocket.close", "code": 1008, "reason": "Origin not allowed"})  # HTTP 403
            return
        request_id = read_request_id(headers)
        scope["headers"] = []  # read, and not kept in a second form while the socket is open
        session = Session(
            self._engine, headers, request_id, receive, send, self._limits, self._admit, read_send_now(scope)
        )
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await session.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        self._sessions[session] = None
        try:
            await session.run()
        finally:
            ended = self._sessions.pop(session)
            if ended is not None:
                ended.set()

    @contextmanager
    def _admit(self, caller: Caller) -> Iterator[None]:
        """Count a socket among those of its caller while it is open.

        Raises: Close.
        """
        owner = self._identify(caller)
        if self._sockets[owner] >= self._limits.sockets_max:
            raise Close(CloseCode.TOO_MANY_SOCKETS, f"Too many sockets: at most {self._limits.sockets_max}")
        self._sockets[owner] += 1
        try:
            yield
        finally:
            self._sockets[owner] -= 1
            if not self._sockets[owner]:
                del self._sockets[owner]

    async def recheck(self, authenticate: Authenticate[Caller] | None = None) -> None:
        """Close the sockets of clients that would not be let in any more, as their key was revoked or has expired.

        `authenticate` is asked instead of the engine's: it may know what many sockets have in common.
        """
        for number, session in enumerate(list(self._sessions), 1):
            await session.recheck(authenticate or self._engine.authenticate)
            if number % TURN == 0:
                await asyncio.sleep(0)

    async def close(self) -> None:
        """Close all sockets, so that clients connect again elsewhere, and wait for their operations to end."""
        sessions = list(self._sessions)
        if not sessions:
            return
        closing = [self._close(session) for session in sessions]
        await asyncio.wait([asyncio.ensure_future(each) for each in closing], timeout=CLOSING_TIMEOUT_S)

    async def _close(self, session: Session[Caller]) -> None:
        if session not in self._sessions:
            return
        ended = self._sessions[session] = asyncio.Event()
        await session.close(CloseCode.SERVICE_RESTART, "Service restart")
        await ended.wait()
