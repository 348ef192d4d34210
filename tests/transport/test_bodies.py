"""Any bytes may come as a body; a client that sends nonsense is told so, and nothing else happens."""

import asyncio
import logging
import random

import httpx
import orjson
import pytest

from tests.transport.conftest import GROWTH_MAX_MB, HANG_S, Server, StartServer, resident_mb, until

HEADERS = {"content-type": "application/json", "accept": "application/graphql-response+json"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"5",
        b'"x"',
        b"null",
        b"true",
        b"[1]",
        b"[]",
        b"{}",
        b'[{"query": "{ hello }"}]',
        b'{"query": 5}',
        b'{"query": "{ hello }", "variables": [1]}',
        b'{"query": "{ hello }"',
        b'{"query": "{ hello }"} {}',
        b'{"query": "{ hello(name: \\"\\u0000\\") }"}',
        b'{"query": "{ hello }", "variables": {"a": "\\u0000"}}',
        b'{"query": "{ hello }", "variables": {"a": "\\ud800"}}',
        b'{"query": "{ hello }", "variables": {"a": NaN}}',
        b'{"query": "{ hello }", "variables": {"a": 1e999}}',
        b'\xff\xfe{"query": "{ hello }"}',
        b'\xef\xbb\xbf{"query": "{ hello }"}',
        b'{"query": "\xff"}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\0" * 1_000,
    ],
)
async def test_a_body_that_is_no_request_is_refused_with_400(http: httpx.AsyncClient, body: bytes) -> None:
    response = await http.post("", content=body, headers=HEADERS)

    assert response.status_code == 400
    assert response.json()["errors"][0]["extensions"]["code"] == "BAD_REQUEST"


async def test_a_body_that_says_to_be_too_large_is_refused_without_waiting_for_it(server: Server) -> None:
    answer = await send_raw(server, b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: 2000000\r\n\r\n")  # fmt: skip

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"PAYLOAD_TOO_LARGE" in answer


async def test_a_body_that_turns_out_too_large_is_refused(http: httpx.AsyncClient) -> None:
    async def endless() -> object:
        for _ in range(100):
            yield b" " * 100_000

    response = await http.post("", content=endless(), headers=HEADERS)  # type: ignore[arg-type]

    assert response.status_code == 413


@pytest.mark.parametrize("length", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
async def test_a_body_that_never_ends_is_given_up(start_server: StartServer, length: bytes) -> None:
    server = await start_server(body_timeout_s=0.05)

    answer = await send_raw(server, b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                                    + length + b"\r\n\r\n")  # fmt: skip

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"REQUEST_TIMEOUT" in answer


@pytest.mark.parametrize("length", [b"-1", b"x", b"1, 2", b"99999999999999999999999999"])
async def test_a_wrong_length_is_refused(server: Server, length: bytes) -> None:
    answer = await send_raw(server, b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                                    b"Content-Length: " + length + b"\r\n\r\n{}")  # fmt: skip

    assert answer.split(b" ")[1] in {b"400", b"413"}


async def test_a_client_that_goes_away_before_its_body_is_complete_leaves_nothing_behind(
    server: Server, http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
    await writer.drain()
    writer.close()
    await writer.wait_closed()

    response = await http.post("", json={"query": "{ hello }"})

    assert response.status_code == 200
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_no_mutation_of_a_body_brings_the_server_to_an_error(
    http: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(20_240_601)  # noqa: S311
    tasks, memory_mb = len(asyncio.all_tasks()), 0
    seeds = [
        b'{"query": "query A($n: String!) { hello(name: $n) }", "variables": {"n": "x"}, "operationName": "A"}',
        b'{"query": "{ node { ...F } } fragment F on Node { name child(name: \\"\\u00e9\\") { name } }"}',
        b'{"query": "query ($w: Weight!) { weight(weight: $w) }", "variables": {"w": {"grams": "1g", "times": 2}}}',
        b'{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "ab"}}, "documentId": "x", "query": null}',
    ]
    for n in range(1_000):
        if n == 500:
            memory_mb = resident_mb()
        response = await http.post("", content=mutate(chance.choice(seeds), chance), headers=HEADERS)
        assert response.status_code in {200, 400, 406}, response.text
        orjson.loads(response.content)

    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    assert resident_mb() - memory_mb <= GROWTH_MAX_MB
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == []


def mutate(seed: bytes, chance: random.Random) -> bytes:
    """Change a few bytes: flip, cut, repeat, or replace by what JSON and GraphQL find meaningful."""
    body = bytearray(seed)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(body) + 1)
        match chance.randrange(5):
            case 0:
                body[at : at + 1] = bytes([chance.randrange(256)])
            case 1:
                del body[at : at + chance.randint(1, 8)]
            case 2:
                body[at:at] = body[at : at + chance.randint(1, 20)]
            case 3:
                body[at:at] = chance.choice([b"{", b"}", b"[", b"]", b'"', b"\\", b":", b",", b"$", b"@", b"...", b"#"])
            case _:
                body[at:at] = chance.choice(
                    [b"null", b"true", b"-1", b"1e9", b'"\\u0000"', b"\\ud800", b"__schema", b"\xf0"]
                )
    return bytes(body)


async def send_raw(server: Server, data: bytes) -> bytes:
    """Send bytes as they are, and return all that comes back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(data)
        await writer.drain()
        async with asyncio.timeout(HANG_S):
            head = await reader.readuntil(b"\r\n\r\n")
            return head + await reader.read(10_000)
    finally:
        writer.close()
