"""graphql-transport-ws: how a socket is opened, what its messages mean, and why it is closed."""

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import websockets
from gql import Client, GraphQLRequest, gql
from gql.transport.websockets import WebsocketsTransport

from api.transport.session import SocketLimits
from tests.transport.conftest import HANG_S, Server, Socket, StartServer, initialised, open_socket, until


async def test_a_query_is_answered_and_completed(socket: Socket) -> None:
    await socket.subscribe("1", "{ hello }")

    assert await socket.hear() == {"id": "1", "type": "next", "payload": {"data": {"hello": "Hello world"}}}
    assert await socket.hear() == {"id": "1", "type": "complete"}


async def test_a_mutation_is_answered_and_completed(socket: Socket, server: Server) -> None:
    await socket.subscribe("1", "mutation W($t: String!) { write(text: $t) }", variables={"t": "a"}, operationName="W")

    assert await socket.hear() == {"id": "1", "type": "next", "payload": {"data": {"write": "a"}}}
    assert await socket.hear() == {"id": "1", "type": "complete"}
    assert server.world.written == ["a"]


async def test_a_subscription_sends_each_event_and_then_completes(socket: Socket) -> None:
    await socket.subscribe("1", "subscription { count(to: 2) }")

    assert await socket.hear() == {"id": "1", "type": "next", "payload": {"data": {"count": 0}}}
    assert await socket.hear() == {"id": "1", "type": "next", "payload": {"data": {"count": 1}}}
    assert await socket.hear() == {"id": "1", "type": "complete"}


async def test_many_operations_run_side_by_side(socket: Socket, server: Server) -> None:
    await socket.subscribe("slow", "{ news }")
    for n in range(50):
        await socket.subscribe(str(n), "subscription { count(to: 3) }")
    messages = [await socket.hear() for _ in range(50 * 4)]
    server.world.news.set()
    last = [await socket.hear() for _ in range(2)]

    for n in range(50):
        mine = [message.get("payload", {}).get("data") for message in messages if message["id"] == str(n)]
        assert mine == [{"count": 0}, {"count": 1}, {"count": 2}, None]
    assert last == [
        {"id": "slow", "type": "next", "payload": {"data": {"news": "heard"}}},
        {"id": "slow", "type": "complete"},
    ]


async def test_a_client_that_completes_hears_no_more_and_the_source_is_closed(socket: Socket, server: Server) -> None:
    await socket.subscribe("1", "subscription { forever { name } }")
    await socket.hear()
    await socket.say({"id": "1", "type": "complete"})
    await until(lambda: server.world.ended == 1)
    await socket.subscribe("2", "{ hello }")
    heard = [await socket.hear()]
    while heard[-1]["id"] == "1":
        heard.append(await socket.hear())

    assert heard[-1] == {"id": "2", "type": "next", "payload": {"data": {"hello": "Hello world"}}}
    assert all(message["type"] == "next" for message in heard)


async def test_an_id_may_be_used_again_after_its_operation_is_complete(socket: Socket, server: Server) -> None:
    for _ in range(3):
        await socket.subscribe("1", "{ hello }")
        assert (await socket.hear())["type"] == "next"
        assert (await socket.hear())["type"] == "complete"
    for _ in range(3):
        await socket.subscribe("1", "subscription { silence }")
        await socket.say({"id": "1", "type": "complete"})
    await socket.subscribe("1", "{ caller }")

    assert (await socket.hear())["payload"] == {"data": {"caller": "nobody"}}


