"""A server that is told to stop does so at once, whoever listens to it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from api.execution.engine import Engine
from api.transport.http import GraphQLHTTP
from api.transport.server import Server
from api.transport.websocket import GraphQLWebSocket
from tests.transport.conftest import HANG_S, SCHEMA, initialised, until
from tests.transport.conftest import Server as RunningServer
from tests.transport.schema import Context, World, authenticate


async def test_streams_and_sockets_end_before_the_server_waits_for_them() -> None:
    world = World()
    engine = Engine(SCHEMA, authenticate=authenticate, context=lambda caller, id_: Context(caller, id_, world))
    http, sockets = GraphQLHTTP(engine), GraphQLWebSocket(engine)

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[dict[str, object]]:
        yield {"closing": [http, sockets]}

    app = Starlette(lifespan=lifespan, routes=[Route("/graphql", http), WebSocketRoute("/graphql", sockets)])
    server = Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error", ws="websockets-sansio"))
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    running = RunningServer(port, engine, sockets, http, world, server)
    query = {"query": "subscription { silence }"}

    async with (
        asyncio.timeout(HANG_S),
        httpx.AsyncClient() as client,
        initialised(running) as socket,
        client.stream("POST", running.url, json=query, headers={"accept": "text/event-stream"}) as response,
    ):
        await socket.subscribe("1", query["query"])
        await until(lambda: world.begun == 2)
        server.should_exit = True

        assert [line async for line in response.aiter_lines() if line not in {"", ":"}] == []
        assert await socket.closed() == (1012, "Service restart")
        await serving
    assert world.ended == 2
