"""The short way for whole answers says what the ordinary one says, and is taken only where it may be."""

import asyncio
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.transport.asgi import RESPOND
from api.transport.http_protocol import HttpProtocol

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
        return heard
    finally:
        for listener in server.servers:
            listener.close()


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
