"""Batches: in order, of a bounded size, in a bounded number at a time; one caller's bad luck is nobody else's."""

import asyncio
from collections.abc import Mapping, Sequence
from contextvars import ContextVar

import pytest

from api.batching import TOLD_AT_ONCE, Batcher, Lanes, Loader, Overloaded, Unavailable

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
    first = batcher.submit(0)
    await turns()

    later = [batcher.submit(item) for item in (1, 2, 3)]
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
    calls = [batcher.submit(item) for item in range(10)]
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
        with pytest.raises(ValueError, match="0 answers"):
            await batcher.submit(1)
        with pytest.raises(ValueError, match="0 answers"):
            await batcher.submit(2)
        await batcher.close()


async def test_what_one_caller_submits_goes_together_and_is_answered_at_once() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=4)
    first = batcher.submit(0)
    await turns()

    alone, many, later = batcher.submit(1), batcher.submit_many([2, 3, 4, 5]), batcher.submit(6)
    none = batcher.submit_many([])
    kitchen.gate.set()

    assert list(await asyncio.gather(first, alone, later)) == [0, 2, 12]
    assert await many == [4, 6, 8, 10]
    assert await none == []
    assert kitchen.batches == [[0], [1], [2, 3, 4, 5], [6]]


async def test_more_than_a_batch_holds_is_several_batches_and_one_answer() -> None:
    kitchen = Kitchen()
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=2)

    assert await batcher.submit_many([0, 1, 2, 3, 4]) == [0, 2, 4, 6, 8]
    assert kitchen.batches == [[0, 1], [2, 3], [4]]


async def test_of_many_the_poisoned_ones_are_answered_with_what_they_raise() -> None:
    async def cook(items: list[int]) -> Sequence[int | Exception]:
        if 2 in items:
            raise Poison
        return [Poison() if item == 3 else item for item in items]

    batcher: Batcher[int, int] = Batcher(cook, size=10)
    neighbour, many = batcher.submit(0), batcher.submit_many([1, 2, 3, 4])

    assert [type(one) for one in await many] == [int, Poison, Poison, int]
    assert await neighbour == 0


async def test_many_beyond_the_limit_are_turned_away_together() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=1, waiting_max=2)
    served = [batcher.submit_many([0, 1])]
    await turns()
    served.append(batcher.submit_many([2, 3]))

    with pytest.raises(Overloaded):
        batcher.require_room()
    with pytest.raises(Overloaded):
        batcher.submit_many([4, 5])
    kitchen.gate.set()

    assert await asyncio.gather(*served) == [[0, 2], [4, 6]]
    batcher.require_room()


async def test_a_cancelled_caller_stops_neither_its_own_item_nor_its_neighbours() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10)
    in_flight = batcher.submit(0)
    await turns()
    waiting = [batcher.submit(item) for item in (1, 2, 3)]
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
    served = [batcher.submit(0)]
    await turns()
    served += [batcher.submit(item) for item in (1, 2)]
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
    calls = [batcher.submit(item) for item in range(7)]
    await turns()
    calls[6].cancel()
    closing = asyncio.create_task(batcher.close())
    await turns()

    assert not closing.done()
    kitchen.gate.set()
    await closing

    assert sorted(item for batch in kitchen.batches for item in batch) == list(range(7))
    assert await asyncio.gather(*calls[:6]) == [0, 2, 4, 6, 8, 10]


async def test_the_next_batch_is_under_way_before_the_answers_of_the_last_are_told() -> None:
    kitchen = Kitchen(is_open=False)
    told: list[int] = []
    told_when_begun: list[int] = []

    async def cook(items: list[int]) -> Sequence[int | Exception]:
        told_when_begun.append(len(told))
        answers = await kitchen.cook(items)
        await asyncio.sleep(0)
        told_when_begun.append(len(told))
        return answers

    batcher: Batcher[int, int] = Batcher(cook, size=10 * TOLD_AT_ONCE)
    calls = [batcher.submit(item) for item in range(3 * TOLD_AT_ONCE)]
    await turns()
    later = batcher.submit(-1)
    calls[-1].cancel()
    for call in calls[:-1]:
        call.add_done_callback(lambda done: told.append(done.result()))
    kitchen.gate.set()
    await later

    assert told_when_begun == [0, 0, 0, TOLD_AT_ONCE], "some in each turn"
    assert told == [2 * item for item in range(3 * TOLD_AT_ONCE - 1)], "in order, and before who came later"


