"""Uvicorn's WebSocket protocol, made for many sockets that mostly wait.

Three things are different, each measured with ten thousand of them (`docs/performance.md`):

- An extension in the scope sends text at once, if the client takes it now. A broadcast needs no coroutine and no
  message for that, and many results of a moment are one system call.
- What the handshake was read from, and answered with, is forgotten when it is done.
- Where at most one waits there is room for one. `asyncio.Queue` and `asyncio.Event` keep five queues of 700 bytes.

All else is uvicorn's. An application that does not know the extension is served as ever.
"""

import asyncio
import struct
from collections import deque
from collections.abc import Iterable
from typing import Any

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.http11 import Request

from api.transport.asgi import SEND_NOW


def text_frame(payload: bytes) -> bytes:
    """Return a message of text as a server sends it (RFC 6455, section 5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x81%c%b" % (length, payload)
    if length < 2**16:
        return b"\x81\x7e%b%b" % (struct.pack("!H", length), payload)
    return b"\x81\x7f%b%b" % (struct.pack("!Q", length), payload)


class Flag:
    """An `asyncio.Event` that makes no queue before somebody waits."""

    __slots__ = ("_is_set", "_waiting")

    def __init__(self) -> None:
        self._is_set = True
        self._waiting: list[asyncio.Future[None]] | None = None

    def is_set(self) -> bool:
        """Tell whether nobody need wait."""
        return self._is_set

    def set(self) -> None:
        """Let all go on who wait."""
        self._is_set = True
        waiting, self._waiting = self._waiting, None
        for each in waiting or ():
            if not each.done():
                each.set_result(None)

    def clear(self) -> None:
        """Let who comes wait."""
        self._is_set = False

    async def wait(self) -> None:
        """Wait until it is set."""
        while not self._is_set:
            future = asyncio.get_running_loop().create_future()
            self._waiting = self._waiting or []
            self._waiting.append(future)
            await future


class Mailbox:
    """An `asyncio.Queue` for one reader, which makes no queue before there are two messages."""

    __slots__ = ("_messages", "_reader")

    def __init__(self) -> None:
        self._messages: deque[Any] | None = None
        self._reader: asyncio.Future[None] | None = None

    def empty(self) -> bool:
        """Tell whether there is nothing to read."""
        return not self._messages

    def put_nowait(self, message: Any) -> None:
        """Add a message."""
        if self._messages is None:
            self._messages = deque()
        self._messages.append(message)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        """Take the next message; wait until there is one."""
        while not self._messages:
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
            self._reader = None
        message = self._messages.popleft()
        if not self._messages:
            self._messages = None
        return message


class SocketProtocol(WebSocketsSansIOProtocol):
    """One socket."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.queue = Mailbox()  # type: ignore[assignment]
        self.writable = Flag()  # type: ignore[assignment]

    @override
    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if self.response.status_code == 101 and not self.conn.extensions:
            self.scope["extensions"][SEND_NOW] = {"send": self.send_now}

    @override
    def start_keepalive(self) -> None:  # the handshake is done
        super().start_keepalive()
        del self.request, self.response

    def send_now(self, payloads: Iterable[bytes]) -> bool:
        """Send messages of text, all of them or none; tell whether it did."""
        if not self.writable.is_set() or self.disconnected or self.close_sent or not self.handshake_complete:
            return False
        if self.transport.is_closing():
            return False
        self.transport.write(b"".join(map(text_frame, payloads)))
        return True
