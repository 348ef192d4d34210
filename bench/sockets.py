"""A client that holds many sockets in one event loop, with so little work for each message that thousands can be held.

It speaks just enough WebSocket and `graphql-transport-ws`: it opens, introduces itself, subscribes, answers pings, and
notes when a message came that has an event in it.
"""

import asyncio
import base64
import os
import time
from collections.abc import Callable

from typing_extensions import override

EVENT = b'"sequence"'
TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
TOGETHER = 100


class Socket(asyncio.Protocol):
    """One socket. `ready` is done when the server has accepted it; `arrived` is called with the time of each event."""

    def __init__(self, hello: list[str], arrived: Callable[[float], None]) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._hello, self._arrived = hello, arrived
        self._buffer = b""
        self._is_open = False
        #: Whether it ended before it was closed.
        self.is_lost = False
        self._transport: asyncio.Transport | None = None

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        transport.write(
            f"GET /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n".encode()
        )

    @override
    def data_received(self, data: bytes) -> None:
        """Take in what came."""
        now = time.perf_counter()
        self._buffer += data
        if not self._is_open and not self._open():
            return
        while (frame := self._frame()) is not None:
            opcode, content = frame
            if opcode == TEXT and EVENT in content:
                self._arrived(now)
            elif opcode == TEXT and b"connection_ack" in content and not self.ready.done():
                self.ready.set_result(None)
            elif opcode == PING:
                self._write(PONG, content)
            elif opcode == CLOSE or b'"error"' in content[:60]:
                self._fail(content.decode(errors="replace"))

    def _open(self) -> bool:
        """Whether the server has agreed to the upgrade; then the client introduces itself."""
        head, separator, rest = self._buffer.partition(b"\r\n\r\n")
        if not separator:
            return False
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            self._fail(head.decode(errors="replace"))
            return False
        self._is_open, self._buffer = True, rest
        for message in self._hello:
            self._write(TEXT, message.encode())
        return True

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Say so to whoever waits."""
        self.is_lost = True
        self._fail(f"connection lost: {exc}")

    def close(self) -> None:
        """Drop it."""
        if self._transport is not None:
            self._transport.abort()

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 127, 2
        if length == 126:
            length, start = int.from_bytes(buffer[2:4], "big"), 4
        elif length == 127:
            length, start = int.from_bytes(buffer[2:10], "big"), 10
        if len(buffer) < start + length:
            return None
        self._buffer = buffer[start + length :]
        return buffer[0] & 15, buffer[start : start + length]

    def _write(self, opcode: int, content: bytes) -> None:
        # A client masks what it sends; a mask of zeros leaves it as it is.
        size = len(content)
        head = bytes([128 | opcode, 128 | size]) if size < 126 else bytes([128 | opcode, 254]) + size.to_bytes(2, "big")
        assert self._transport is not None
        self._transport.write(head + b"\0\0\0\0" + content)

    def _fail(self, why: str) -> None:
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(f"a socket was not opened: {why}"))


async def open_sockets(port: int, count: int, hello: list[str], arrived: Callable[[float], None]) -> list[Socket]:
    """Open so many sockets and return them once all have been accepted."""
    loop = asyncio.get_running_loop()
    sockets: list[Socket] = []
    while len(sockets) < count:
        some = min(TOGETHER, count - len(sockets))
        made = await asyncio.gather(
            *(loop.create_connection(lambda: Socket(hello, arrived), "127.0.0.1", port) for _ in range(some))
        )
        fresh = [socket for _, socket in made]
        await asyncio.gather(*(socket.ready for socket in fresh))
        sockets += fresh
    return sockets
