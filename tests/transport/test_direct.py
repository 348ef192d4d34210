"""The direct way says what the ordinary one says, to whatever comes, and takes only what is ordinary."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop
from graphql import print_schema

from api.access.rates import Rate, Standing
from api.execution.metering import Meter
from tests.transport.conftest import HANG_S, SCHEMA, Server, StartServer, running, until
from tests.transport.schema import REVOKED

GRAPHQL_JSON = "application/graphql-response+json"
ACCEPTS = {"Accept": "application/json"}
VARYING = re.compile(rb'"requestId":"[^"]+"')
SUM = "query ($v: [Int!]!) { sum(values: $v) }"


def request(
    body: dict[str, Any] | bytes, key: str | None = "ann", method: str = "POST", path: str = "/graphql", **also: str
) -> bytes:
    """Return a request as it is sent; underscores in names of headers are hyphens."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Host": "x", "Content-Type": "application/json", **ACCEPTS}
    headers |= {"Authorization": f"Bearer {key}"} if key is not None else {}
    headers |= {name.replace("_", "-"): value for name, value in also.items()}
    headers["Content-Length"] = str(len(content))
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


@dataclass
class Client:
    """A connection on which a test says bytes and hears answers."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        """Return an answer's status, headers and body."""
        async with asyncio.timeout(HANG_S):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])}
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(head[0].split()[1]), headers, body

    async def ask(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(sent)
        return await self.hear()


@asynccontextmanager
async def connected(server: Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()


def told(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], bytes]:
    """Return an answer without what is another each time."""
    status, headers, body = answer
    return status, {k: v for k, v in headers.items() if k not in {"date", "x-request-id"}}, VARYING.sub(b"", body)


@dataclass
class Case:
    """A request, and how often it is taken when it comes three times."""

    body: dict[str, Any] | bytes
    taken: int = 2
    key: str | None = "ann"
    also: dict[str, str] = field(default_factory=dict)


# Of three, the first teaches the head and is interpreted, so the second finds the operation not yet compiled.
CASES = {
    "a query": Case({"query": "{ hello }"}, taken=1),
    "variables": Case({"query": "query ($n: String!) { hello(name: $n) }", "variables": {"n": "Ann"}}, taken=1),
    "a name": Case({"query": "query A { hello } query B { caller }", "operationName": "B"}, taken=1),
    "an empty name": Case({"query": "{ caller }", "operationName": ""}, taken=1),
    "null for variables": Case({"query": "{ caller }", "variables": None}, taken=1),
    "a coroutine": Case({"query": "{ sleep(seconds: 0) }"}, taken=1),
    "a mutation": Case({"query": 'mutation { write(text: "a") }'}, taken=1),
    "mutations in a row": Case({"query": 'mutation { a: write(text: "a") b: write(text: "b") }'}, taken=1),
    "a failure": Case({"query": "{ hello fail }"}, taken=1),
    "a refusal": Case({"query": "{ hello refuse }"}, taken=1),
    "a value that is none": Case({"query": "{ unserializable }"}, taken=1),
    "a wrong variable": Case({"query": SUM, "variables": {"v": "x"}}, taken=1),
    "a variable that is missing": Case({"query": "query ($v: Int!) { number(value: $v) }"}, taken=1),
    "a graphql client": Case({"query": "{ hello fail }"}, taken=1, also={"Accept": GRAPHQL_JSON}),
    "a page": Case({"query": "{ hello }"}, taken=1, also={"Origin": "https://app.example"}),
    "another page": Case({"query": "{ hello }"}, taken=1, also={"Origin": "https://evil.example"}),
    "a long answer, compressed": Case({"query": "{ long(size: 5000) }"}, taken=1, also={"Accept_Encoding": "gzip"}),
    "a short answer, not compressed": Case({"query": "{ hello }"}, taken=1, also={"Accept_Encoding": "gzip"}),
    "an id": Case({"query": "{ hello }"}, taken=1, also={"X_Request_Id": "mine-1"}),
    "an odd id": Case({"query": "{ hello }"}, taken=0, also={"X_Request_Id": "mi ne"}),
    "a long id": Case({"query": "{ hello }"}, taken=1, also={"X_Request_Id": "a" * 101}),
    "a trace": Case({"query": "{ hello }"}, taken=1, also={"Traceparent": "00-ab-cd-01"}),
    "no key": Case({"query": "{ caller }"}, taken=0, key=None),
    "a bad key": Case({"query": "{ caller }"}, taken=0, key="bad"),
    "a look-up that fails": Case({"query": "{ caller }"}, taken=0, key="broken"),
    "a syntax error": Case({"query": "{"}, taken=0),
    "an unknown field": Case({"query": "{ unknown }"}, taken=0),
    "an unknown operation": Case({"query": "{ hello }", "operationName": "A"}, taken=0),
    "a subscription": Case({"query": "subscription { count(to: 1) }"}, taken=0),
    "introspection": Case({"query": "{ __schema { queryType { name } } }"}, taken=0),
    "no JSON": Case(b"{", taken=0),
    "no object": Case(b"[1]", taken=0),
    "no bytes": Case(b"", taken=0),
    "a NUL": Case(b'{"query": "{ hello }", "variables": {"a": "\\u0000"}}', taken=0),
    "a hash": Case(
        {"query": "{ hello }", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}, taken=0
    ),
    "a query that is a number": Case({"query": 1}, taken=0),
    "a name that is a number": Case({"query": "{ hello }", "operationName": 1}, taken=0),
    "variables that are a list": Case({"query": "{ hello }", "variables": []}, taken=0),
    "another media type": Case({"query": "{ hello }"}, taken=0, also={"Content_Type": "text/plain"}),
    "nothing that can be read": Case({"query": "{ hello }"}, taken=0, also={"Accept": "text/plain"}),
    "a stream": Case({"query": "{ hello }"}, taken=0, also={"X_GraphQL_Event_Stream_Token": "x"}),
    "a question of cost": Case({"query": "{ hello }"}, taken=0, also={"X_GraphQL_Cost": "dry-run"}),
    "a body that is called compressed": Case({"query": "{ hello }"}, taken=0, also={"Content_Encoding": "gzip"}),
}


@pytest.mark.parametrize("name", CASES)
async def test_both_ways_say_the_same(start_server: StartServer, name: str) -> None:
    case = CASES[name]
    direct, ordinary = await start_server(), await start_server(recognise=lambda _: None)
    sent = request(case.body, case.key, **case.also)
    async with connected(direct) as client, connected(ordinary) as other:
        for _ in range(3):
            answer, expected = await client.ask(sent), await other.ask(sent)
            assert told(answer) == told(expected)
            if name == "an id":
                assert answer[1]["x-request-id"] == "mine-1"

    assert direct.http.direct.taken == case.taken
    assert ordinary.http.direct.taken == 0
    assert direct.world.written == ordinary.world.written


async def learnt(client: Client, query: str = "{ caller }", **body: Any) -> bytes:
    """Return a request that is taken from now on."""
    sent = request({"query": query, **body})
    for _ in range(2):
        await client.ask(sent)
    return sent


async def test_a_key_that_ends_opens_nothing_the_next_time(server: Server) -> None:
    async with connected(server) as client:
        sent = await learnt(client)
        assert (await client.ask(sent))[2] == b'{"data":{"caller":"ann"}}'

        REVOKED.add("ann")
        try:
            status, headers, body = await client.ask(sent)
        finally:
            REVOKED.discard("ann")

    assert server.http.direct.taken == 2  # it was taken, and given back
    assert (status, headers["www-authenticate"]) == (401, 'Bearer realm="graphql"')
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_answers_come_in_the_order_of_the_requests(server: Server) -> None:
    async with connected(server) as client:
        slow = await learnt(client, "query ($s: Float!) { sleep(seconds: $s) }", variables={"s": 0.05})
        quick = await learnt(client)
        client.writer.write(slow + quick)  # in one piece: the parser's
        answers = [await client.hear() for _ in range(2)]
        client.writer.write(slow)
        await asyncio.sleep(0.01)
        client.writer.write(quick[:50])  # while another is on its way, and in pieces
        await asyncio.sleep(0.01)
        client.writer.write(quick[50:] + quick)
        answers += [await client.hear() for _ in range(3)]

    bodies = [body for _, _, body in answers]
    assert bodies == [b'{"data":{"sleep":"awake"}}', caller := b'{"data":{"caller":"ann"}}', bodies[0], caller, caller]


def test_what_comes_meanwhile_is_heard_in_its_order_on_the_loop_of_production() -> None:
    async def scenario() -> list[bytes]:
        async with running() as server, connected(server) as client:
            slow = await learnt(client, "query ($s: Float!) { sleep(seconds: $s) }", variables={"s": 0.02})
            query = "query ($v: Int!) { number(value: $v) }"
            said = [request({"query": query, "variables": {"v": number}}) for number in range(10)]
            heard = []
            for one in said:
                client.writer.write(slow)
                for piece in (one[:90], one[90:]):  # the first is held, the second waits unread
                    await asyncio.sleep(0.005)
                    client.writer.write(piece)
                heard += [(await client.hear())[2] for _ in range(2)][1:]
            return heard

    assert uvloop.run(scenario()) == [b'{"data":{"number":%d}}' % number for number in range(10)]


class Budgets:
    """Lets everybody spend, until it breaks."""

    breaks = False

    def charge(self, caller: str, cost: int) -> None:
        pass

    def settle(self, caller: str, cost: int) -> Standing:
        if self.breaks:
            raise RuntimeError("the password is swordfish")
        return self.standing(caller)

    def standing(self, caller: str) -> Standing:
        return Standing(Rate(capacity=100, refill_per_s=1), 50)


async def test_a_bug_after_the_execution_is_answered(start_server: StartServer) -> None:
    budgets = Budgets()
    server = await start_server(engine={"meter": Meter(SCHEMA, print_schema(SCHEMA), budgets)})
    async with connected(server) as client:
        sent = await learnt(client, "{ sleep(seconds: 0) }")
        assert json.loads((await client.ask(sent))[2])["extensions"]["cost"]["remaining"] == 50
        budgets.breaks = True
        _, _, body = await client.ask(sent)

    assert server.http.direct.taken == 2
    assert json.loads(body)["errors"][0]["extensions"]["code"] == "INTERNAL"
    assert b"swordfish" not in body


@pytest.mark.parametrize("cut", [10, 150, -5])
async def test_a_request_that_comes_in_pieces_is_the_parsers(server: Server, cut: int) -> None:
    async with connected(server) as client:
        sent = await learnt(client)
        taken = server.http.direct.taken
        client.writer.write(sent[:cut])
        await asyncio.sleep(0.02)
        client.writer.write(sent[cut:])

        assert (await client.hear())[2] == b'{"data":{"caller":"ann"}}'
        assert server.http.direct.taken == taken
        assert (await client.ask(sent))[0] == 200
        assert server.http.direct.taken == taken + 1


async def test_a_client_that_leaves_stops_neither_its_write_nor_the_server(server: Server) -> None:
    async with connected(server) as client:
        sent = await learnt(client, 'mutation { write(text: "a") }')
        server.world.written.clear()
        client.writer.write(sent)
        await client.writer.drain()
    await until(lambda: server.world.written == ["a"] and not server.uvicorn.server_state.connections)
    async with connected(server) as client:
        assert (await client.ask(sent))[0] == 200


async def test_what_takes_too_long_is_504_and_ends(start_server: StartServer) -> None:
    server = await start_server(engine={"deadline_s": 0.1})
    async with connected(server) as client:
        query = "query ($s: Float!) { sleep(seconds: $s) }"
        head = {"Accept": GRAPHQL_JSON}
        quick, slow = (request({"query": query, "variables": {"s": s}}, **head) for s in (0, 30))
        for _ in range(2):
            await client.ask(quick)
        tasks = len(asyncio.all_tasks())

        status, _, body = await client.ask(slow)

        assert server.http.direct.taken == 1
        assert (status, json.loads(body)["errors"][0]["extensions"]["code"]) == (504, "DEADLINE_EXCEEDED")
        await until(lambda: len(asyncio.all_tasks()) <= tasks)
        assert (await client.ask(quick))[0] == 200


async def test_a_server_that_stops_answers_first_and_then_closes() -> None:
    async with running() as server, connected(server) as client:
        server.world.news.set()
        sent = await learnt(client, "{ news }")
        server.world.news.clear()
        client.writer.write(sent)
        await until(lambda: server.http.direct.taken == 1)
        (connection,) = server.uvicorn.server_state.connections
        connection.shutdown()
        await asyncio.sleep(0.01)
        server.world.news.set()

        assert (await client.hear())[2] == b'{"data":{"news":"heard"}}'
        assert await client.reader.read() == b""


async def test_a_connection_that_idles_is_closed_and_one_that_works_is_not(start_server: StartServer) -> None:
    server = await start_server(uvicorn={"timeout_keep_alive": 0.2})
    async with connected(server) as client:
        sent = await learnt(client, "query ($s: Float!) { sleep(seconds: $s) }", variables={"s": 0.1})
        for _ in range(4):
            assert (await client.ask(sent))[0] == 200
        longer = request({"query": "query ($s: Float!) { sleep(seconds: $s) }", "variables": {"s": 0.5}})
        assert (await client.ask(longer))[0] == 200
        async with asyncio.timeout(HANG_S):
            assert await client.reader.read() == b""


async def test_the_time_for_idling_begins_with_the_last_request_whichever_way_it_went(
    start_server: StartServer,
) -> None:
    server = await start_server(uvicorn={"timeout_keep_alive": 0.3})
    async with connected(server) as client:
        direct = await learnt(client)
        ordinary = request({"query": "{ hello }"}, key=None)
        for _ in range(4):
            for sent in (ordinary, direct, direct, ordinary, ordinary, ordinary):
                await asyncio.sleep(0.12)
                assert (await client.ask(sent))[0] == 200

    assert server.http.direct.taken == 8


async def test_the_same_head_of_many_connections_is_learnt_once(server: Server) -> None:
    async with connected(server) as one, connected(server) as other:
        sent = await learnt(one)
        assert (await other.ask(sent))[0] == 200

    assert (len(server.http.direct.heads), server.http.direct.taken) == (1, 1)
