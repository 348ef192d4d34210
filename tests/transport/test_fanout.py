"""Many who wait for the same: each is sent the same bytes under its own id, and nobody what another may see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest
from graphql import GraphQLError

from tests.transport.conftest import Server, Socket, StartServer, initialised, open_socket, stop, until
from tests.transport.test_sse import Events, listen

NUMBERS = "subscription ($after: String) { numbers(after: $after) { number cursor told } }"
PADDED = "subscription { numbers { number padding(size: 100000) } }"


@pytest.fixture(params=["as in production", "uvicorn's sockets", "compressed sockets"])
async def server(start_server: StartServer, request: pytest.FixtureRequest) -> Server:
    """Send at once where the server can do that, and message by message where it cannot."""
    if request.param == "uvicorn's sockets":
        return await start_server(uvicorn={"ws": "websockets-sansio"})
    if request.param == "compressed sockets":
        return await start_server(uvicorn={"ws_per_message_deflate": True})
    return await start_server()


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


async def subscribed(stack: AsyncExitStack, server: Server, caller: str, operation_id: str) -> Socket:
    socket = await stack.enter_async_context(initialised(server, authorization=f"Bearer {caller}"))
    await socket.subscribe(operation_id, NUMBERS)
    return socket


def live(server: Server) -> int:
    return sum(len(each._live) for each in server.engine.broadcasts._open.values())


def told(operation_id: str, number: int, caller: str) -> dict[str, Any]:
    shown = {"number": number, "cursor": f"c{number}", "told": caller}
    return {"id": operation_id, "type": "next", "payload": {"data": {"numbers": shown}}}


async def test_an_event_is_executed_once_and_sent_to_each_under_its_own_id(
    server: Server, stack: AsyncExitStack
) -> None:
    ids = ["1", "a rather long id of an operation", "数", '"quoted"', *map(str, range(20))]
    sockets = [await subscribed(stack, server, "ann", one) for one in ids]
    await until(lambda: live(server) == len(ids))
    for number in (1, 2, 3):
        server.world.line.grow()
        for operation_id, socket in zip(ids, sockets, strict=True):
            assert await socket.hear() == told(operation_id, number, "ann")

    assert server.world.told == ["ann"] * 3
    assert server.world.line.reading == 1


async def test_who_may_see_something_else_is_sent_something_else(server: Server, stack: AsyncExitStack) -> None:
    callers = ["ann", "bob"] * 5
    sockets = [await subscribed(stack, server, caller, "1") for caller in callers]
    await until(lambda: live(server) == len(callers))
    server.world.line.grow()
    for caller, socket in zip(callers, sockets, strict=True):
        assert await socket.hear() == told("1", 1, caller)

    assert sorted(server.world.told) == ["ann", "bob"]


async def test_nothing_is_shared_without_a_view(start_server: StartServer, stack: AsyncExitStack) -> None:
    server = await start_server(engine={"view": None})
    sockets = [await subscribed(stack, server, "ann", "1") for _ in range(3)]
    await until(lambda: server.world.line.reading == 3)
    server.world.line.grow()
    for socket in sockets:
        assert await socket.hear() == told("1", 1, "ann")

    assert server.world.told == ["ann"] * 3
    assert len(server.engine.broadcasts) == 0


async def test_a_socket_may_have_many_subscriptions_and_end_each(server: Server, stack: AsyncExitStack) -> None:
    socket = await subscribed(stack, server, "ann", "one")
    await socket.subscribe("other", NUMBERS)
    await until(lambda: live(server) == 2)
    server.world.line.grow()
    assert [await socket.hear() for _ in range(2)] == [told("one", 1, "ann"), told("other", 1, "ann")]
    await socket.say({"id": "one", "type": "complete"})
    await until(lambda: live(server) == 1)
    server.world.line.grow()
    assert await socket.hear() == told("other", 2, "ann")
    await socket.subscribe("one", NUMBERS)  # the id may be used again
    await until(lambda: live(server) == 2)
    server.world.line.grow()

    heard = [await socket.hear() for _ in range(2)]
    assert sorted(one["id"] for one in heard) == ["one", "other"]
    assert {one["payload"]["data"]["numbers"]["number"] for one in heard} == {3}
    await socket.subscribe("other", NUMBERS)
    assert await socket.closed() == (4409, "Subscriber for other already exists")
    await until(lambda: len(server.engine.broadcasts) == 0)


async def test_who_waits_in_a_broadcast_counts_among_the_operations_of_its_socket(start_server: StartServer) -> None:
    server = await start_server()
    async with initialised(server) as socket:
        for n in range(100):
            await socket.subscribe(str(n), NUMBERS)
        await until(lambda: live(server) == 100)
        await socket.subscribe("one more", NUMBERS)
        assert (await socket.hear())["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        await socket.say({"id": "7", "type": "complete"})
        await socket.subscribe("one more", NUMBERS)
        await until(lambda: live(server) == 100)


@pytest.mark.parametrize("how", ["closes", "drops the connection"])
async def test_a_broadcast_ends_when_the_last_socket(server: Server, how: str) -> None:
    async with initialised(server) as one, initialised(server) as other:
        for socket in (one, other):
            await socket.subscribe("1", NUMBERS)
        await until(lambda: live(server) == 2)
        for socket, left in ((one, 1), (other, 0)):
            if how == "closes":
                await socket.connection.close()
            else:
                socket.connection.transport.abort()
            await until(lambda left=left: live(server) == left)  # type: ignore[misc]
    await until(lambda: server.world.line.reading == 0 and len(server.sockets) == 0)


async def test_who_does_not_read_delays_nobody_is_not_remembered_and_misses_nothing(
    server: Server, stack: AsyncExitStack
) -> None:
    line = server.world.line
    slow, quick = [await stack.enter_async_context(open_socket(server, compression=None)) for _ in range(2)]
    for socket in (slow, quick):
        await socket.say({"type": "connection_init"})
        assert (await socket.hear())["type"] == "connection_ack"
        await socket.subscribe("1", PADDED)
    await until(lambda: live(server) == 2)
    slow.connection.transport.pause_reading()
    while live(server) == 2:  # until the buffers of both sides are full
        line.grow(10)
        for _ in range(10):
            await quick.hear()
    for _ in range(10):
        line.grow(50)
        for _ in range(50):
            await quick.hear()
    (broadcast,) = server.engine.broadcasts._open.values()
    assert sum(len(item.body) for item in broadcast._log) < 2 * 2**20
    slow.connection.transport.resume_reading()

    for number in range(1, line.length + 1):
        assert (await slow.hear())["payload"]["data"]["numbers"]["number"] == number
    await until(lambda: live(server) == 2)
    assert len(broadcast._log) == 0
    line.grow()
    assert await slow.hear() == await quick.hear()


async def test_all_hear_that_a_source_has_ended_or_failed(server: Server, stack: AsyncExitStack) -> None:
    line = server.world.line
    sockets = [await subscribed(stack, server, "ann", str(n)) for n in range(3)]
    await until(lambda: live(server) == 3)
    line.fail(GraphQLError("It has run dry.", extensions={"code": "DRY"}))
    for n, socket in enumerate(sockets):
        message = await socket.hear()
        assert (message["id"], message["type"]) == (str(n), "error")
        assert [(error["message"], error["extensions"]["code"]) for error in message["payload"]] == [
            ("It has run dry.", "DRY")
        ]
    line.failure = None
    for n, socket in enumerate(sockets):
        await socket.subscribe(str(n), NUMBERS)
    await until(lambda: live(server) == 3)
    line.end()
    for n, socket in enumerate(sockets):
        assert await socket.hear() == {"id": str(n), "type": "complete"}


async def test_sockets_in_a_broadcast_are_closed_with_1012_and_for_revoked_keys(
    server: Server, stack: AsyncExitStack
) -> None:
    ann, bob = [await subscribed(stack, server, caller, "1") for caller in ("ann", "bob")]
    await until(lambda: live(server) == 2)

    async def asked(headers: Any) -> str:
        if headers["authorization"] == "Bearer ann":
            raise GraphQLError("not now")  # nobody can tell, which is no reason to send anybody away
        return "bob"

    await server.sockets.recheck(asked)
    server.world.line.grow()
    assert await ann.hear() == told("1", 1, "ann")
    assert await bob.hear() == told("1", 1, "bob")
    await server.sockets.close()
    assert await ann.closed() == await bob.closed() == (1012, "Service restart")
    await until(lambda: server.world.line.reading == 0)


async def test_a_server_that_stops_leaves_no_broadcast(start_server: StartServer) -> None:
    server = await start_server()
    async with initialised(server) as socket:
        await socket.subscribe("1", NUMBERS)
        await until(lambda: live(server) == 1)
        await stop(server.uvicorn)
        assert (await socket.closed())[0] == 1012
    await until(lambda: server.world.line.reading == 0)


async def test_sockets_and_event_streams_share_and_a_stream_can_be_taken_up_by_its_cursor(
    start_server: StartServer, stack: AsyncExitStack
) -> None:
    server = await start_server()
    line = server.world.line
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=20))
    key = {"authorization": "Bearer ann"}

    async def stream(**headers: str) -> Events:
        request: dict[str, Any] = {"json": {"query": NUMBERS}, "headers": key | headers}
        return await stack.enter_async_context(listen(http, **request))

    socket = await subscribed(stack, server, "ann", "1")
    events = await stream()
    await until(lambda: live(server) == 2)
    line.grow(2)
    assert [await socket.hear() for _ in range(2)] == [told("1", 1, "ann"), told("1", 2, "ann")]
    heard = [await events.next() for _ in range(2)]
    assert [(one.name, one.id, one.data) for one in heard if one] == [
        ("next", f"c{n}", told("1", n, "ann")["payload"]) for n in (1, 2)
    ]
    assert server.world.told == ["ann"] * 2

    resumed = await stream(**{"last-event-id": "c1"})
    assert [one.id for one in [await resumed.next()] if one] == ["c2"]
    await until(lambda: live(server) == 3)
    server.world.told.clear()
    line.grow()
    assert [one.id for one in [await events.next(), await resumed.next()] if one] == ["c3", "c3"]
    assert await socket.hear() == told("1", 3, "ann")
    assert server.world.told == ["ann"]


async def test_operations_of_one_event_stream_are_told_apart(start_server: StartServer, stack: AsyncExitStack) -> None:
    server = await start_server()
    http = await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=20))
    token = (await http.put("")).text
    headers = {"x-graphql-event-stream-token": token}
    events = await stack.enter_async_context(listen(http, "GET", headers=headers))
    for operation_id in ("one", "other"):
        body = {"query": NUMBERS, "extensions": {"operationId": operation_id}}
        assert (await http.post("", json=body, headers=headers)).status_code == 202
    await until(lambda: live(server) == 2)
    server.world.line.grow()
    heard = [await events.next() for _ in range(2)]

    assert sorted((one.data["id"], one.data["payload"]["data"]["numbers"]["number"]) for one in heard if one) == [
        ("one", 1),
        ("other", 1),
    ]
    assert server.world.told == ["nobody"]


async def test_an_error_in_an_event_does_not_tell_one_client_the_request_id_of_another(
    start_server: StartServer, stack: AsyncExitStack
) -> None:
    server = await start_server()
    line = server.world.line
    query = "subscription { numbers { number padding(size: -1) broken } }"
    names = ("first", "second")
    sockets = []
    for name in names:
        socket = await stack.enter_async_context(open_socket(server, additional_headers={"X-Request-Id": name}))
        await socket.say({"type": "connection_init"})
        await socket.hear()
        await socket.subscribe("1", query)
        sockets.append(socket)
    await until(lambda: live(server) == 2)
    line.grow()
    one, other = [(await socket.hear())["payload"] for socket in sockets]

    assert one == other
    (error,) = one["errors"]
    assert error["extensions"]["code"] == "INTERNAL"
    assert not any(error["extensions"]["requestId"].startswith(name) for name in names)


async def test_queries_are_answered_while_very_many_are_sent_an_event(
    start_server: StartServer, stack: AsyncExitStack
) -> None:
    server = await start_server()
    sockets = [await stack.enter_async_context(initialised(server)) for _ in range(20)]
    for socket in sockets:
        for n in range(100):
            await socket.subscribe(str(n), NUMBERS)
    await until(lambda: live(server) == 2_000)
    asking = await stack.enter_async_context(initialised(server))
    server.world.line.grow()
    await asking.subscribe("1", "{ hello }")
    assert (await asking.hear())["payload"] == {"data": {"hello": "Hello world"}}
    for socket in sockets:
        heard = [await socket.hear() for _ in range(100)]
        assert {one["id"] for one in heard} == {str(n) for n in range(100)}
    assert server.world.told == ["nobody"]
    await asyncio.sleep(0)
