"""GraphQL over HTTP: methods, media types, status codes, and who may read the answer."""

import re
from typing import Any

import httpx
import pytest

from tests.transport.conftest import Server, StartServer

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"


def code(response: httpx.Response) -> str:
    """Return the only error's code, having looked at what all errors share."""
    (error,) = response.json()["errors"]
    assert error["extensions"]["requestId"] == response.headers["x-request-id"]
    return str(error["extensions"]["code"])


async def test_a_query_is_answered_by_post_and_by_get(http: httpx.AsyncClient) -> None:
    posted = await http.post("", json={"query": "{ hello }"})
    got = await http.get("", params={"query": "{ hello }"})

    assert (posted.status_code, posted.json()) == (200, {"data": {"hello": "Hello world"}})
    assert (got.status_code, got.json()) == (200, {"data": {"hello": "Hello world"}})


async def test_variables_and_the_operation_name_come_in_the_url_too(http: httpx.AsyncClient) -> None:
    query = "query A($n: String!) { hello(name: $n) } query B { caller }"

    got = await http.get("", params={"query": query, "variables": '{"n": "Ann"}', "operationName": "A"})

    assert got.json() == {"data": {"hello": "Hello Ann"}}


async def test_a_mutation_by_get_is_refused_with_405_and_does_nothing(http: httpx.AsyncClient, server: Server) -> None:
    got = await http.get("", params={"query": 'mutation { write(text: "a") }'})

    assert (got.status_code, got.headers["allow"], code(got)) == (405, "POST", "METHOD_NOT_ALLOWED")
    assert server.world.written == []


@pytest.mark.parametrize("method", ["PATCH", "HEAD", "TRACE", "PURGE"])
async def test_other_methods_are_refused_with_405(http: httpx.AsyncClient, method: str) -> None:
    response = await http.request(method, "")

    assert (response.status_code, response.headers["allow"]) == (405, "GET, POST, PUT, DELETE, OPTIONS")


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("accept", [GRAPHQL_JSON, "*/*", ""])
async def test_a_subscription_learns_what_to_use_instead(http: httpx.AsyncClient, accept: str, method: str) -> None:
    query = {"query": "subscription { count(to: 3) }"}
    sent = {"params": query} if method == "GET" else {"json": query}

    response = await http.request(method, "", headers={"accept": accept}, **sent)  # type: ignore[arg-type]

    assert (response.status_code, code(response)) == (406, "STREAM_REQUIRED")
    assert "graphql-transport-ws" in response.text
    assert "text/event-stream" in response.text


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, GRAPHQL_JSON),
        ("*/*", JSON),
        ("application/*", GRAPHQL_JSON),
        (JSON, JSON),
        (GRAPHQL_JSON, GRAPHQL_JSON),
        (f"{GRAPHQL_JSON}, {JSON};q=0.9", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0.1, {JSON}", JSON),
        (f"{JSON}, {GRAPHQL_JSON}", GRAPHQL_JSON),
        (f"{GRAPHQL_JSON};q=0, */*", JSON),
        ("APPLICATION/JSON; charset=UTF-8", JSON),
        ("text/html, application/json;q=0.5", JSON),
    ],
)
async def test_the_answer_has_the_media_type_that_the_client_likes_best(
    server: Server, accept: str | None, expected: str
) -> None:
    async with httpx.AsyncClient() as client:
        del client.headers["accept"]
        headers = {} if accept is None else {"accept": accept}
        response = await client.post(server.url, json={"query": "{ hello }"}, headers=headers)

    assert (response.status_code, response.headers["content-type"]) == (200, f"{expected}; charset=utf-8")


@pytest.mark.parametrize("accept", ["text/plain", "image/*", f"{JSON};q=0", f"{JSON};charset=latin-1", "nonsense", ";"])
async def test_a_client_that_can_read_none_of_our_media_types_is_told_with_406(
    http: httpx.AsyncClient, accept: str
) -> None:
    response = await http.post("", json={"query": "{ hello }"}, headers={"accept": accept})

    assert (response.status_code, code(response)) == (406, "NOT_ACCEPTABLE")
    assert response.headers["content-type"] == f"{GRAPHQL_JSON}; charset=utf-8"


