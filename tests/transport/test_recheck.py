"""A key that is revoked ends what was opened with it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.transport.conftest import Server, initialised, open_socket, until
from tests.transport.schema import REVOKED


@pytest.fixture
def revoked() -> Iterator[set[str]]:
    yield REVOKED
    REVOKED.clear()


async def test_sockets_of_a_revoked_key_are_closed_with_4403_and_others_live_on(
    server: Server, revoked: set[str]
) -> None:
    async with (
        initialised(server, authorization="Bearer ann") as ann,
        initialised(server, authorization="Bearer bob") as bob,
        open_socket(server) as silent,
    ):
        await ann.subscribe("1", "subscription { silence }")
        await until(lambda: server.world.begun == 1)
        await server.sockets.recheck()
        assert len(server.sockets) == 3
        revoked.add("ann")
        await server.sockets.recheck()

        assert await ann.closed() == (4403, "UNAUTHENTICATED: The key is not known.")
        await bob.subscribe("1", "{ caller }")
        assert (await bob.hear())["payload"] == {"data": {"caller": "bob"}}
        await silent.say({"type": "ping"})
        assert await silent.hear() == {"type": "pong"}
    assert server.world.ended == 1


async def test_event_streams_of_a_revoked_key_end_and_others_live_on(server: Server, revoked: set[str]) -> None:
    query = {"query": "subscription { silence }"}
    stream = {"accept": "text/event-stream"}
    ann, bob = ({**stream, "authorization": f"Bearer {name}"} for name in ("ann", "bob"))
    async with (
        httpx.AsyncClient() as http,
        http.stream("POST", server.url, json=query, headers=ann) as of_ann,
        http.stream("POST", server.url, json=query, headers=bob),
    ):
        await until(lambda: server.world.begun == 2)
        revoked.add("ann")
        await server.http.recheck()

        assert [line async for line in of_ann.aiter_lines() if line not in {"", ":"}] == []
        await until(lambda: server.world.ended == 1)
        assert len(server.http.streams) == 1


async def test_nobody_is_sent_away_when_nobody_can_be_recognised(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    headers = {"accept": "text/event-stream"}
    async with (
        initialised(server, authorization="Bearer ann") as ann,
        httpx.AsyncClient() as http,
        http.stream("POST", server.url, json={"query": "subscription { silence }"}, headers=headers),
    ):
        server.engine.authenticate = unable
        await server.sockets.recheck()
        await server.http.recheck()
        await ann.say({"type": "ping"})

        assert await ann.hear() == {"type": "pong"}
        assert len(server.http.streams) == 1
    assert len([record for record in caplog.records if "no database" in record.message]) == 2


async def unable(_: object) -> str:
    raise ConnectionError("no database")
