"""The short way for whole answers says what the ordinary one says, and is taken only where it may be."""

import asyncio
import json
from typing import Any

import pytest
import uvicorn
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.transport.asgi import RESPOND
from api.transport.http_protocol import HttpProtocol
from tests.conftest import eventually

SAYS = {"content-length": "2", "x-said": "ja"}


def request(path: str = "/", *headers: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: x", *headers, "", ""]).encode()


class App:
    """Answers by the short way, where it is let, and otherwise by the ordinary one."""

    def __init__(self, headers: dict[str, str] = SAYS, body: bytes = b"ok") -> None:
        self.headers = headers
        self.body = body
        self.taken: list[bool] = []
        self.pause = asyncio.Event()
        self.pause.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/slow":
            await self.pause.wait()
        respond = scope.get("extensions", {}).get(RESPOND, {}).get("respond")
        self.taken.append(respond is not None and respond(scope, 200, self.headers, self.body))
        if not self.taken[-1]:
            headers = [(name.encode(), value.replace("\n", "").encode()) for name, value in self.headers.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": self.body})


async def said(app: App, *sent: bytes, protocol: type = HttpProtocol, pause_s: float = 0, **config: Any) -> bytes:
    """Return all that a server answers on one connection, until it ends or has nothing to say for a while."""
    loaded = uvicorn.Config(app, http=protocol, port=0, lifespan="off", log_level="warning", **config)
    loaded.load()
    server = uvicorn.Server(loaded)
    server.lifespan = loaded.lifespan_class(loaded)
    await server.startup()
    try:
        reader, writer = await asyncio.open_connection(*server.servers[0].sockets[0].getsockname()[:2])
        for part in sent:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause_s)
        app.pause.set()
        heard = b""
        while heard.count(b"HTTP/1.1 ") < sum(part.count(b" HTTP/1.") for part in sent) or not heard.endswith(
            (b"ok", b"\r\n0\r\n\r\n")
        ):
            async with asyncio.timeout(5):
                part = await reader.read(2**16)
            if not part:
                break
            heard += part
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: _is_left_alone(server))
        return heard
    finally:
        for listener in server.servers:
            listener.close()


async def _is_left_alone(server: uvicorn.Server) -> bool:
    return not server.server_state.connections


def without_date(heard: bytes) -> bytes:
    return b"\r\n".join(line for line in heard.split(b"\r\n") if not line.startswith(b"date:"))


@pytest.mark.parametrize("server_header", [True, False])
async def test_both_ways_say_the_same(*, server_header: bool) -> None:
    heard = {}
    for protocol in (HttpProtocol, HttpToolsProtocol):
        app = App()
        heard[protocol] = await said(app, request(), protocol=protocol, access_log=False, server_header=server_header)
        assert app.taken == [protocol is HttpProtocol]
    short, ordinary = (sorted(without_date(one).split(b"\r\n")) for one in heard.values())
    assert short == ordinary
    assert heard[HttpProtocol].startswith(b"HTTP/1.1 200 OK\r\n")
    assert heard[HttpProtocol].endswith(b"\r\n\r\nok")


async def test_a_connection_goes_on_after_a_short_answer() -> None:
    app = App()
    heard = await said(app, request(), request(), request(), access_log=False, pause_s=0.02)
    assert heard.count(b"\r\n\r\nok") == 3
    assert app.taken == [True, True, True]


async def test_who_does_not_wait_for_the_first_answer_gets_both_in_order() -> None:
    app = App()
    app.pause.clear()
    heard = await said(app, request("/slow") + request("/next"), access_log=False, pause_s=0.02)
    assert heard.count(b"\r\n\r\nok") == 2
    assert app.taken == [False, True]


@pytest.mark.parametrize(
    ("head", "headers"),
    [
        (request(version="1.0"), SAYS),
        (request("/", "Connection: close"), SAYS),
        (request("/", "Expect: 100-continue"), SAYS),
        (request(), {"x-said": "of no length"}),
        (request(), SAYS | {"connection": "close"}),
        (request(), SAYS | {"x-said": "ja\nset-cookie: a=b"}),
    ],
)
async def test_what_it_does_not_know_is_left_to_the_ordinary_way(head: bytes, headers: dict[str, str]) -> None:
    app = App(headers)
    heard = await said(app, head, access_log=False)
    assert app.taken == [False]
    assert b"\r\nset-cookie" not in heard