FAILURES: list[tuple[dict[str, Any], str]] = [
    ({"query": "{"}, "GRAPHQL_PARSE_FAILED"),
    ({"query": "{ unknown }"}, "GRAPHQL_VALIDATION_FAILED"),
    ({"query": "{ hello }", "operationName": "A"}, "OPERATION_RESOLUTION_FAILURE"),
    ({"query": "query ($v: Int!) { number(value: $v) }"}, "BAD_USER_INPUT"),
    ({"query": "query ($v: Int!) { number(value: $v) }", "variables": {"v": "x"}}, "BAD_USER_INPUT"),
    ({"query": "{ " + "a: node { child { name } } " * 25 + "}"}, "LIMIT_EXCEEDED"),
]


@pytest.mark.parametrize(("request_body", "expected"), FAILURES)
async def test_what_cannot_be_executed_is_400_for_those_who_understand_that_and_200_for_others(
    http: httpx.AsyncClient, request_body: dict[str, Any], expected: str
) -> None:
    new = await http.post("", json=request_body, headers={"accept": GRAPHQL_JSON})
    old = await http.post("", json=request_body, headers={"accept": JSON})

    assert (new.status_code, code(new)) == (400, expected)
    assert (old.status_code, code(old)) == (200, expected)
    assert "data" not in new.json()


@pytest.mark.parametrize("accept", [GRAPHQL_JSON, JSON])
async def test_an_error_while_executing_is_200_with_the_data_there_is(http: httpx.AsyncClient, accept: str) -> None:
    response = await http.post("", json={"query": "{ hello fail }"}, headers={"accept": accept})

    assert (response.status_code, code(response)) == (200, "INTERNAL")
    assert response.json()["data"] == {"hello": "Hello world", "fail": None}
    assert "swordfish" not in response.text


async def test_data_that_is_null_altogether_is_200(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "{ node { broken } }"}, headers={"accept": GRAPHQL_JSON})

    assert (response.status_code, response.json()["data"]) == (200, None)


async def test_an_error_meant_for_the_caller_keeps_its_extensions(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "{ refuse }"}, headers={"x-request-id": "r1"})

    extensions = {"code": "FORBIDDEN", "hint": "ask", "requestId": "r1"}
    where = {"locations": [{"line": 1, "column": 3}], "path": ["refuse"]}
    assert response.json() == {
        "data": {"refuse": None},
        "errors": [{"message": "You may not", **where, "extensions": extensions}],
    }


async def test_a_value_that_does_not_fit_its_type_is_our_bug_and_is_not_shown(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "{ unserializable }"})

    assert code(response) == "INTERNAL"
    assert "swordfish" not in response.text


async def test_an_argument_found_wrong_while_executing_is_the_callers_mistake(http: httpx.AsyncClient) -> None:
    query = "query ($v: Int = 1) { number(value: $v) }"

    response = await http.post("", json={"query": query, "variables": {"v": None}})

    assert code(response) == "BAD_USER_INPUT"


@pytest.mark.parametrize("value", [2**31, 2**53, 2**53 + 1, 2**63, 2**64, 10**30, 1.5, "1", True])
async def test_a_number_that_is_no_32_bit_integer_is_the_callers_mistake(http: httpx.AsyncClient, value: Any) -> None:
    query = "query ($v: Int!) { number(value: $v) }"

    response = await http.post("", json={"query": query, "variables": {"v": value}}, headers={"accept": GRAPHQL_JSON})

    assert (response.status_code, code(response)) == (400, "BAD_USER_INPUT")


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
async def test_a_body_that_is_not_called_json_is_refused_with_415(
    http: httpx.AsyncClient, server: Server, content_type: str
) -> None:
    body = b'{"query": "mutation { write(text: \\"a\\") }"}'

    response = await http.post("", content=body, headers={"content-type": content_type})

    assert (response.status_code, code(response)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    assert server.world.written == []


async def test_only_utf_8_is_read(http: httpx.AsyncClient) -> None:
    body = b'{"query": "{ hello }"}'
    utf_8 = await http.post("", content=body, headers={"content-type": 'Application/JSON; charset="UTF-8"'})
    latin_1 = await http.post("", content=body, headers={"content-type": "application/json; charset=latin-1"})
    gzipped = await http.post("", content=body, headers={"content-type": JSON, "content-encoding": "gzip"})

    assert [utf_8.status_code, latin_1.status_code, gzipped.status_code] == [200, 415, 415]
    # RFC 9110, section 15.5.16: so the client learns that its body's encoding is to blame, and not its type.
    assert gzipped.headers["accept-encoding"] == "identity"
    assert "without a Content-Encoding" in gzipped.json()["errors"][0]["message"]


async def test_who_is_not_known_is_refused_with_401_before_the_body_is_read(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "{"}, headers={"authorization": "Bearer bad"})

    assert (response.status_code, code(response)) == (401, "UNAUTHENTICATED")
    assert response.headers["www-authenticate"] == 'Bearer realm="graphql"'


