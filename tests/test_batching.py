"""Batches: in order, of a bounded size, in a bounded number at a time; one caller's bad luck is nobody else's."""

import asyncio
from collections.abc import Sequence
from contextvars import ContextVar

import pytest

from api.batching import Batcher, Overloaded

TRANSACTION: ContextVar[str] = ContextVar("TRANSACTION", default="none")


class Poison(Exception):
    """What a bad item does to whoever runs it."""


class Kitchen:
    """Doubles what it is given, batch by batch, each when it is told to; remembers what it saw."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.running = 0
        self.running_max = 0
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def cook(self, items: list[int]) -> Sequence[int | Exception]:
        self.batches.append(items)
        self.running += 1
        self.running_max = max(self.running_max, self.running)
        try:
            await self.gate.wait()
        finally:
            self.running -= 1
        return [2 * item for item in items]


async def test_the_first_goes_alone_and_what_came_meanwhile_goes_together_in_order() -> None:
    kitchen = Kitchen()
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10)

    answers = await asyncio.gather(*(batcher.submit(item) for item in range(5)))

    assert answers == [0, 2, 4, 6, 8]
    assert kitchen.batches == [[0, 1, 2, 3, 4]]


async def test_what_arrives_while_a_batch_is_in_flight_is_the_next_batch() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10)
    first = asyncio.create_task(batcher.submit(0))
    await turns()

    later = [asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3)]
    await turns()
    assert kitchen.batches == [[0]]
    kitchen.gate.set()

    assert await asyncio.gather(first, *later) == [0, 2, 4, 6]
    assert kitchen.batches == [[0], [1, 2, 3]]


async def test_no_batch_is_larger_than_the_size() -> None:
    kitchen = Kitchen()
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=4)

    answers = await asyncio.gather(*(batcher.submit(item) for item in range(10)))

    assert answers == [2 * item for item in range(10)]
    assert kitchen.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("lanes", [1, 3])
async def test_no_more_batches_are_in_flight_than_there_are_lanes(lanes: int) -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=1, lanes=lanes)
    calls = [asyncio.create_task(batcher.submit(item)) for item in range(10)]
    await turns()

    assert kitchen.running == lanes
    kitchen.gate.set()

    assert await asyncio.gather(*calls) == [2 * item for item in range(10)]
    assert kitchen.running_max == lanes


async def test_a_caller_that_comes_back_at_once_is_served_again() -> None:
    kitchen = Kitchen()
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10)

    async with asyncio.timeout(10):
        answers = [await batcher.submit(item) for item in range(100)]

    assert answers == [2 * item for item in range(100)]


async def test_an_answer_that_is_an_exception_is_raised_to_its_own_caller_alone() -> None:
    async def cook(items: list[int]) -> Sequence[int | Exception]:
        return [Poison(str(item)) if item == 2 else item for item in items]

    batcher: Batcher[int, int] = Batcher(cook, size=10)

    answers = await asyncio.gather(*(batcher.submit(item) for item in range(4)), return_exceptions=True)

    assert answers[:2] == [0, 1]
    assert isinstance(answers[2], Poison)
    assert answers[3] == 3


async def test_a_poisoned_item_fails_alone() -> None:
    batches: list[list[int]] = []

    async def cook(items: list[int]) -> Sequence[int | Exception]:
        batches.append(items)
        if 2 in items:
            raise Poison
        return items

    batcher: Batcher[int, int] = Batcher(cook, size=10)

    answers = await asyncio.gather(*(batcher.submit(item) for item in range(4)), return_exceptions=True)

    assert [answer for answer in answers if not isinstance(answer, Poison)] == [0, 1, 3]
    assert isinstance(answers[2], Poison)
    assert batches == [[0, 1, 2, 3], [0], [1], [2], [3]]
    assert await batcher.submit(5) == 5


async def test_too_few_answers_are_an_error_and_not_a_silence() -> None:
    async def cook(items: list[int]) -> Sequence[int | Exception]:
        return []

    batcher: Batcher[int, int] = Batcher(cook, size=10)

    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match="shorter"):
            await batcher.submit(1)
        with pytest.raises(ValueError, match="shorter"):
            await batcher.submit(2)
        await batcher.close()


async def test_a_cancelled_caller_stops_neither_its_own_item_nor_its_neighbours() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10)
    in_flight = asyncio.create_task(batcher.submit(0))
    await turns()
    waiting = [asyncio.create_task(batcher.submit(item)) for item in (1, 2, 3)]
    await turns()

    in_flight.cancel()
    waiting[1].cancel()
    await turns()
    kitchen.gate.set()
    answers = await asyncio.gather(in_flight, *waiting, return_exceptions=True)

    assert [type(answers[0]), type(answers[2])] == [asyncio.CancelledError] * 2
    assert [answers[1], answers[3]] == [2, 6]
    assert kitchen.batches == [[0], [1, 2, 3]]


async def test_a_caller_beyond_the_limit_is_turned_away_and_the_others_are_served() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=1, waiting_max=2)
    served = [asyncio.create_task(batcher.submit(0))]
    await turns()
    served += [asyncio.create_task(batcher.submit(item)) for item in (1, 2)]
    await turns()

    with pytest.raises(Overloaded, match="2 requests are waiting"):
        await batcher.submit(3)
    kitchen.gate.set()

    assert await asyncio.gather(*served) == [0, 2, 4]
    assert kitchen.batches == [[0], [1], [2]]
    assert await batcher.submit(3) == 6


async def test_closing_waits_until_everything_that_was_submitted_is_done() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=2, lanes=2)
    calls = [asyncio.create_task(batcher.submit(item)) for item in range(7)]
    await turns()
    calls[6].cancel()
    closing = asyncio.create_task(batcher.close())
    await turns()

    assert not closing.done()
    kitchen.gate.set()
    await closing

    assert sorted(item for batch in kitchen.batches for item in batch) == list(range(7))
    assert await asyncio.gather(*calls[:6]) == [0, 2, 4, 6, 8, 10]


async def test_closing_what_was_never_used_returns_at_once() -> None:
    await Batcher(Kitchen().cook, size=2).close()


async def test_a_batch_runs_in_the_context_of_its_maker_and_not_of_a_caller() -> None:
    async def where(items: list[int]) -> Sequence[str | Exception]:
        return [TRANSACTION.get()] * len(items)

    batcher: Batcher[int, str] = Batcher(where, size=10)
    token = TRANSACTION.set("a caller's")
    try:
        assert await batcher.submit(1) == "none"
    finally:
        TRANSACTION.reset(token)


async def turns() -> None:
    """Let every other task run until it has to wait."""
    for _ in range(10):
        await asyncio.sleep(0)