async def test_completing_what_is_not_there_is_no_mistake(socket: Socket) -> None:
    await socket.say({"id": "nothing", "type": "complete"})
    await socket.subscribe("1", "{ hello }")

    assert (await socket.hear())["type"] == "next"


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
        ({"query": "{ unknown }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "subscription { unknown }"}, "GRAPHQL_VALIDATION_FAILED"),
        ({"query": "{ hello }", "operationName": "A"}, "OPERATION_RESOLUTION_FAILURE"),
        ({"query": "query ($v: Int!) { number(value: $v) }"}, "BAD_USER_INPUT"),
        ({"query": "subscription ($v: Int!) { count(to: $v) }", "variables": {"v": "x"}}, "BAD_USER_INPUT"),
        ({"query": "subscription { refuse }"}, "FORBIDDEN"),
        ({"query": "{ hello }", "variables": {"a": "\0"}}, "BAD_REQUEST"),
        ({"query": 5}, "BAD_REQUEST"),
        ({"query": "{ hello }", "variables": [1]}, "BAD_REQUEST"),
        ({}, "BAD_REQUEST"),
    ],
)
async def test_a_bad_operation_is_an_error_for_its_id_and_the_socket_lives_on(
    socket: Socket, payload: dict[str, Any], code: str
) -> None:
    await socket.subscribe("other", "subscription { silence }")
    await socket.say({"id": "1", "type": "subscribe", "payload": payload})
    answer = await socket.hear()
    await socket.subscribe("2", "{ hello }")

    assert (answer["id"], answer["type"]) == ("1", "error")
    assert [error["extensions"]["code"] for error in answer["payload"]] == [code]
    assert answer["payload"][0]["extensions"]["requestId"].endswith(":2")
    assert (await socket.hear())["payload"] == {"data": {"hello": "Hello world"}}


async def test_a_resolver_that_fails_is_part_of_the_result(socket: Socket) -> None:
    await socket.subscribe("1", "{ fail }")
    answer = await socket.hear()

    assert (answer["type"], answer["payload"]["data"]) == ("next", {"fail": None})
    assert answer["payload"]["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert (await socket.hear())["type"] == "complete"


async def test_a_source_that_fails_ends_its_operation_with_an_error_that_says_nothing(socket: Socket) -> None:
    await socket.subscribe("1", "subscription { count(to: 3, failAt: 1) }")

    assert (await socket.hear())["type"] == "next"
    error = await socket.hear()
    assert (error["type"], error["payload"][0]["message"]) == ("error", "Internal error")
    await socket.subscribe("1", "{ hello }")
    assert (await socket.hear())["type"] == "next"


async def test_an_event_that_fails_is_a_result_and_the_subscription_goes_on(socket: Socket) -> None:
    await socket.subscribe("1", "subscription { contexts(to: 2) { broken } }")

    for _ in range(2):
        answer = await socket.hear()
        assert (answer["type"], answer["payload"]["data"]) == ("next", None)
    assert (await socket.hear())["type"] == "complete"


async def test_each_event_has_a_context_of_its_own(socket: Socket, server: Server) -> None:
    await socket.subscribe("1", "subscription { contexts(to: 3) { name } }")
    while (await socket.hear())["type"] != "complete":
        pass

    assert len({id(context) for context in server.world.contexts}) == 4  # one more to begin with
    assert len({context.request_id for context in server.world.contexts}) == 1


async def test_a_ping_is_answered_with_a_pong_before_and_after_the_introduction(server: Server) -> None:
    async with open_socket(server) as socket:
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}
        await socket.say({"type": "pong", "payload": {"a": 1}})
        await socket.say({"type": "connection_init"})
        assert await socket.hear() == {"type": "connection_ack"}
        await socket.say({"type": "ping", "payload": {"a": 1}})
        assert await socket.hear() == {"type": "pong", "payload": {"a": 1}}
        await socket.say({"type": "pong"})
        await socket.say({"type": "ping"})
        assert await socket.hear() == {"type": "pong"}


async def test_the_key_comes_in_the_payload_of_the_introduction(server: Server) -> None:
    async with initialised(server, Authorization="Bearer ann") as socket:
        await socket.subscribe("1", "{ caller }")

        assert (await socket.hear())["payload"] == {"data": {"caller": "ann"}}


async def test_the_key_may_come_with_the_handshake(server: Server) -> None:
    async with open_socket(server, additional_headers={"Authorization": "Bearer ann"}) as socket:
        await socket.say({"type": "connection_init"})
        await socket.hear()
        await socket.subscribe("1", "{ caller }")

        assert (await socket.hear())["payload"] == {"data": {"caller": "ann"}}


