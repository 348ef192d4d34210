"""GraphQL over WebSocket, after the protocol `graphql-transport-ws`: who may open a socket, and how all are closed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic

from api.execution.engine import Caller, Engine
from api.transport.asgi import Receive, Scope, Send, read_headers, read_request_id
from api.transport.origins import Origins
from api.transport.protocol import SUBPROTOCOL, Close, CloseCode
from api.transport.session import DEFAULT_SOCKET_LIMITS, Session, SocketLimits

CLOSING_TIMEOUT_S = 5.0


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
        self._sessions: dict[Session[Caller], asyncio.Event] = {}

    def __len__(self) -> int:
        """The number of open sockets."""
        return len(self._sessions)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one socket, from its handshake to its end."""
        await receive()  # websocket.connect
        headers = read_headers(scope)
        if not self._origins.admits(headers):
            await send({"type": "websocket.close", "code": 1008, "reason": "Origin not allowed"})  # HTTP 403
            return
        session = Session(self._engine, headers, read_request_id(headers), receive, send, self._limits, self._admit)
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            await session.close(CloseCode.SUBPROTOCOL_NOT_ACCEPTABLE, "Subprotocol not acceptable")
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        self._sessions[session] = ended = asyncio.Event()
        try:
            await session.run()
        finally:
            del self._sessions[session]
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

    async def recheck(self) -> None:
        """Close the sockets of clients that would not be let in any more, as their key was revoked or has expired."""
        for session in list(self._sessions):
            await session.recheck()

    async def close(self) -> None:
        """Close all sockets, so that clients connect again elsewhere, and wait for their operations to end."""
        sessions = list(self._sessions.items())
        if not sessions:
            return
        closing = [self._close(session, ended) for session, ended in sessions]
        await asyncio.wait([asyncio.ensure_future(each) for each in closing], timeout=CLOSING_TIMEOUT_S)

    async def _close(self, session: Session[Caller], ended: asyncio.Event) -> None:
        await session.close(CloseCode.SERVICE_RESTART, "Service restart")
        await ended.wait()