async def test_closing_tells_what_is_not_told_yet() -> None:
    kitchen = Kitchen(is_open=False)
    batcher: Batcher[int, int] = Batcher(kitchen.cook, size=10 * TOLD_AT_ONCE)
    calls = [batcher.submit(item) for item in range(5 * TOLD_AT_ONCE)]
    await turns()
    kitchen.gate.set()
    await batcher.close()

    assert all(call.done() for call in calls)


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


class Library:
    """Knows the square of every number below 100; remembers what it was asked."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        if is_open:
            self.gate.set()

    async def ask(self, keys: list[int]) -> Mapping[int, int | Exception]:
        self.batches.append(keys)
        await self.gate.wait()
        if 13 in keys:
            raise Poison
        return {key: Poison(str(key)) if key == 7 else key * key for key in keys if key < 100}


async def test_a_batch_that_fails_as_a_whole_is_not_tried_again() -> None:
    batches: list[list[int]] = []

    async def cook(items: list[int]) -> Sequence[int | Exception]:
        batches.append(items)
        raise Unavailable

    batcher: Batcher[int, int] = Batcher(cook, size=10)
    answers = await asyncio.gather(*(batcher.submit(item) for item in range(4)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [Unavailable] * 4
    assert batches == [[0, 1, 2, 3]]


async def test_a_key_is_asked_for_once_for_all_who_want_it() -> None:
    library = Library()
    loader = Loader(library.ask, size=10)

    assert await asyncio.gather(*(loader.load(key) for key in (3, 4, 3, 100, 4))) == [9, 16, 9, None, 16]
    assert library.batches == [[3, 4, 100]]
    assert await loader.load_many([5, 3]) == [25, 9]
    assert library.batches == [[3, 4, 100], [5, 3]], "and again for those who ask after it was answered"


async def test_a_key_that_is_asked_for_after_its_batch_was_sent_is_asked_for_again() -> None:
    library = Library(is_open=False)
    loader = Loader(library.ask, size=10)
    first = loader.load(3)
    await turns()
    later = [loader.load(3), loader.load(4)]
    await turns()
    library.gate.set()

    assert await asyncio.gather(first, *later) == [9, 9, 16]
    assert library.batches == [[3], [3, 4]]


async def test_what_one_maker_makes_of_a_row_is_shared_and_anothers_is_not() -> None:
    loader = Loader(Library().ask, size=10)

    def boxed(row: int | None) -> list[int | None]:
        return [row]

    one, same, other, plain = await asyncio.gather(
        loader.load(3, boxed), loader.load(3, boxed), loader.load(3, lambda row: [row]), loader.load(3)
    )
    assert one is same
    assert (other, plain) == ([9], 9)
    assert other is not one


async def test_what_a_maker_raises_is_its_own_callers_alone() -> None:
    loader = Loader(Library().ask, size=10)

    def fail(row: int | None) -> int:
        raise Poison(str(row))

    answers = await asyncio.gather(loader.load(3), loader.load(3, fail), loader.load(4), return_exceptions=True)
    assert [answers[0], answers[2]] == [9, 16]
    assert isinstance(answers[1], Poison)


async def test_a_key_that_fails_fails_for_those_who_asked_for_it_alone() -> None:
    library = Library()
    loader = Loader(library.ask, size=10)

    answers = await asyncio.gather(*(loader.load(key) for key in (3, 7, 13, 7, 4)), return_exceptions=True)
    assert [answers[0], answers[4]] == [9, 16]
    assert [type(answer) for answer in answers[1:4]] == [Poison] * 3
    assert library.batches == [[3, 7, 13, 4], [3], [7], [13], [4]]


async def test_each_of_many_keys_is_answered_and_what_fails_stands_where_it_belongs() -> None:
    asked: list[list[int]] = []

    async def ask(keys: list[int]) -> Mapping[int, str | Exception]:
        asked.append(keys)
        if 4 in keys:
            raise Poison
        return {key: Poison() if key == 3 else str(key) for key in keys if key != 2}

    loader: Loader[int, str] = Loader(ask, size=10)

    one, many, none = loader.load(1), loader.load_each([1, 2, 3]), loader.load_each([])

    assert await one == "1"
    answers = await many
    assert (answers[1], answers[2], type(answers[3])) == ("1", None, Poison)
    assert await none == {}
    assert asked == [[1, 2, 3]]
    poisoned = await loader.load_each([4, 5])
    assert (type(poisoned[4]), poisoned[5]) == (Poison, "5")


async def test_who_asked_for_many_may_leave() -> None:
    gate = asyncio.Event()

    async def ask(keys: list[int]) -> Mapping[int, str]:
        await gate.wait()
        return {key: str(key) for key in keys}

    loader: Loader[int, str] = Loader(ask, size=10, waiting_max=4)
    leaving, staying = loader.load_each([1, 2, 3]), loader.load_each([3])
    with pytest.raises(Overloaded):
        loader.load_each([4])
    await turns()

    leaving.cancel()
    gate.set()

    assert await staying == {3: "3"}
    assert await loader.load_each([4, 5]) == {4: "4", 5: "5"}


async def test_who_leaves_takes_nobodys_answer_along() -> None:
    library = Library(is_open=False)
    loader = Loader(library.ask, size=10)

    async def want(key: int) -> int | None:
        return await loader.load(key)

    callers = [asyncio.create_task(want(key)) for key in (3, 3, 4)]
    await turns()
    waiting = [asyncio.create_task(want(key)) for key in (5, 5)]
    await turns()
    callers[0].cancel()
    waiting[1].cancel()
    await turns()
    library.gate.set()

    answers = await asyncio.gather(*callers, *waiting, return_exceptions=True)
    assert [answers[1], answers[2], answers[3]] == [9, 16, 25]
    assert [type(answers[0]), type(answers[4])] == [asyncio.CancelledError] * 2


async def test_more_who_wait_than_the_limit_are_turned_away_though_they_want_the_same() -> None:
    library = Library(is_open=False)
    loader = Loader(library.ask, size=10, waiting_max=3)
    served = [loader.load(3)]
    await turns()
    served += [loader.load(4) for _ in range(3)]
    with pytest.raises(Overloaded, match="3 requests are waiting"):
        loader.load(4)
    library.gate.set()

    assert await asyncio.gather(*served) == [9, 16, 16, 16]
    assert await loader.load(4) == 16


async def test_who_asks_for_much_holds_up_the_others_by_a_batch_at_most() -> None:
    order: list[str] = []

    def asking(name: str) -> Loader[int, int]:
        async def ask(keys: list[int]) -> Mapping[int, int]:
            order.append(name)
            await asyncio.sleep(0)
            return dict.fromkeys(keys, 0)

        return Loader(ask, size=10, lanes=lanes)

    lanes = Lanes(1)
    greedy, modest, last = asking("greedy"), asking("modest"), asking("last")
    much = greedy.load_many(range(100))
    little = [modest.load(1), last.load(1)]
    await asyncio.gather(much, *little)

    assert order == ["greedy", "modest", "last", *["greedy"] * 9]


async def test_those_who_share_lanes_are_no_more_than_these_at_a_time() -> None:
    kitchen = Kitchen(is_open=False)
    lanes = Lanes(3)
    batchers: list[Batcher[int, int]] = [Batcher(kitchen.cook, size=1, lanes=lanes) for _ in range(5)]
    calls = [batcher.submit(item) for batcher in batchers for item in range(4)]
    await turns()

    assert kitchen.running == 3
    kitchen.gate.set()
    assert await asyncio.gather(*calls) == [0, 2, 4, 6] * 5
    assert kitchen.running_max == 3


async def turns() -> None:
    """Let every other task run until it has to wait."""
    for _ in range(10):
        await asyncio.sleep(0)