async def test_a_bad_key_closes_with_4403(server: Server) -> None:
    async with open_socket(server) as socket:
        await socket.say({"type": "connection_init", "payload": {"authorization": "Bearer bad"}})

        assert await socket.closed() == (4403, "UNAUTHENTICATED: The key is not known.")


async def test_a_bug_while_authenticating_closes_with_4500_and_says_nothing(server: Server) -> None:
    async with open_socket(server) as socket:
        await socket.say({"type": "connection_init", "payload": {"authorization": "Bearer broken"}})

        assert await socket.closed() == (4500, "Internal error")


async def test_who_does_not_introduce_itself_in_time_is_closed_with_4408(start_server: StartServer) -> None:
    server = await start_server(sockets=SocketLimits(init_timeout_s=0.05))
    async with open_socket(server) as socket:
        await socket.say({"type": "ping"})

        assert await socket.closed() == (4408, "Connection initialisation timeout")


async def test_who_asks_before_it_is_introduced_is_closed_with_4401(server: Server) -> None:
    async with open_socket(server) as socket:
        await socket.subscribe("1", "{ hello }")

        assert await socket.closed() == (4401, "Unauthorized")


async def test_who_introduces_itself_twice_is_closed_with_4429(socket: Socket) -> None:
    await socket.say({"type": "connection_init"})

    assert await socket.closed() == (4429, "Too many initialisation requests")


async def test_who_uses_the_id_of_a_running_operation_is_closed_with_4409(socket: Socket, server: Server) -> None:
    await socket.subscribe("one", "subscription { silence }")
    await socket.subscribe("one", "subscription { silence }")

    assert await socket.closed() == (4409, "Subscriber for one already exists")
    await until(lambda: server.world.ended == server.world.begun)


async def test_an_id_that_is_longer_than_a_reason_may_be_still_closes_with_4409(socket: Socket) -> None:
    for _ in range(2):
        await socket.subscribe("é" * 128, "subscription { silence }")

    assert (await socket.closed())[0] == 4409


@pytest.mark.parametrize("subprotocols", [["graphql-ws"], ["unknown"], None])
async def test_another_subprotocol_is_closed_with_4406(server: Server, subprotocols: list[str] | None) -> None:
    async with websockets.connect(server.ws_url, subprotocols=subprotocols) as connection:  # type: ignore[arg-type]
        socket = Socket(connection)

        assert await socket.closed() == (4406, "Subprotocol not acceptable")


BAD_FRAMES: dict[str, str | bytes] = {
    "an array": "[]",
    "an array of messages": '[{"type": "ping"}]',
    "a number": "5",
    "a string": '"ping"',
    "null": "null",
    "nothing": "",
    "not JSON": "{",
    "half a surrogate": '{"type": "ping", "payload": {"a": "\\ud800"}}',
    "NaN": '{"type": "ping", "payload": {"a": NaN}}',
    "deeply nested": "[" * 100_000,
    "binary": b'{"type": "ping"}',
    "empty binary": b"",
    "without a type": "{}",
    "an unknown type": '{"type": "unknown"}',
    "a type that is no string": '{"type": ["ping"]}',
    "a type of the server": '{"type": "next", "id": "1", "payload": {}}',
    "without an id": '{"type": "subscribe", "payload": {"query": "{ hello }"}}',
    "an id that is an object": '{"type": "subscribe", "id": {}, "payload": {"query": "{ hello }"}}',
    "an id that is a number": '{"type": "subscribe", "id": 1, "payload": {"query": "{ hello }"}}',
    "an empty id": '{"type": "subscribe", "id": "", "payload": {"query": "{ hello }"}}',
    "an id that is too long": '{"type": "complete", "id": "%s"}' % ("x" * 129),
    "without a payload": '{"type": "subscribe", "id": "1"}',
    "a payload that is an array": '{"type": "subscribe", "id": "1", "payload": []}',
    "a payload that is a string": '{"type": "ping", "payload": "x"}',
    "too large": '{"type": "ping", "payload": {"a": "%s"}}' % ("x" * 2**20),
    "two megabytes": "x" * 2**21,
}


