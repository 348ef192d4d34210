"""Fan-out: executed once for all who are live; who is behind misses nothing, and holds nobody up."""

import asyncio
import gc
import random
import tracemalloc
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from typing_extensions import override

from api.execution import fanout
from api.execution.fanout import LOG_MAX, TURN, Broadcasts, Follower
from api.execution.outlets import Behind, Item
from api.execution.results import Result
from api.execution.sources import SharedSource
from api.transport.attempts import attempt
from tests.execution.lines import Line, Numbers
from tests.transport.conftest import until

HANG_S = 20


@dataclass
class World:
    """The broadcasts of a test, and what they have executed."""

    broadcasts: Broadcasts = field(default_factory=Broadcasts)
    executed: list[Any] = field(default_factory=list)
    pause_s: float = 0.0

    def follow(self, source: SharedSource, key: str = "key") -> Follower:
        return self.broadcasts.follow((key, source.topic), source, self.make, "request")

    def make(self, _: str) -> Callable[[Any], Awaitable[Result]]:
        async def execute(event: Any) -> Result:
            if self.pause_s:
                await asyncio.sleep(self.pause_s)
            if event == "refused":
                return Result(executed=False)
            self.executed.append(event)
            return Result(data=event)

        return execute


class Subscriber:
    """Hears what a follower is told, as a transport does it; and may stop reading for a while."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower
        self.heard: list[Any] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.live = 0
        self.failure: Result | None = None
        self.ended = False
        self.error: Exception | None = None
        self.task = asyncio.create_task(self._go_on(None))

    def offer(self, items: Sequence[Item]) -> Behind | None:
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        for number, item in enumerate(items, 1):
            rest = attempt(self._hear(item.result))
            if rest is not None:
                return Behind(number, rest)
        return None

    def resume(self, rest: Awaitable[None] | None) -> None:
        self.live -= 1
        self.task = asyncio.create_task(self._go_on(rest))

    async def leave(self) -> None:
        self.task.cancel()
        await asyncio.wait([self.task])
        await self.follower.aclose()

    async def _go_on(self, rest: Awaitable[None] | None) -> None:
        if rest is not None:
            await rest
        while (result := await self.follower.missed()) is not None:
            if not result.executed:
                self.failure = result
                self.ended = True
                return
            await self._hear(result)
        if self.follower.ended:
            self.ended = True
        else:
            self.live += 1
            self.follower.join(self)

    async def _hear(self, result: Result) -> None:
        await self.reads.wait()
        self.heard.append(result.data)


@pytest.fixture
async def world() -> World:
    return World()


def numbers(end: int, begin: int = 1) -> list[int]:
    return list(range(begin, end + 1))


async def test_an_event_is_executed_once_for_all_who_follow(world: World) -> None:
    line = Line()
    subscribers = [Subscriber(world.follow(Numbers(line, 0))) for _ in range(50)]
    await until(lambda: all(one.live for one in subscribers))
    line.grow(3)
    await until(lambda: all(len(one.heard) == 3 for one in subscribers))

    assert world.executed == [1, 2, 3]
    assert {tuple(one.heard) for one in subscribers} == {(1, 2, 3)}
    assert line.reading == 1


async def test_each_key_has_a_broadcast_of_its_own(world: World) -> None:
    line = Line()
    one, other = (Subscriber(world.follow(Numbers(line, 0), key)) for key in ("one", "other"))
    await until(lambda: bool(one.live and other.live))
    line.grow()
    await until(lambda: one.heard == other.heard == [1])

    assert world.executed == [1, 1]
    assert len(world.broadcasts) == 2


async def test_who_comes_late_or_goes_on_from_a_cursor_hears_what_it_missed_and_then_what_all_hear(
    world: World,
) -> None:
    line = Line(length=25)
    live = Subscriber(world.follow(Numbers(line, 25)))
    await until(lambda: bool(live.live))
    late, resumed = (Subscriber(world.follow(Numbers(line, position))) for position in (0, 20))
    await until(lambda: bool(late.live and resumed.live))

    assert late.heard == numbers(25)
    assert resumed.heard == numbers(25, 21)
    world.executed.clear()
    line.grow(2)
    await until(lambda: all(one.heard[-2:] == [26, 27] for one in (late, resumed, live)))
    assert world.executed == [26, 27]


async def test_who_is_ahead_of_the_broadcast_waits_for_it_and_hears_nothing_twice(world: World) -> None:
    line = Line(length=5)
    first = Subscriber(world.follow(Numbers(line, 0, head=0)))
    ahead = Subscriber(world.follow(Numbers(line, 4)))
    await until(lambda: bool(first.live and ahead.live))
    line.grow()
    await until(lambda: first.heard == numbers(6) and ahead.heard == [5, 6])


async def test_who_does_not_read_delays_nobody_costs_no_memory_and_misses_nothing(world: World) -> None:
    line = Line()
    slow, quick = (Subscriber(world.follow(Numbers(line, 0))) for _ in range(2))
    await until(lambda: bool(slow.live and quick.live))
    slow.reads.clear()
    (broadcast,) = world.broadcasts._open.values()
    for _ in range(100):
        line.grow(7)
        await until(lambda: bool(quick.heard) and quick.heard[-1] == line.length)
        assert len(broadcast._log) <= LOG_MAX
    assert slow.heard == []
    assert slow.live == 0
    slow.reads.set()
    await until(lambda: slow.live == 1)

    assert slow.heard == quick.heard == numbers(700)
    line.grow()
    await until(lambda: slow.heard == quick.heard == numbers(701))


async def test_who_is_a_little_behind_is_served_from_what_was_executed(world: World) -> None:
    line = Line()
    slow, quick = (Subscriber(world.follow(Numbers(line, 0))) for _ in range(2))
    await until(lambda: bool(slow.live and quick.live))
    slow.reads.clear()
    line.grow(LOG_MAX)
    await until(lambda: quick.heard == numbers(LOG_MAX))
    slow.reads.set()
    await until(lambda: slow.live == 1)

    assert slow.heard == numbers(LOG_MAX)
    assert world.executed == numbers(LOG_MAX)
    (broadcast,) = world.broadcasts._open.values()
    assert len(broadcast._log) == 0


async def test_a_source_waits_for_its_only_follower(world: World) -> None:
    line = Line(page=1)
    slow = Subscriber(world.follow(Numbers(line, 0)))
    await until(lambda: bool(slow.live))
    slow.reads.clear()
    line.grow(1_000)
    await until(lambda: slow.live == 0)
    for _ in range(100):
        await asyncio.sleep(0)
    assert len(world.executed) == 1

    slow.reads.set()
    await until(lambda: slow.heard == numbers(1_000))
    assert world.executed == numbers(1_000)


async def test_who_is_behind_where_the_last_says_all_goes_on_with_the_last(world: World) -> None:
    line = Line()
    slow, quick = (Subscriber(world.follow(Numbers(line, 0, conflates=True))) for _ in range(2))
    await until(lambda: bool(slow.live and quick.live))
    slow.reads.clear()
    for _ in range(50):
        line.grow()
        await until(lambda: bool(quick.heard) and quick.heard[-1] == line.length)
    slow.reads.set()
    await until(lambda: slow.live == 1)

    assert slow.heard == [1, 50]
    assert world.executed == numbers(50)


class Crowd:
    """Subscribers who come and go, read and do not read, as chance has it."""

    def __init__(self, world: World, chance: random.Random, *, conflates: bool) -> None:
        self.world = world
        self.chance = chance
        self.conflates = conflates
        self.line = Line(page=chance.choice([1, 3, 40]))
        self.all: list[tuple[int, Subscriber]] = []
        self.here: list[Subscriber] = []

    async def do_something(self) -> None:
        one = self.chance.choice(self.here) if self.here else None
        what = self.chance.randrange(6)
        if what == 0:
            self.come()
        elif what == 1:
            self.line.grow(self.chance.choice([1, 1, 5, 200]))
        elif one is not None and what == 2:
            self.here.remove(one)
            await one.leave()
        elif one is not None and what == 3:
            one.reads.clear()
        elif one is not None:
            one.reads.set()

    def come(self) -> None:
        position, head = (self.chance.randint(0, self.line.length) for _ in range(2))
        source = Numbers(self.line, position, head=head, conflates=self.conflates)
        one = Subscriber(self.world.follow(source))
        self.here.append(one)
        self.all.append((position, one))


@pytest.mark.parametrize("conflates", [False, True])
@pytest.mark.parametrize("seed", range(10))
async def test_whatever_happens_each_hears_everything_once_and_in_order(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int, *, conflates: bool
) -> None:
    monkeypatch.setattr(fanout, "TURN", 2)  # the others have many turns while an event is handed out
    chance = random.Random(seed)  # noqa: S311
    crowd = Crowd(world, chance, conflates=conflates)
    world.pause_s = chance.choice([0.0, 0.0001])
    for _ in range(200):
        await crowd.do_something()
        for _ in range(chance.randrange(4)):
            await asyncio.sleep(0)
    crowd.line.grow()
    for one in crowd.here:
        one.reads.set()
    await until(lambda: all(one.heard and one.heard[-1] == crowd.line.length for one in crowd.here))

    for position, one in crowd.all:
        if conflates:
            assert one.heard == sorted(set(one.heard))
            assert all(number > position for number in one.heard)
        else:
            assert one.heard == numbers(position + len(one.heard), position + 1)
    for one in crowd.here:
        await one.leave()
    await until(lambda: crowd.line.reading == 0)
    assert len(world.broadcasts) == 0


async def test_the_source_is_closed_when_the_last_has_left_and_opened_anew_for_the_next(world: World) -> None:
    line = Line()
    one, other = (Subscriber(world.follow(Numbers(line, 0))) for _ in range(2))
    await until(lambda: bool(one.live and other.live and line.reading == 1))
    await one.leave()
    await one.leave()
    assert len(world.broadcasts) == 1
    for _ in range(3):  # also in the middle of its cleaning up
        other.follower.leave()
        await asyncio.sleep(0)
    assert len(world.broadcasts) == 0
    await until(lambda: line.reading == 0)
    third = Subscriber(world.follow(Numbers(line, 0)))
    await until(lambda: bool(third.live) and line.reading == 1)
    line.grow()
    await until(lambda: third.heard == [1])
    assert one.heard == other.heard == []


async def test_broadcasts_can_be_closed_and_have_closed_their_sources_then(world: World) -> None:
    line = Line()
    subscriber = Subscriber(world.follow(Numbers(line, 0)))
    await until(lambda: bool(subscriber.live and line.reading == 1))
    await world.broadcasts.close()

    assert line.reading == 0
    await until(lambda: subscriber.ended)


async def test_all_hear_the_end_of_their_source(world: World) -> None:
    line = Line()
    slow, quick = (Subscriber(world.follow(Numbers(line, 0))) for _ in range(2))
    await until(lambda: bool(slow.live and quick.live))
    slow.reads.clear()
    line.grow(2)
    await until(lambda: quick.heard == [1, 2])
    line.end()
    await until(lambda: quick.ended)
    assert not slow.ended
    slow.reads.set()
    await until(lambda: slow.ended)

    assert slow.heard == [1, 2]
    assert slow.failure is quick.failure is None
    assert len(world.broadcasts) == 0


async def test_all_hear_why_their_source_has_failed_and_who_comes_then_begins_anew(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    subscribers = [Subscriber(world.follow(Numbers(line, 0))) for _ in range(3)]
    await until(lambda: all(one.live for one in subscribers))
    line.grow()
    line.fail(RuntimeError("the password is swordfish"))
    await until(lambda: all(one.ended for one in subscribers))

    for one in subscribers:
        assert one.failure is not None
        assert [error["extensions"]["code"] for error in one.failure.errors] == ["INTERNAL"]
    assert "swordfish" in caplog.text
    line.failure = None
    again = Subscriber(world.follow(Numbers(line, 0)))
    await until(lambda: again.heard == [1])


async def test_all_hear_when_an_event_could_not_be_executed_and_nothing_after_it(world: World) -> None:
    class Refusing(Numbers):
        @override
        def _steps(self, position: int, end: int) -> list[tuple[Any, int]]:
            return [("refused" if event == 2 else event, at) for event, at in super()._steps(position, end)]

    line = Line()
    subscribers = [Subscriber(world.follow(Refusing(line, 0))) for _ in range(3)]
    await until(lambda: all(one.live for one in subscribers))
    line.grow(3)
    await until(lambda: all(one.ended for one in subscribers))

    assert [(one.heard, one.failure) for one in subscribers] == [([1], Result(executed=False))] * 3


async def test_a_bug_on_the_way_to_one_is_no_business_of_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line()
    broken, well = (Subscriber(world.follow(Numbers(line, 0))) for _ in range(2))
    await until(lambda: bool(broken.live and well.live))
    broken.error = KeyError("swordfish")
    line.grow(2)
    await until(lambda: well.heard == broken.heard == [1, 2])
    assert "swordfish" in caplog.text


async def test_others_have_turns_while_very_many_are_sent_an_event(world: World) -> None:
    line = Line()
    subscribers = [Subscriber(world.follow(Numbers(line, 0))) for _ in range(10 * TURN)]
    await until(lambda: all(one.live for one in subscribers))
    line.grow()
    seen: set[int] = set()
    async with asyncio.timeout(HANG_S):
        while len(seen) < 11:
            seen.add(sum(len(one.heard) for one in subscribers))
            await asyncio.sleep(0)

    assert seen == set(range(0, 10 * TURN + 1, TURN))


async def test_what_is_for_one_alone_is_told_to_it_alone_with_its_first_result(world: World) -> None:
    line = Line()
    plain, told = (world.follow(Numbers(line, 0)) for _ in range(2))
    told.tell_first(lambda result: Result(data=f"{result.data}, and by the way"))
    one, other = Subscriber(plain), Subscriber(told)
    await until(lambda: bool(one.live))
    line.grow()
    await until(lambda: bool(other.live))
    line.grow()
    await until(lambda: len(one.heard) == len(other.heard) == 2)

    assert one.heard == [1, 2]
    assert other.heard == ["1, and by the way", 2]


async def test_a_broadcast_that_runs_for_long_grows_by_nothing(world: World) -> None:
    line = Line()
    subscriber = Subscriber(world.follow(Numbers(line, 0)))
    await until(lambda: bool(subscriber.live))

    async def run(events: int) -> int:
        for _ in range(events):
            line.grow()
            await until(lambda: subscriber.heard == [line.length])
            subscriber.heard.clear()
            world.executed.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        before = await run(50)
        assert await run(500) - before < 5_000
    finally:
        tracemalloc.stop()
