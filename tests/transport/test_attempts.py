"""What is begun here and finished there is done once, wherever it has to wait."""

import asyncio

import pytest

from api.transport.attempts import attempt


async def test_what_need_not_wait_is_done_at_once() -> None:
    done = []

    async def work() -> None:
        done.append("all")

    assert attempt(work()) is None
    assert done == ["all"]


async def test_what_waits_is_finished_by_who_awaits_it() -> None:
    done: list[str] = []
    flag = asyncio.Event()

    async def work() -> None:
        done.append("begun")
        await flag.wait()
        done.append("waited")
        await asyncio.sleep(0)
        done.append("finished")

    rest = attempt(work())
    assert rest is not None
    await asyncio.sleep(0)
    assert done == ["begun"]

    async def finish() -> None:
        await rest

    task = asyncio.create_task(finish())
    await asyncio.sleep(0)
    assert done == ["begun"]
    flag.set()
    await task
    assert done == ["begun", "waited", "finished"]


async def test_what_it_raises_is_raised_before_and_after_it_waits() -> None:
    async def work(turns: int) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        attempt(work(0))
    rest = attempt(work(3))
    assert rest is not None
    with pytest.raises(OSError, match="gone"):
        await rest


async def test_it_hears_that_who_finishes_it_is_cancelled() -> None:
    heard = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            heard.append("cancelled")
            await asyncio.sleep(0)
            heard.append("cleaned up")
            raise

    rest = attempt(work())
    assert rest is not None

    async def finish() -> None:
        await rest

    task = asyncio.create_task(finish())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert heard == ["cancelled", "cleaned up"]


async def test_what_nobody_finishes_is_closed() -> None:
    closed = []

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    rest = attempt(work())
    del rest
    assert closed == [True]
