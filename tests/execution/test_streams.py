"""A subscription that runs for long."""

import gc
import tracemalloc

from api.execution.engine import Engine
from api.execution.requests import GraphQLRequest
from api.execution.streams import EventStream
from tests.transport.schema import Context, World, authenticate, make_schema


async def test_a_subscription_that_runs_for_long_grows_by_nothing() -> None:
    context = Context("ann", "r", World())
    engine: Engine[str] = Engine(make_schema(), authenticate=authenticate, context=lambda *_: context)
    query = "subscription { forever(pauseS: 0) { name child { name child { name } } } }"
    stream = await engine.subscribe(GraphQLRequest(query), "ann", "r")
    assert isinstance(stream, EventStream)

    async def run(events: int) -> int:
        for _ in range(events):
            assert (await anext(stream)).errors == ()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await run(50)
        assert await run(300) - before < 20_000
    finally:
        tracemalloc.stop()
        await stream.aclose()
