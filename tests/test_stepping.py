"""Coroutines without a task: they begin at once, go on when what they wait for has come, and nobody can stop them."""

import asyncio

import pytest

from api.stepping import begin


async def test_a_coroutine_that_is_begun_runs_at_once_and_between_answers_without_a_task() -> None:
    first, second = asyncio.get_running_loop().create_future(), asyncio.get_running_loop().create_future()
    said: list[str] = []

    async def work() -> str:
        said.append("begun")
        said.append(await first)
        await asyncio.sleep(0)
        with pytest.raises(ValueError, match="second"):
            await second
        return "done"

    before = len(asyncio.all_tasks())
    answer = begin(work())
    assert (said, len(asyncio.all_tasks())) == (["begun"], before)
    first.set_result("first")
    await asyncio.sleep(0)
    assert said == ["begun", "first"]
    second.set_exception(ValueError("second"))

    assert await answer == "done"


async def test_what_a_begun_coroutine_raises_is_its_answer() -> None:
    async def fail(error: BaseException) -> None:
        raise error

    with pytest.raises(ValueError, match="mine"):
        await begin(fail(ValueError("mine")))
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await lost

    answer = begin(wait())
    lost.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answer


async def test_whoever_leaves_a_begun_coroutine_does_not_stop_it() -> None:
    awaited: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    said: list[str] = []

    async def work() -> None:
        said.append(await awaited)

    answer = begin(work())
    answer.cancel()
    awaited.set_result("still")
    await asyncio.sleep(0)

    assert said == ["still"]