async def test_a_server_that_logs_each_answer_goes_the_ordinary_way() -> None:
    app = App()
    assert (await said(app, request(), access_log=True)).endswith(b"ok")
    assert app.taken == [False]


def refusal(heard: bytes) -> tuple[int, str]:
    """Return the status and the code of a refusal that is the last thing said."""
    head, body = heard[heard.rindex(b"HTTP/1.1 ") :].split(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    (error,) = json.loads(body)["errors"]
    assert headers["content-type"] == "application/json; charset=utf-8"
    assert headers["connection"] == "close"
    assert headers["content-length"] == str(len(body))
    assert headers["x-request-id"] == error["extensions"]["requestId"]
    assert error["message"]
    return int(status.split(" ")[1]), error["extensions"]["code"]


@pytest.mark.parametrize(
    "sent",
    [
        b"5\r\n\r\n",
        b"\x00\xff\x16\x03\x01",  # the beginning of TLS, for example
        b"GET / HTTP/1.1\r\nHost x\r\n\r\n",
        b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n",
        request("/", "Content-Length: many", method="POST"),
        request("/", "Content-Length: 1", "Content-Length: 2", method="POST"),
    ],
)
async def test_bytes_that_are_no_http_get_an_error_like_all_others(sent: bytes) -> None:
    app = App()
    assert refusal(await said(app, sent, access_log=False)) == (400, "BAD_REQUEST")
    assert app.taken == []


async def test_what_was_answered_before_stays_answered() -> None:
    app = App()
    heard = await said(app, request(), b"5\r\n\r\n", access_log=False, pause_s=0.02)
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert refusal(heard) == (400, "BAD_REQUEST")


class Interrupted(App):
    """Says half of its answer, and the other half when it is told that nobody listens any more."""

    @override
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"ab", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        await send({"type": "http.response.body", "body": b"cd"})
        self.taken.append(False)


async def test_no_refusal_goes_into_an_answer_that_is_half_out() -> None:
    app = Interrupted()
    heard = await said(app, request(), b"5\r\n\r\n", access_log=False, pause_s=0.05)
    assert heard.endswith(b"\r\n\r\nab")
    assert heard.count(b"HTTP/1.1") == 1
    assert app.taken == [False]


async def test_no_refusal_goes_into_the_answer_to_an_earlier_request() -> None:
    app = Interrupted()
    heard = await said(app, request() + request() + b"5\r\n\r\n", access_log=False, pause_s=0.05)
    assert b"BAD_REQUEST" not in heard


@pytest.mark.parametrize("parts", [[b"x" * 30_000] * 4, [b"X-A: " + b"x" * 9_000 + b"\r\n"] * 12])
async def test_a_head_that_is_too_long_is_refused_before_it_ends(parts: list[bytes]) -> None:
    app = App()
    heard = await said(app, b"GET / HTTP/1.1\r\nX-Long: x", *parts, access_log=False, pause_s=0.01)
    assert refusal(heard) == (431, "PAYLOAD_TOO_LARGE")
    assert app.taken == []


async def test_a_long_body_is_none_of_a_head() -> None:
    app = App()
    sent = [request("/", "Content-Length: 200000", method="POST"), b"x" * 200_000, request()]
    assert (await said(app, *sent, access_log=False, pause_s=0.02)).count(b"HTTP/1.1 200 OK") == 2


async def test_a_head_that_does_not_end_is_refused_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_timeout_s", 0.1)
    app = App()
    assert refusal(await said(app, b"GET / HTTP/1.1\r\nHost: x\r\n", access_log=False)) == (408, "REQUEST_TIMEOUT")
    heard = await said(app, request() + b"GET / HTTP/1.1\r\n", access_log=False)
    assert heard.startswith(b"HTTP/1.1 200 OK\r\n")
    assert refusal(heard) == (408, "REQUEST_TIMEOUT")


async def test_who_connects_and_says_nothing_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_timeout_s", 0.1)
    assert await said(App(), b"", access_log=False) == b""


async def test_a_slow_answer_has_all_the_time_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProtocol, "head_timeout_s", 0.05)
    app = App()
    app.pause.clear()
    heard = await said(app, request("/slow"), access_log=False, pause_s=0.2)
    assert heard.endswith(b"\r\n\r\nok")
