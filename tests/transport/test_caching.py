"""What others may keep: a public answer to a named document, for who sends no key; and nothing else."""

import re
from typing import Any

import httpx
import orjson
import pytest

from api.execution.caching import Caching
from api.execution.persisted import sha256
from tests.transport.conftest import SCHEMA, Server, StartServer

GRAPHQL_JSON = "application/graphql-response+json"
PUBLIC = """type Query {
  hello: String! @cacheControl(maxAge: 60)
  long: String! @cacheControl(maxAge: 60)
  fail: String @cacheControl(maxAge: 60)
}"""
TRUSTED = {
    "hello": "query ($name: String) { hello(name: $name) }",
    "long": "{ long(size: 100000) }",
    "caller": "{ hello caller }",
    "fail": "{ hello fail }",
}
NOT_KEPT = "private, no-store"


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    caching = Caching[str](SCHEMA, PUBLIC, is_anybody=lambda caller: caller == "nobody")
    return await start_server(engine={"caching": caching, "trusted_documents": TRUSTED})


async def get(
    http: httpx.AsyncClient, name: str, headers: dict[str, str] | None = None, **params: Any
) -> httpx.Response:
    return await http.get(
        "", params={"documentId": name, **params}, headers={"accept": GRAPHQL_JSON, **(headers or {})}
    )


async def test_a_public_answer_may_be_kept_and_is_known_by_its_tag(http: httpx.AsyncClient) -> None:
    first = await get(http, "hello")
    again = await get(http, "hello")
    other = await get(http, "hello", variables='{"name": "Ann"}')

    assert (first.status_code, first.json()) == (200, {"data": {"hello": "Hello world"}})
    assert first.headers["cache-control"] == "public, max-age=60"
    assert re.fullmatch(r'W/"[\w-]{20}"', first.headers["etag"])
    assert again.headers["etag"] == first.headers["etag"] != other.headers["etag"]


@pytest.mark.parametrize("known", ["{}", '"x", {}', "*", "{weak}"])
async def test_who_has_it_already_is_told_so_and_sent_nothing(http: httpx.AsyncClient, known: str) -> None:
    tag = (await get(http, "hello")).headers["etag"]

    sent = known.replace("{weak}", tag.removeprefix("W/")).replace("{}", tag)
    response = await get(http, "hello", {"if-none-match": sent})

    assert (response.status_code, response.content) == (304, b"")
    assert response.headers["etag"] == tag
    assert response.headers["cache-control"] == "public, max-age=60"
    assert "accept" in response.headers["vary"].lower()
    assert not {"content-type", "content-length", "content-encoding"} & set(response.headers)


async def test_who_has_something_else_is_sent_the_answer(http: httpx.AsyncClient) -> None:
    tag = (await get(http, "hello", variables='{"name": "Ann"}')).headers["etag"]

    response = await get(http, "hello", {"if-none-match": f'{tag}, "other"'})

    assert (response.status_code, response.json()) == (200, {"data": {"hello": "Hello world"}})


async def test_a_hash_names_a_document_as_well(http: httpx.AsyncClient) -> None:
    query = "{ hello }"
    hashed = {"extensions": orjson.dumps({"persistedQuery": {"version": 1, "sha256Hash": sha256(query)}}).decode()}
    unknown = await http.get("", params=hashed)
    sent = await http.get("", params={**hashed, "query": query})
    known = await http.get("", params=hashed)
    by_id = await get(http, f"sha256:{sha256(query)}")

    assert unknown.headers["cache-control"] == NOT_KEPT
    assert {one.headers["cache-control"] for one in (sent, known, by_id)} == {"public, max-age=60"}
    assert len({one.headers["etag"] for one in (sent, known, by_id)}) == 1


@pytest.mark.parametrize("document", ["caller", "fail", "unknown"])
async def test_what_depends_on_the_caller_or_holds_an_error_is_kept_by_nobody(
    http: httpx.AsyncClient, document: str
) -> None:
    response = await get(http, document, {"if-none-match": "*"})

    assert response.status_code != 304
    assert response.headers["cache-control"] == NOT_KEPT
    assert "etag" not in response.headers


async def test_nothing_that_is_answered_to_a_key_is_kept(http: httpx.AsyncClient) -> None:
    tag = (await get(http, "hello")).headers["etag"]

    for key in ("ann", "bad"):
        response = await get(http, "hello", {"authorization": f"Bearer {key}", "if-none-match": tag})
        assert response.status_code == (200 if key == "ann" else 401)
        assert response.headers["cache-control"] == NOT_KEPT
        assert "etag" not in response.headers


async def test_a_post_or_a_document_in_the_url_is_not_kept(http: httpx.AsyncClient) -> None:
    posted = await http.post("", json={"documentId": "hello"})
    written_out = await http.get("", params={"query": "{ hello }"})
    dry = await get(http, "hello", {"x-graphql-cost": "dry-run"})

    assert [one.headers["cache-control"] for one in (posted, written_out, dry)] == [NOT_KEPT] * 3


async def test_the_tag_is_the_same_however_the_answer_is_compressed(http: httpx.AsyncClient) -> None:
    plain = await get(http, "long", {"accept-encoding": "identity"})
    gzipped = await get(http, "long", {"accept-encoding": "gzip"})

    assert ("content-encoding" in plain.headers, gzipped.headers["content-encoding"]) == (False, "gzip")
    assert plain.headers["etag"] == gzipped.headers["etag"]
    assert plain.json() == gzipped.json()


async def test_a_cache_is_told_what_an_answer_depends_on(http: httpx.AsyncClient) -> None:
    shared = await get(http, "hello")
    private = await get(http, "caller")
    posted = await http.post("", json={"query": "{ hello }"})
    page = await http.get("", headers={"accept": "text/html"})
    refused = await http.get("", headers={"accept": "image/png"})

    # The words of an error come in the caller's language, and a shared answer has none.
    assert shared.headers["vary"] == "Accept, Accept-Encoding, Authorization, Origin"
    everything = "Accept, Accept-Encoding, Accept-Language, Authorization, Origin"
    assert [one.headers["vary"] for one in (private, posted, page, refused)] == [everything] * 4


async def test_a_page_of_an_allowed_origin_may_read_what_is_shared(http: httpx.AsyncClient) -> None:
    allowed = await get(http, "hello", {"origin": "https://app.example"})
    other = await get(http, "hello", {"origin": "https://evil.example"})

    assert allowed.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-origin" not in other.headers
    assert "Origin" in allowed.headers["vary"]
    assert "Origin" in other.headers["vary"]
