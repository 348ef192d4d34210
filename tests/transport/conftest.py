"""Real servers on a free port, and what a test needs to talk to them."""

import asyncio
import resource
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import uvicorn
from websockets.asyncio.client import ClientConnection, connect

from api.execution.engine import Engine
from api.execution.sharing import View
from api.transport.direct import DIRECT
from api.transport.explorer import graphiql
from api.transport.http import GraphQLHTTP
from api.transport.http_protocol import HttpProtocol
from api.transport.session import SocketLimits
from api.transport.socket_protocol import SocketProtocol
from api.transport.websocket import GraphQLWebSocket
from tests.transport.schema import Context, World, authenticate, make_schema, recognise

GROWTH_MAX_MB = 16
HANG_S = 20  # nothing here takes seconds: who waits that long hangs

SCHEMA = make_schema()


@dataclass
class Server:
    """A running server, and its insides."""

    port: int
    engine: Engine[str]
    sockets: GraphQLWebSocket[str]
    http: GraphQLHTTP[str]
    world: World
    uvicorn: uvicorn.Server

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/graphql"

    @property
    def ws_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/graphql"


StartServer = Callable[..., Awaitable[Server]]


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Server]:
    world = World()

    def make_context(caller: str, request_id: str) -> Context:
        context = Context(caller, request_id, world)
        world.contexts.append(context)
        return context

    serving = settings.pop("uvicorn", {})
    options = {"view": lambda caller: View(caller, caller), **settings.pop("engine", {})}
    engine = Engine(SCHEMA, authenticate=authenticate, context=make_context, **options)
    sockets = GraphQLWebSocket(engine, limits=settings.pop("sockets", SocketLimits()), origins=["https://app.example"])
    http = GraphQLHTTP(
        engine, explorer=graphiql(), origins=["https://app.example"], **{"recognise": recognise, **settings}
    )

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await (sockets if scope["type"] == "websocket" else http)(scope, receive, send)

    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_level="warning", access_log=False, ws_max_size=4 * 2**20,
        timeout_graceful_shutdown=5, http=HttpProtocol,
        **{"ws": SocketProtocol, "ws_per_message_deflate": False, **serving},
    )  # fmt: skip
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    server.lifespan.state[DIRECT] = {"/graphql": http.direct}
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Server(port, engine, sockets, http, world, server)
    finally:
        await http.close()  # uvicorn waits for what streams
        await engine.broadcasts.close()
        await stop(server)


async def stop(server: uvicorn.Server) -> None:
    """Do what `uvicorn.Server.shutdown` does, without its pauses of a tenth of a second."""
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.shutdown()
    await until(lambda: not server.server_state.connections and not server.server_state.tasks)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that is bound to happen."""
    async with asyncio.timeout(HANG_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def resident_mb() -> int:
    """Return how much memory this process holds, server and clients: now, or where nobody says so, at its most."""
    if (now := Path("/proc/self/statm")).exists():
        return int(now.read_text().split()[1]) * resource.getpagesize() // 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**20


@pytest.fixture
async def start_server() -> AsyncIterator[StartServer]:
    """Start a server with settings of its own."""
    async with AsyncExitStack() as stack:
        yield lambda **settings: stack.enter_async_context(running(**settings))


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await start_server()


@pytest.fixture
async def http(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url, timeout=HANG_S) as client:
        yield client


class Socket:
    """A client that says and hears one message at a time."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def say(self, message: Any) -> None:
        await self.connection.send(message if isinstance(message, str | bytes) else orjson.dumps(message).decode())

    async def hear(self) -> Any:
        async with asyncio.timeout(HANG_S):
            return orjson.loads(await self.connection.recv())

    async def subscribe(self, operation_id: str, query: str, **payload: Any) -> None:
        await self.say({"id": operation_id, "type": "subscribe", "payload": {"query": query, **payload}})

    async def closed(self) -> tuple[int, str]:
        """Wait for the server to close, and return with what."""
        async with asyncio.timeout(HANG_S):
            await self.connection.wait_closed()
        return self.connection.close_code or 0, self.connection.close_reason or ""


@asynccontextmanager
async def open_socket(server: Server, **options: Any) -> AsyncIterator[Socket]:
    options.setdefault("subprotocols", ["graphql-transport-ws"])
    async with connect(server.ws_url, max_size=2**24, max_queue=None, **options) as connection:
        yield Socket(connection)


@asynccontextmanager
async def initialised(server: Server, **payload: str) -> AsyncIterator[Socket]:
    async with open_socket(server) as socket:
        await socket.say({"type": "connection_init", "payload": payload})
        assert await socket.hear() == {"type": "connection_ack"}
        yield socket


@pytest.fixture
async def socket(server: Server) -> AsyncIterator[Socket]:
    async with initialised(server) as socket:
        yield socket