@pytest.mark.parametrize("name", BAD_FRAMES)
async def test_a_bad_frame_closes_with_4400(server: Server, socket: Socket, name: str) -> None:
    await socket.subscribe("other", "subscription { silence }")
    await until(lambda: server.world.begun == 1)
    await socket.say(BAD_FRAMES[name])

    assert (await socket.closed())[0] == 4400
    await until(lambda: server.world.ended == 1)


@pytest.mark.parametrize("name", ["an array", "binary", "too large"])
async def test_a_bad_frame_closes_with_4400_before_the_introduction_too(server: Server, name: str) -> None:
    async with open_socket(server) as socket:
        await socket.say(BAD_FRAMES[name])

        assert (await socket.closed())[0] == 4400


async def test_a_frame_that_is_larger_than_the_server_reads_is_closed_too(server: Server, socket: Socket) -> None:
    with suppress(websockets.ConnectionClosed):  # it is closed before all of that is sent
        await socket.say("x" * (4 * 2**20 + 1))

    assert (await socket.closed())[0] == 1009
    await until(lambda: len(server.sockets) == 0)


async def test_one_operation_too_many_is_an_error_for_its_id(start_server: StartServer) -> None:
    server = await start_server(sockets=SocketLimits(operations_max=3))
    async with initialised(server) as socket:
        for n in range(4):
            await socket.subscribe(str(n), "subscription { silence }")
        answer = await socket.hear()
        await socket.say({"id": "0", "type": "complete"})
        await until(lambda: server.world.ended == 1)
        await socket.subscribe("4", "{ hello }")

        assert (answer["id"], answer["type"]) == ("3", "error")
        assert answer["payload"][0]["extensions"]["code"] == "TOO_MANY_OPERATIONS"
        assert (await socket.hear())["type"] == "next"


@pytest.mark.parametrize("origin", [None, "https://app.example", "HTTPS://APP.EXAMPLE"])
async def test_no_origin_and_an_allowed_origin_may_open_a_socket(server: Server, origin: str | None) -> None:
    async with open_socket(server, origin=origin) as socket:
        await socket.say({"type": "connection_init"})

        assert await socket.hear() == {"type": "connection_ack"}


async def test_a_page_of_the_same_host_may_open_a_socket(server: Server) -> None:
    async with open_socket(server, origin=f"http://127.0.0.1:{server.port}") as socket:
        await socket.say({"type": "connection_init"})

        assert await socket.hear() == {"type": "connection_ack"}


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://[", ""])
async def test_a_page_of_another_host_is_refused_with_403(server: Server, origin: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with open_socket(server, additional_headers={"Origin": origin}):
            pass

    assert refused.value.response.status_code == 403


async def test_the_client_gql_asks_writes_subscribes_and_resumes(server: Server) -> None:
    transport = WebsocketsTransport(
        url=server.ws_url, init_payload={"Authorization": "Bearer ann"}, subprotocols=["graphql-transport-ws"]
    )
    async with asyncio.timeout(HANG_S), Client(transport=transport) as session:
        answered = await session.execute(gql("{ caller }"))
        written = await session.execute(gql('mutation { write(text: "a") }'))
        counted = [result async for result in session.subscribe(gql("subscription { count(to: 3) }"))]
        lines = "subscription ($after: String) { lines(after: $after, to: 3) { cursor } }"
        before = session.subscribe(gql(lines))
        first = (await anext(before))["lines"]["cursor"]
        await before.aclose()
        after = GraphQLRequest(lines, variable_values={"after": first})
        others = [result["lines"]["cursor"] async for result in session.subscribe(after)]

    assert (answered, written) == ({"caller": "ann"}, {"write": "a"})
    assert counted == [{"count": 0}, {"count": 1}, {"count": 2}]
    assert [first, *others] == ["c0", "c1", "c2"]
