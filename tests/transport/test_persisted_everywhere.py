"""Documents that are named in place of being sent: the same on every transport."""

import httpx
import orjson

from api.execution.persisted import sha256
from tests.transport.conftest import Server, StartServer, initialised

QUERY = "query ($n: String!) { hello(name: $n) }"
HASHED = {"persistedQuery": {"version": 1, "sha256Hash": sha256(QUERY)}}
ANSWER = {"data": {"hello": "Hello Ann"}}


async def test_over_http_a_hash_is_unknown_then_sent_then_known(http: httpx.AsyncClient) -> None:
    named = {"extensions": HASHED, "variables": {"n": "Ann"}}
    unknown = await http.post("", json=named)
    sent = await http.post("", json={**named, "query": QUERY})
    known = await http.post("", json=named)
    got = await http.get("", params={"extensions": orjson.dumps(HASHED).decode(), "variables": '{"n":"Ann"}'})

    (error,) = unknown.json()["errors"]
    assert (error["message"], error["extensions"]["code"]) == ("PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
    assert sent.json() == known.json() == got.json() == ANSWER


async def test_a_document_that_is_not_valid_is_not_stored(http: httpx.AsyncClient) -> None:
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": sha256("{ nothing }")}}
    await http.post("", json={"query": "{ nothing }", "extensions": hashed})

    again = await http.post("", json={"extensions": hashed})

    assert again.json()["errors"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_over_a_socket_a_hash_is_unknown_then_sent_then_known(server: Server) -> None:
    async with initialised(server) as socket:
        named = {"extensions": HASHED, "variables": {"n": "Ann"}}
        await socket.say({"id": "1", "type": "subscribe", "payload": named})
        unknown = await socket.hear()
        await socket.say({"id": "1", "type": "subscribe", "payload": {**named, "query": QUERY}})
        assert (await socket.hear())["payload"] == ANSWER
        assert (await socket.hear())["type"] == "complete"
        await socket.say({"id": "1", "type": "subscribe", "payload": named})

        assert (await socket.hear())["payload"] == ANSWER
        assert unknown["payload"][0]["extensions"]["code"] == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_trusted_document_is_executed_by_its_id_on_every_transport(start_server: StartServer) -> None:
    server = await start_server(engine={"trusted_documents": {"hello": QUERY}})
    named = {"documentId": "hello", "variables": {"n": "Ann"}}
    async with httpx.AsyncClient() as client, initialised(server) as socket:
        posted = await client.post(server.url, json=named)
        got = await client.get(server.url, params={"documentId": "hello", "variables": '{"n":"Ann"}'})
        await socket.say({"id": "1", "type": "subscribe", "payload": named})

        assert posted.json() == got.json() == (await socket.hear())["payload"] == ANSWER


async def test_a_mutation_that_is_named_is_refused_by_get_all_the_same(start_server: StartServer) -> None:
    server = await start_server(engine={"trusted_documents": {"write": 'mutation { write(text: "a") }'}})
    async with httpx.AsyncClient() as client:
        got = await client.get(server.url, params={"documentId": "write"})

    assert got.status_code == 405
    assert server.world.written == []