async def test_a_bug_while_authenticating_is_500_and_says_nothing(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "{ hello }"}, headers={"authorization": "Bearer broken"})

    assert (response.status_code, code(response)) == (500, "INTERNAL")
    assert "swordfish" not in response.text


async def test_every_operation_has_a_context_of_its_own(http: httpx.AsyncClient, server: Server) -> None:
    for _ in range(2):
        await http.post("", json={"query": "{ caller }"})

    assert len({id(context) for context in server.world.contexts}) == 2
    assert len({context.request_id for context in server.world.contexts}) == 2


@pytest.mark.parametrize("given", ["r1", "a-b_c.d:e/f+g=", "x" * 100])
async def test_a_sane_request_id_is_echoed(http: httpx.AsyncClient, given: str) -> None:
    response = await http.post("", json={"query": "{ hello }"}, headers={"x-request-id": given})

    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 101, "a b", "a\tb", "<script>", '"', "é"])
async def test_any_other_request_id_is_replaced(http: httpx.AsyncClient, given: str) -> None:
    headers = {"x-request-id": given.encode()}

    response = await http.post("", json={"query": "{ hello }"}, headers=headers)  # type: ignore[arg-type]

    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-request-id"])


async def test_an_operation_that_takes_too_long_is_ended(start_server: StartServer) -> None:
    server = await start_server(engine={"deadline_s": 0.05})
    async with httpx.AsyncClient() as client:
        response = await client.post(
            server.url, json={"query": "{ sleep(seconds: 60) }"}, headers={"accept": GRAPHQL_JSON}
        )

    assert (response.status_code, code(response)) == (504, "DEADLINE_EXCEEDED")


async def test_no_cache_keeps_an_answer(http: httpx.AsyncClient) -> None:
    response = await http.get("", params={"query": "{ hello }"})

    assert response.headers["cache-control"] == "private, no-store"


async def test_a_page_of_an_allowed_origin_may_ask_and_read(http: httpx.AsyncClient) -> None:
    origin = {"origin": "https://app.example"}
    preflight = await http.options("", headers={**origin, "access-control-request-method": "POST"})
    response = await http.post("", json={"query": "{ hello }"}, headers=origin)

    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert "Origin" in response.headers["vary"]


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.evil.example", "http://app.example"]
)
async def test_a_page_of_another_origin_may_not(http: httpx.AsyncClient, origin: str) -> None:
    preflight = await http.options("", headers={"origin": origin, "access-control-request-method": "POST"})
    response = await http.post("", json={"query": "{ hello }"}, headers={"origin": origin})

    assert "access-control-allow-origin" not in preflight.headers
    assert "access-control-allow-origin" not in response.headers


async def test_a_person_with_a_browser_gets_the_explorer(http: httpx.AsyncClient) -> None:
    accept = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    response = await http.get("", headers={"accept": accept})

    assert (response.status_code, response.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "GraphiQL" in response.text


@pytest.mark.parametrize(
    "query", ["", "query=", "qeury={hello}", "query={hello}&query={hello}", "query=%ff", "query={hello}&variables=[1]",
              "query={hello}&variables={", "query={hello}&extensions=5", "query=%00", "a=1&" * 50]
)  # fmt: skip
async def test_a_url_that_is_no_request_is_refused(http: httpx.AsyncClient, query: str) -> None:
    response = await http.get(f"?{query}", headers={"accept": GRAPHQL_JSON})

    assert response.status_code == 400
    assert code(response) in {"BAD_REQUEST", "GRAPHQL_PARSE_FAILED"}
