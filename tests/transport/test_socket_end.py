"""Nothing outlives its socket: the bug of this field."""

import asyncio
import gc
import logging
import random
from contextlib import suppress

import orjson
import pytest
import websockets

from api.execution.streams import EventStream
from api.transport.session import Session
from tests.transport.conftest import (
    GROWTH_MAX_MB,
    Server,
    StartServer,
    initialised,
    open_socket,
    resident_mb,
    stop,
    until,
)

SUBSCRIPTIONS = ["subscription { silence }", "subscription { forever { name } }", "subscription { flood(size: 10) }"]


def tasks_of_operations() -> list[str]:
    return [name for task in asyncio.all_tasks() if "_operate" in (name := str(task.get_coro()))]


@pytest.mark.parametrize("how", ["closes", "drops the connection"])
async def test_all_operations_end_when_the_client(server: Server, how: str) -> None:
    async with initialised(server) as socket:
        for n in range(60):
            await socket.subscribe(str(n), SUBSCRIPTIONS[n % 3])
        await socket.subscribe("query", "{ sleep(seconds: 600) }")
        await until(lambda: server.world.begun == 60)
        if how == "closes":
            await socket.connection.close()
        else:
            socket.connection.transport.abort()
        await until(lambda: server.world.ended == 60)

    await until(lambda: len(server.sockets) == 0)
    assert tasks_of_operations() == []


async def test_a_subscription_that_is_still_beginning_ends_too(server: Server) -> None:
    for _ in range(30):
        async with initialised(server) as socket:
            for n in range(5):
                await socket.subscribe(str(n), SUBSCRIPTIONS[n % 3])

    await until(lambda: len(server.sockets) == 0 and server.world.ended == server.world.begun)
    assert tasks_of_operations() == []


async def test_all_operations_end_when_the_server_closes_its_sockets_with_1012(server: Server) -> None:
    async with initialised(server) as one, initialised(server) as other:
        await one.subscribe("1", "subscription { silence }")
        await other.subscribe("1", "subscription { silence }")
        await until(lambda: server.world.begun == 2)
        await server.sockets.close()

        assert server.world.ended == 2
        assert len(server.sockets) == 0
        assert await one.closed() == (1012, "Service restart")
        assert await other.closed() == (1012, "Service restart")
    assert tasks_of_operations() == []


async def test_all_operations_end_when_the_server_stops(start_server: StartServer) -> None:
    server = await start_server()
    async with initialised(server) as socket:
        await socket.subscribe("1", "subscription { forever { name } }")
        await until(lambda: server.world.begun == 1)
        await stop(server.uvicorn)
        with suppress(websockets.ConnectionClosed):
            while True:
                await socket.hear()

        assert (await socket.closed())[0] == 1012
    assert server.world.ended == 1
    assert tasks_of_operations() == []


async def test_a_client_that_does_not_read_makes_the_server_wait_and_not_remember(server: Server) -> None:
    async with open_socket(server, compression=None) as socket:
        await socket.say({"type": "connection_init"})
        socket.connection.transport.pause_reading()
        for n in range(5):
            await socket.subscribe(str(n), "subscription { flood(size: 100000) }")
        await until(lambda: server.world.begun == 5)
        written = -1
        while written != len(server.world.written):  # until the buffers of both sides are full
            written = len(server.world.written)
            await asyncio.sleep(0.2)

        assert written * 100_000 < 50_000_000
        async with initialised(server) as other:  # who reads is not held up
            await other.subscribe("1", "{ hello }")
            assert (await other.hear())["type"] == "next"
        socket.connection.transport.abort()
    await until(lambda: server.world.ended == 5)
    assert tasks_of_operations() == []


async def test_nothing_is_left_in_memory_of_sockets_that_are_closed(server: Server) -> None:
    for _ in range(20):
        async with initialised(server) as socket:
            await socket.subscribe("1", "subscription { forever { name } }")
            await socket.hear()
    await until(lambda: count_in_memory(Session) == 0)
    await until(lambda: count_in_memory(EventStream) == 0)


def count_in_memory(kind: type) -> int:
    gc.collect()
    return sum(type(thing) is kind for thing in gc.get_objects())


async def test_no_sequence_of_frames_brings_the_server_to_an_error(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(20_240_601)  # noqa: S311
    codes = set()
    tasks, memory_mb = len(asyncio.all_tasks()), 0
    for n in range(400):
        if n == 200:
            memory_mb = resident_mb()
        async with open_socket(server) as socket:
            with suppress(websockets.ConnectionClosed):
                if chance.random() < 0.9:
                    await socket.say({"type": "connection_init"})
                for _ in range(25):
                    await socket.say(make_frame(chance))
                await socket.say("[]")
                while True:
                    await socket.hear()
            codes.add((await socket.closed())[0])
    await until(lambda: len(server.sockets) == 0 and server.world.ended == server.world.begun)

    assert codes <= {4400, 4401, 4409, 4429}
    assert {4400, 4409} <= codes
    assert tasks_of_operations() == []
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert resident_mb() - memory_mb <= GROWTH_MAX_MB
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


QUERIES = [
    "{ hello }",
    "{",
    "{ nothing }",
    "subscription { count(to: 2) }",
    *SUBSCRIPTIONS,
    'mutation { write(text: "a") }',
]


def make_frame(chance: random.Random) -> str | bytes:
    """Make a message that is mostly right, and sometimes anything but."""
    operation_id = str(chance.randrange(30))
    message: dict[str, object] = chance.choice(
        [
            {"type": "subscribe", "id": operation_id, "payload": {"query": chance.choice(QUERIES)}},
            {"type": "subscribe", "id": operation_id, "payload": {"query": chance.choice(QUERIES)}},
            {"type": "complete", "id": operation_id},
            {"type": "ping", "payload": {"n": operation_id}},
            {"type": "pong"},
        ]
    )
    frame = bytearray(orjson.dumps(message))
    if chance.random() < 0.03:
        at = chance.randrange(len(frame))
        frame[at : at + chance.randrange(3)] = chance.choice([b"", b'"', b"\\u0000", b"{", b"[", b"\xc3\xa9"])
    return frame.decode(errors="replace") if chance.random() < 0.995 else bytes(frame)
