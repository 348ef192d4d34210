"""What Lucid's fan-out is compared with, in the same uvicorn: the stock handler of Strawberry, and no GraphQL at all.

    python -m bench.fanout_servers stock 8001
    python -m bench.fanout_servers raw 8002

A POST to /emit is an event. Neither asks a database; both send what Lucid sends.
"""

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from typing import Any

import strawberry
import uvicorn
from strawberry.asgi import GraphQL

from api.cli import FRAME_MAX_BYTES

#: What an event of Lucid looks like on the wire, as `bench.fanout` asks for it.
TEXT = (
    '{"id":"1","type":"next","payload":{"data":{"donationUpdates":{"__typename":"DonationEvent","sequence":%d,'
    '"kind":"DONATION","amount":1,"donor":"5e1f0c8a7b6d4e3f2a1b","totalAfter":123456789,'
    '"occurredAt":"2026-06-05T08:30:00.000000Z",'
    '"cursor":"eyJ2IjoxLCJhdCI6eyIwMTlhYTkyYTZmNTk3Y2Q1YjE2ZDYyYzM0ZDE1MzU2MyI6MTIzNDV9fQ"}}}}'
)
numbers = itertools.count(1)


@strawberry.type
class DonationEvent:
    """An event, with the fields that are asked for."""

    sequence: int
    kind: str = "DONATION"
    amount: int = 1
    donor: str = "5e1f0c8a7b6d4e3f2a1b"
    total_after: int = 123456789
    occurred_at: str = "2026-06-05T08:30:00.000000Z"
    cursor: str = "eyJ2IjoxLCJhdCI6eyIwMTlhYTkyYTZmNTk3Y2Q1YjE2ZDYyYzM0ZDE1MzU2MyI6MTIzNDV9fQ"


queues: set["asyncio.Queue[DonationEvent]"] = set()


@strawberry.type
class Query:
    """There has to be one."""

    ready: bool = True


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def donation_updates(self) -> AsyncIterator[DonationEvent]:
        """Yield every event."""
        queue: asyncio.Queue[DonationEvent] = asyncio.Queue()
        queues.add(queue)
        try:
            while True:
                yield await queue.get()
        finally:
            queues.discard(queue)


class Stock:
    """Strawberry's own application, with an address that makes events."""

    def __init__(self) -> None:
        self._graphql = GraphQL[None, None](strawberry.Schema(Query, subscription=Subscription))

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "http" and scope["path"] == "/emit":
            event = DonationEvent(sequence=next(numbers))
            for queue in queues:
                queue.put_nowait(event)
            await _answer(send)
        elif scope["type"] in {"http", "websocket"}:
            await self._graphql(scope, receive, send)


class Raw:
    """Sends a text to every socket, and knows nothing else."""

    def __init__(self) -> None:
        self._sends: dict[int, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve."""
        if scope["type"] == "http":
            if scope["path"] == "/emit":
                message = {"type": "websocket.send", "text": TEXT % next(numbers)}
                for one in list(self._sends.values()):
                    await one(message)
            await _answer(send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.accept", "subprotocol": "graphql-transport-ws"})
            await send({"type": "websocket.send", "text": '{"type":"connection_ack"}'})
            self._sends[id(scope)] = send
            try:
                while (await receive())["type"] != "websocket.disconnect":
                    pass
            finally:
                del self._sends[id(scope)]


async def _answer(send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


def main() -> None:
    """Serve one of the two, as `lucid serve` would be served."""
    kind, port = sys.argv[1:]
    uvicorn.run(
        Stock() if kind == "stock" else Raw(),
        port=int(port),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=FRAME_MAX_BYTES,
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
        backlog=2048,
    )


if __name__ == "__main__":
    main()
