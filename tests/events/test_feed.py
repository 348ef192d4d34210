"""The feed: each event once and in order, however often a follower drops, however far it falls behind."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from api.events.feed import TAIL_MAX, Feed, Gap
from api.events.sealer import Sealer
from api.ledger import Ledger
from api.models import Environment, Event, Project, ProjectHead, new_id
from tests.conftest import Actor, add_project, eventually
from tests.events.giving import Giver

LIVE = Environment.LIVE
#: Longer than any test: no checkpoint comes of idleness.
NEVER_S = 3_600.0
SOON_S = 0.01
GUARD_S = 30


async def take(stream: AsyncIterator[Event | None], count: int) -> list[Event]:
    """Return the next events, checkpoints left out."""
    events: list[Event] = []
    async with asyncio.timeout(GUARD_S):
        while len(events) < count:
            if (event := await anext(stream)) is not None:
                events.append(event)
    return events


@asynccontextmanager
async def following(feed: Feed, *projects: Project, after: int = 0) -> AsyncIterator[AsyncIterator[Event | None]]:
    """Follow projects for the time of the block."""
    async with aclosing(feed.follow({one.id: after for one in projects}, LIVE, idle_s=NEVER_S)) as stream:
        yield stream


def numbers(events: list[Event]) -> list[int]:
    return [event.sequence for event in events]


# --- dropping and resuming --------------------------------------------------------------------------------------------


async def test_a_follower_that_drops_a_hundred_times_sees_each_event_once_in_order(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    chance = random.Random(20260605)  # noqa: S311 - the same drops each time
    seen: list[Event] = []
    lin.ledger._writer._committed = sealer.hint
    sealer.start()
    giving = asyncio.create_task(give_in_bursts(lin, project, 800))

    async def follow(most: int) -> None:
        position = seen[-1].sequence if seen else 0
        async with aclosing(feed.follow({project.id: position}, LIVE, idle_s=SOON_S)) as stream:
            async for event in stream:
                if event is not None:
                    seen.append(event)
                    most -= 1
                if most <= 0:
                    return

    for session in range(100):
        follower = asyncio.create_task(follow(chance.randint(1, 12)))
        if session % 2:  # drops in the middle of whatever it is doing
            await asyncio.wait([follower], timeout=chance.random() * 0.02)
            follower.cancel()
        else:  # drops after some events, or when it has been quiet for a while
            await asyncio.wait([follower], timeout=0.05)
            follower.cancel()
        await asyncio.wait([follower], timeout=GUARD_S)
        assert follower.done()
    donations = await giving
    await sealer.close()
    async with following(feed, project, after=seen[-1].sequence if seen else 0) as stream:
        seen += await take(stream, 800 - len(seen))

    assert numbers(seen) == list(range(1, 801))
    assert {event.donation_id for event in seen} == set(donations)
    assert feed._tails == {}


async def give_in_bursts(giver: Giver, project: Project, count: int) -> list[UUID]:
    chance = random.Random(count)  # noqa: S311 - the same bursts each time
    donations: list[UUID] = []
    while len(donations) < count:
        donations += await giver.give_often(project, min(chance.randint(1, 40), count - len(donations)))
        await asyncio.sleep(chance.random() * 0.05)
    return donations


async def test_a_follower_starts_after_its_position_and_not_with_it(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await lin.give_often(project, 5)
    await sealer.seal()

    async with following(feed, project, after=3) as stream:
        assert numbers(await take(stream, 2)) == [4, 5]
        assert await anext(stream) is None
        await lin.give(project)
        await sealer.seal()
        assert numbers(await take(stream, 1)) == [6]


async def test_a_follower_is_told_once_that_the_backlog_is_through_and_then_when_it_is_quiet(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await lin.give_often(project, 2)
    await sealer.seal()

    async with aclosing(feed.follow({project.id: 0}, LIVE, idle_s=SOON_S)) as stream:
        told = [await anext(stream) for _ in range(5)]

    assert [event.sequence if event else None for event in told] == [1, 2, None, None, None]


async def test_without_a_hint_the_table_is_polled(lin: Giver, project: Project, feed: Feed) -> None:
    async def nobody(_: object) -> None:
        """Tell nobody."""

    async with following(feed, project) as stream:
        assert await anext(stream) is None
        await lin.give(project)
        await Sealer(nobody).seal()
        assert numbers(await take(stream, 1)) == [1]


# --- the tail ---------------------------------------------------------------------------------------------------------


async def test_a_follower_that_falls_behind_the_tail_is_served_from_the_table(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    async with following(feed, project) as slow, following(feed, project) as quick:
        assert await anext(slow) is None
        await lin.put_in_outbox(project, 5)
        await sealer.seal()
        assert numbers(await take(slow, 5)) == [1, 2, 3, 4, 5]

        await lin.put_in_outbox(project, TAIL_MAX + 100)
        while await sealer.seal():
            pass
        live = await take(quick, TAIL_MAX + 105)
        (tail,) = feed._tails.values()
        assert tail.events[0].sequence == 106
        assert len(tail.events) == TAIL_MAX

        late = await take(slow, TAIL_MAX + 100)

    assert numbers(live) == list(range(1, TAIL_MAX + 106))
    assert numbers(late) == list(range(6, TAIL_MAX + 106))


async def test_two_followers_share_one_tail_and_its_events(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    async with following(feed, project) as one:
        async with following(feed, project) as other:
            assert [await anext(one), await anext(other)] == [None, None]
            (tail,) = feed._tails.values()
            assert len(tail.followers) == 2

            await lin.give_often(project, 3)
            await sealer.seal()
            ours, theirs = await take(one, 3), await take(other, 3)

            assert numbers(ours) == [1, 2, 3]
            assert [id(event) for event in ours] == [id(event) for event in theirs]
        assert len(tail.followers) == 1
        await lin.give(project)
        await sealer.seal()
        assert numbers(await take(one, 1)) == [4]
    assert feed._tails == {}


async def test_a_hundred_followers_each_see_everything(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await lin.give_often(project, 10)
    await sealer.seal()

    async def follow(after: int) -> list[int]:
        async with following(feed, project, after=after) as stream:
            return numbers(await take(stream, 30 - after))

    followers = [asyncio.create_task(follow(index % 15)) for index in range(100)]
    await eventually(lambda: _are_following(feed, 100))
    for _ in range(4):
        await lin.give_often(project, 5)
        await sealer.seal()

    assert await asyncio.gather(*followers) == [list(range(index % 15 + 1, 31)) for index in range(100)]
    assert feed._tails == {}


# --- several projects, two worlds -------------------------------------------------------------------------------------


async def test_several_projects_are_followed_at_once_each_in_its_order(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    projects = [project, await add_project("habitat"), await add_project("grassland")]
    await lin.give_often(projects[1], 3)
    await sealer.seal()

    async with aclosing(
        feed.follow({projects[0].id: 0, projects[1].id: 2, projects[2].id: 0}, LIVE, idle_s=NEVER_S)
    ) as stream:
        seen = await take(stream, 1)
        assert await anext(stream) is None
        for _ in range(3):
            await asyncio.gather(*(lin.give_often(one, 4) for one in projects))
            await sealer.seal()
            seen += await take(stream, 12)

    by_project = [numbers([event for event in seen if event.project_id == one.id]) for one in projects]
    assert by_project == [list(range(1, 13)), list(range(3, 16)), list(range(1, 13))]
    assert feed._tails == {}


async def test_a_follower_of_one_world_hears_nothing_of_the_other(
    ledger: Ledger, app_partner: Actor, lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    sandbox = Giver(ledger, replace(app_partner, environment=Environment.SANDBOX), "lin")
    await sandbox.earn()

    async with following(feed, project) as stream:
        for giver, grams in [(sandbox, 7), (lin, 100), (sandbox, 8), (lin, 200)]:
            await giver.give(project, grams)
        await sealer.seal()
        assert [event.amount_g for event in await take(stream, 2)] == [100, 200]
    stranger = new_id()
    assert await feed.heads([project.id, stranger], Environment.SANDBOX) == {project.id: 2, stranger: 0}


# --- nothing is left behind -------------------------------------------------------------------------------------------


async def test_a_follower_that_is_closed_leaves_no_task(project: Project, feed: Feed) -> None:
    other = await add_project("habitat")
    before = asyncio.all_tasks()

    async with following(feed, project, other) as stream:
        assert await anext(stream) is None
        assert len(asyncio.all_tasks() - before) == 2

    assert asyncio.all_tasks() == before
    assert feed._tails == {}


async def test_a_follower_that_is_cancelled_at_any_moment_leaves_no_task(project: Project, feed: Feed) -> None:
    other = await add_project("habitat")
    before = asyncio.all_tasks()

    async def follow() -> None:
        async with following(feed, project, other) as stream:
            async for _ in stream:
                pass

    for turns in range(40):
        follower = asyncio.create_task(follow())
        for _ in range(turns):
            await asyncio.sleep(turns / 20_000)
        follower.cancel()
        await asyncio.wait([follower], timeout=GUARD_S)

        assert follower.cancelled()
        assert feed._tails == {}
    await eventually(lambda: _are_over(before))  # asyncpg takes a cancelled connection back in a task of its own


async def test_closing_the_feed_ends_its_readers(project: Project, feed: Feed) -> None:
    before = asyncio.all_tasks()
    async with following(feed, project) as stream:
        assert await anext(stream) is None

        await feed.close()

        assert asyncio.all_tasks() == before


# --- a gap is never silent --------------------------------------------------------------------------------------------


async def test_an_event_that_is_missing_stops_a_follower_that_reads_the_table(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await lin.give(project)
    await sealer.seal()
    await leave_out_one(project)

    async with following(feed, project) as stream:
        assert numbers(await take(stream, 1)) == [1]
        with pytest.raises(Gap, match="event 3 follows 1"):
            await anext(stream)


async def test_an_event_that_is_missing_stops_a_follower_that_is_live(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    async with following(feed, project) as one, following(feed, project) as other:
        await lin.give(project)
        await sealer.seal()
        assert numbers(await take(one, 1)) == numbers(await take(other, 1)) == [1]
        assert [await anext(one), await anext(other)] == [None, None]

        await leave_out_one(project)
        feed.hint([(project.id, LIVE)])

        for stream in (one, other):
            async with asyncio.timeout(GUARD_S):
                with pytest.raises(Gap, match="event 3 follows 1"):
                    await anext(stream)
    assert feed._tails == {}


async def leave_out_one(project: Project) -> None:
    """Number an event by 3 after the one by 1, as no sealer does."""
    first = await Event.get(project_id=project.id, sequence=1)
    row = {column: getattr(first, column) for column in Event._meta.db_fields}
    await Event.create(**row | {"id": new_id(), "transfer_id": new_id(), "sequence": 3})
    await ProjectHead.filter(project_id=project.id).update(sequence=3)


# --- progress ---------------------------------------------------------------------------------------------------------


async def test_progress_is_told_at_once_and_whenever_it_has_moved(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    before = asyncio.all_tasks()
    async with aclosing(feed.progress(project.id, LIVE)) as stream, asyncio.timeout(GUARD_S):
        assert await anext(stream) is None
        for donations, told in [(1, (1, 10, 1, 1)), (3, (4, 40, 4, 1))]:
            for _ in range(donations):
                await lin.give(project, 10)
            await sealer.seal()
            head = await anext(stream)
            assert head is not None
            assert (head.sequence, head.energy_g, head.donations, head.donors) == told

        moving = asyncio.ensure_future(anext(stream))
        feed.hint([(project.id, LIVE)])
        await asyncio.sleep(SOON_S)
        assert not moving.done()
        await lin.give(project)
        await sealer.seal()
        head = await moving
        assert head is not None
        assert head.sequence == 5
    assert asyncio.all_tasks() == before
    assert feed._tails == {}


async def _are_following(feed: Feed, count: int) -> bool:
    return sum(len(tail.followers) for tail in feed._tails.values()) == count


async def _are_over(before: set[asyncio.Task[Any]]) -> bool:
    return asyncio.all_tasks() == before
