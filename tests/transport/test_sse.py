"""GraphQL over server-sent events, in both modes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson
import pytest

from api.transport.event_stream import EventStreamResponse, StreamLimits
from tests.transport.conftest import HANG_S, Server, StartServer, until

STREAM = {"accept": "text/event-stream"}
TOKEN = "x-graphql-event-stream-token"


@dataclass
class Event:
    name: str
    data: Any
    id: str | None = None


class Events:
    """What a client reads from an event stream."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> Event | None:
        """Return the next event, or `None` at the end of the stream."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(HANG_S):
            async for line in self._lines:
                if line.startswith(":"):
                    continue
                if line:
                    name, _, value = line.partition(": ")
                    fields[name] = value
                elif fields:
                    data = orjson.loads(fields["data"]) if fields["data"] else None
                    return Event(fields["event"], data, fields.get("id"))
        return None

    async def all(self) -> list[Event]:
        events = []
        while event := await self.next():
            events.append(event)
        return events


@asynccontextmanager
async def listen(http: httpx.AsyncClient, method: str = "POST", **request: Any) -> AsyncIterator[Events]:
    request["headers"] = {**STREAM, **request.get("headers", {})}
    async with http.stream(method, "", **request) as response:
        yield Events(response)


def counts(*numbers: int) -> list[Event]:
    return [Event("next", {"data": {"count": number}}) for number in numbers] + [Event("complete", None)]


async def test_a_subscription_is_streamed_by_post_and_by_get(http: httpx.AsyncClient) -> None:
    query = "subscription { count(to: 3) }"
    async with listen(http, json={"query": query}) as posted:
        assert posted.response.status_code == 200
        assert posted.response.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert await posted.all() == counts(0, 1, 2)
    async with listen(http, "GET", params={"query": query}) as got:
        assert await got.all() == counts(0, 1, 2)


async def test_a_query_and_a_mutation_are_streams_of_one_result(http: httpx.AsyncClient, server: Server) -> None:
    async with listen(http, json={"query": "{ hello }"}) as events:
        assert await events.all() == [Event("next", {"data": {"hello": "Hello world"}}), Event("complete", None)]
    async with listen(http, json={"query": 'mutation { write(text: "a") }'}) as events:
        assert await events.all() == [Event("next", {"data": {"write": "a"}}), Event("complete", None)]
    assert server.world.written == ["a"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("subscription { unknown }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { refuse }", "FORBIDDEN"),
        ("subscription ($v: Int!) { count(to: $v) }", "BAD_USER_INPUT"),
    ],
)
async def test_an_operation_that_cannot_be_executed_is_said_in_the_stream(
    http: httpx.AsyncClient, query: str, code: str
) -> None:
    async with listen(http, json={"query": query}) as events:
        first, last = await events.all()

    assert events.response.status_code == 200
    assert [error["extensions"]["code"] for error in first.data["errors"]] == [code]
    assert "data" not in first.data
    assert last == Event("complete", None)


async def test_what_is_no_request_at_all_is_refused_in_json(http: httpx.AsyncClient) -> None:
    for sent, status in (({"json": [1]}, 400), ({"content": b"{}"}, 415), ({"json": {}}, 400)):
        response = await http.post("", headers=STREAM, **sent)

        assert response.status_code == status
        assert response.headers["content-type"] == "application/graphql-response+json; charset=utf-8"


async def test_a_bad_key_is_refused_with_401(http: httpx.AsyncClient) -> None:
    response = await http.post(
        "", json={"query": "subscription { silence }"}, headers={**STREAM, "authorization": "Bearer bad"}
    )

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (401, "UNAUTHENTICATED")


async def test_a_mutation_by_get_is_refused_with_405(http: httpx.AsyncClient, server: Server) -> None:
    response = await http.get("", params={"query": 'mutation { write(text: "a") }'}, headers=STREAM)

    assert response.status_code == 405
    assert server.world.written == []


async def test_a_source_that_fails_ends_the_stream_with_an_error_that_says_nothing(http: httpx.AsyncClient) -> None:
    async with listen(http, json={"query": "subscription { count(to: 3, failAt: 1) }"}) as events:
        first, failed, last = await events.all()

    assert first.data == {"data": {"count": 0}}
    assert failed.data["errors"][0]["message"] == "Internal error"
    assert last.name == "complete"


async def test_each_event_is_known_by_its_cursor_and_the_stream_goes_on_after_it(http: httpx.AsyncClient) -> None:
    query = "subscription { lines { cursor text } }"
    async with listen(http, json={"query": query}) as events:
        whole = await events.all()
    async with listen(http, json={"query": query}, headers={"last-event-id": "c0"}) as events:
        rest = await events.all()

    assert [event.id for event in whole] == ["c0", "c1", "c2", None]
    assert rest == whole[1:]


async def test_who_asks_for_no_cursor_gets_no_ids(http: httpx.AsyncClient) -> None:
    async with listen(http, json={"query": "subscription { lines { text } }"}) as events:
        assert {event.id for event in await events.all()} == {None}


async def test_the_operation_ends_when_the_client_goes_away(http: httpx.AsyncClient, server: Server) -> None:
    for query in ("silence", "forever { name }", "flood(size: 10)"):
        async with listen(http, json={"query": f"subscription {{ {query} }}"}):
            await until(lambda: server.world.begun == server.world.ended + 1)
        await until(lambda: server.world.begun == server.world.ended)

    await until(lambda: len(server.http.streams) == 0)


async def test_all_streams_end_without_a_complete_when_the_server_closes(
    http: httpx.AsyncClient, server: Server
) -> None:
    async with listen(http, json={"query": "subscription { silence }"}) as events:
        await until(lambda: server.world.begun == 1)
        await server.http.close()

        assert await events.all() == []
    assert server.world.ended == 1
    assert len(server.http.streams) == 0


async def test_a_client_that_does_not_read_makes_the_server_wait(server: Server) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=1_000)
    body = orjson.dumps({"query": "subscription { flood(size: 100000) }"})
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\nContent-Type: application/json\r\n"
                 b"Content-Length: %d\r\n\r\n%b" % (len(body), body))  # fmt: skip
    await reader.readline()
    written = -1
    while written != len(server.world.written):  # until the buffers of both sides are full
        written = len(server.world.written)
        await asyncio.sleep(0.2)

    assert written * 100_000 < 50_000_000
    writer.close()
    await until(lambda: server.world.ended == 1)


async def test_a_silent_stream_is_kept_alive(start_server: StartServer) -> None:
    server = await start_server(streams=StreamLimits(keep_alive_s=0.01))
    async with (
        httpx.AsyncClient(base_url=server.url) as http,
        listen(http, json={"query": "subscription { silence }"}) as events,
    ):
        lines = events.response.aiter_lines()

        assert [await anext(lines) for _ in range(6)] == [":", "", ":", "", ":", ""]
    await until(lambda: server.world.ended == 1)


async def reserve(http: httpx.AsyncClient) -> dict[str, str]:
    response = await http.put("")
    assert (response.status_code, response.headers["content-type"]) == (201, "text/plain; charset=utf-8")
    return {TOKEN: response.text}


def operation(operation_id: object, query: str) -> dict[str, Any]:
    return {"query": query, "extensions": {"operationId": operation_id}}


async def test_many_operations_share_a_reserved_stream(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    async with listen(http, "GET", headers=token) as events:
        for operation_id, query in (("a", "{ hello }"), ("b", "subscription { count(to: 1) }")):
            response = await http.post("", json=operation(operation_id, query), headers=token)
            assert (response.status_code, response.content) == (202, b"")
        heard = [await events.next() for _ in range(4)]

    assert sorted(map(repr, heard)) == sorted(
        map(
            repr,
            [
                Event("next", {"id": "a", "payload": {"data": {"hello": "Hello world"}}}),
                Event("complete", {"id": "a"}),
                Event("next", {"id": "b", "payload": {"data": {"count": 0}}}),
                Event("complete", {"id": "b"}),
            ],
        )
    )


async def test_an_operation_may_begin_before_its_client_listens(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    await http.post("", json=operation("a", "{ hello }"), headers=token)
    async with listen(http, "GET", params={"token": token[TOKEN]}) as events:
        first = await events.next()

    assert first == Event("next", {"id": "a", "payload": {"data": {"hello": "Hello world"}}})


async def test_an_operation_of_a_reserved_stream_is_ended_by_delete(http: httpx.AsyncClient, server: Server) -> None:
    token = await reserve(http)
    async with listen(http, "GET", headers=token):
        await http.post("", json=operation("a", "subscription { silence }"), headers=token)
        await until(lambda: server.world.begun == 1)
        response = await http.delete("", params={"operationId": "a"}, headers=token)
        await until(lambda: server.world.ended == 1)

    assert response.status_code == 200


async def test_all_operations_of_a_reserved_stream_end_with_it(http: httpx.AsyncClient, server: Server) -> None:
    token = await reserve(http)
    async with listen(http, "GET", headers=token):
        for n in range(9):
            await http.post("", json=operation(str(n), "subscription { silence }"), headers=token)
        await until(lambda: server.world.begun == 9)
    await until(lambda: server.world.ended == 9)
    late = await http.post("", json=operation("late", "{ hello }"), headers=token)

    assert late.status_code == 404


async def test_a_reservation_nobody_comes_for_expires_with_its_operations(start_server: StartServer) -> None:
    server = await start_server(streams=StreamLimits(reserved_s=0.05))
    async with httpx.AsyncClient(base_url=server.url) as http:
        token = await reserve(http)
        await http.post("", json=operation("a", "subscription { forever { name } }"), headers=token)
        await until(lambda: len(server.http.streams) == 0)

        assert server.world.ended == server.world.begun
        assert (await http.get("", headers={**STREAM, **token})).status_code == 404


async def test_only_one_client_may_listen_to_a_reserved_stream(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    async with listen(http, "GET", headers=token):
        second = await http.get("", headers={**STREAM, **token})

    assert (second.status_code, second.json()["errors"][0]["extensions"]["code"]) == (409, "CONFLICT")


@pytest.mark.parametrize("operation_id", [None, "", 5, {}, "x" * 129])
async def test_an_operation_needs_an_id_on_a_reserved_stream(http: httpx.AsyncClient, operation_id: object) -> None:
    token = await reserve(http)

    response = await http.post("", json=operation(operation_id, "{ hello }"), headers=token)

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (400, "BAD_REQUEST")


async def test_an_id_in_use_is_refused_with_409(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    statuses = [
        (await http.post("", json=operation("a", "subscription { silence }"), headers=token)).status_code
        for _ in range(2)
    ]

    assert statuses == [202, 409]


async def test_an_operation_that_cannot_be_executed_is_refused_in_its_own_answer(http: httpx.AsyncClient) -> None:
    token = await reserve(http)

    response = await http.post("", json=operation("a", "{ unknown }"), headers=token)

    assert (response.status_code, response.json()["errors"][0]["extensions"]["code"]) == (
        400,
        "GRAPHQL_VALIDATION_FAILED",
    )


async def test_an_unknown_token_is_refused_with_404(http: httpx.AsyncClient) -> None:
    token = {TOKEN: "unknown"}
    answers = [
        await http.get("", headers={**STREAM, **token}),
        await http.post("", json=operation("a", "{ hello }"), headers=token),
        await http.delete("", params={"operationId": "a"}, headers=token),
        await http.delete(""),
    ]

    assert [answer.status_code for answer in answers] == [404] * 4


async def test_who_is_not_known_cannot_reserve_or_add(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    bad = {"authorization": "Bearer bad"}

    assert (await http.put("", headers=bad)).status_code == 401
    assert (await http.post("", json=operation("a", "{ hello }"), headers={**token, **bad})).status_code == 401


async def test_an_operation_is_executed_for_who_asks_and_not_for_who_reserved(http: httpx.AsyncClient) -> None:
    token = await reserve(http)
    await http.post("", json=operation("a", "{ caller }"), headers={**token, "authorization": "Bearer ann"})
    async with listen(http, "GET", headers=token) as events:
        first = await events.next()

    assert first
    assert first.data["payload"] == {"data": {"caller": "ann"}}


async def test_the_number_of_reservations_is_bounded(start_server: StartServer) -> None:
    server = await start_server(streams=StreamLimits(reservations_max=2))
    async with httpx.AsyncClient(base_url=server.url) as http:
        statuses = [(await http.put("")).status_code for _ in range(3)]

    assert statuses == [201, 201, 503]


async def test_a_stream_nobody_transmits_can_be_ended() -> None:
    ended: list[EventStreamResponse] = []
    stream = EventStreamResponse(many=True, credentials={}, on_end=ended.append)
    await stream.end()

    assert ended == [stream]
