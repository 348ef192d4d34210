"""The sockets' own protocol: what it sends at once, and what it keeps while it waits."""

import asyncio
import random
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from api.transport.asgi import read_send_now
from api.transport.socket_protocol import Flag, Mailbox, SocketProtocol, text_frame
from tests.transport.conftest import Server, StartServer, initialised, until


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536, 100_000])
def test_a_frame_is_what_the_library_makes_of_it(size: int) -> None:
    payload = b"x" * size
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


async def test_a_mailbox_gives_out_what_came_in_in_order() -> None:
    chance = random.Random(1)  # noqa: S311
    mailbox = Mailbox()
    read: list[int] = []
    assert mailbox.empty()

    async def reader() -> None:
        while len(read) < 1_000:
            read.append(await mailbox.get())
            for _ in range(chance.randrange(3)):
                await asyncio.sleep(0)

    task = asyncio.create_task(reader())
    for number in range(1_000):
        mailbox.put_nowait(number)
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    await task
    assert read == list(range(1_000))
    assert mailbox.empty()


async def test_a_mailbox_keeps_what_comes_while_its_reader_goes_away() -> None:
    mailbox = Mailbox()
    reader = asyncio.create_task(mailbox.get())
    await asyncio.sleep(0)
    mailbox.put_nowait("letter")
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    async with asyncio.timeout(1):
        assert await mailbox.get() == "letter"


async def test_a_flag_lets_all_go_on_who_wait() -> None:
    flag = Flag()
    await flag.wait()
    flag.clear()
    waiting = [asyncio.create_task(flag.wait()) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting[1:])
    flag.set()
    async with asyncio.timeout(1):
        await asyncio.gather(*waiting[1:])
    assert flag.is_set()


def protocol_of(server: Server) -> SocketProtocol:
    (protocol,) = server.uvicorn.server_state.connections
    assert isinstance(protocol, SocketProtocol)
    return protocol


async def test_messages_are_sent_at_once_while_the_client_takes_them(server: Server) -> None:
    async with initialised(server) as socket:
        protocol = protocol_of(server)
        assert protocol.send_now([b'{"a":1}', '"数"'.encode()])
        assert [await socket.hear() for _ in range(2)] == [{"a": 1}, "数"]
        socket.connection.transport.pause_reading()
        while protocol.send_now([b'"%b"' % (b"x" * 100_000)]):  # noqa: ASYNC110
            await asyncio.sleep(0)
        buffered = protocol.transport.get_write_buffer_size()
        assert not protocol.send_now([b"1"])
        assert protocol.transport.get_write_buffer_size() <= buffered
        socket.connection.transport.resume_reading()
        await until(lambda: protocol.writable.is_set())
        await socket.connection.close()
        await until(lambda: not server.uvicorn.server_state.connections)
        assert not protocol.send_now([b"1"])


async def test_nothing_is_kept_of_the_handshake(server: Server) -> None:
    async with initialised(server):
        protocol = protocol_of(server)
        assert not hasattr(protocol, "request")
        assert not hasattr(protocol, "response")
        assert protocol.scope["headers"] == []


@pytest.mark.parametrize(("compresses", "sends_now"), [(False, True), (True, False)])
async def test_a_socket_that_compresses_does_not_send_at_once(
    start_server: StartServer, *, compresses: bool, sends_now: bool
) -> None:
    server = await start_server(uvicorn={"ws_per_message_deflate": compresses})
    async with initialised(server):
        scope: Any = protocol_of(server).scope
        assert (read_send_now(scope) is not None) is sends_now
