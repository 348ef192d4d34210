"""The sealer: numbers without a gap whoever writes, one holder at a time, totals that add up, a chain that holds."""

import asyncio
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from api.events.feed import Feed
from api.events.sealer import AT_ONCE, BATCH_MAX, LEASE, LeaseLost, Sealer, Stream
from api.ledger import Ledger, Rules
from api.ledger.check import check_ledger
from api.models import (
    Block,
    Environment,
    Event,
    EventKind,
    Outbox,
    Project,
    ProjectHead,
    SealerLease,
    Transfer,
    TransferKind,
    User,
    now,
)
from api.models.database import database
from tests.conftest import Actor, add_project, bus, eventually, open_ledger, recording
from tests.events.giving import Giver, telling
from tests.events.test_merkle import built_from_the_bottom

LIVE = Environment.LIVE
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def events_of(project: Project, environment: Environment = LIVE) -> list[Event]:
    return await Event.filter(project_id=project.id, environment=environment).order_by("sequence")


async def head_of(project: Project, environment: Environment = LIVE) -> ProjectHead:
    return (await ProjectHead.of_projects([project.id], environment))[project.id]


async def totals(project: Project) -> tuple[int, int, int, int]:
    """Return last number, grams, donations, donors."""
    head = await head_of(project)
    return (head.sequence, head.energy_g, head.donations, head.donors)


async def expire_lease() -> None:
    assert await SealerLease.filter(name=LEASE).update(expires_at=now() - timedelta(seconds=1)) == 1


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_what_many_writers_give_at_once_is_numbered_without_a_gap(
    url: str, ledger: Ledger, app_partner: Actor, project: Project, feed: Feed
) -> None:
    projects = [project, await add_project("habitat"), await add_project("grassland")]
    users = [f"user-{index}" for index in range(40)]
    await ledger.record(app_partner.partnership, [recording(user, f"trip-{user}", bus()) for user in users])
    sealers = [Sealer(telling(feed)), Sealer(telling(feed))]

    async with database(url), open_ledger(url) as other:
        for sealer in sealers:
            sealer.start()
        donations = await asyncio.gather(
            *(
                Giver((ledger, other)[index % 2], app_partner, users[index % 40]).give(
                    projects[index % 3], 1 + index % 5
                )
                for index in range(1_200)
            )
        )
        for sealer in sealers:
            await sealer.close()

    assert await Outbox.all().count() == 0
    for index, one in enumerate(projects):
        events = await events_of(one)
        assert [event.sequence for event in events] == list(range(1, 401))
        assert {event.transfer_id for event in events} == set(donations[index::3])
        assert await totals(one) == (400, sum(1 + given % 5 for given in range(index, 1_200, 3)), 400, 40)
        running = 0
        for event in events:
            running += event.amount_g
            assert event.total_after_g == running
    assert (await check_ledger()).faults == []


async def test_a_batch_is_bounded_and_the_rest_is_the_next_block(lin: Giver, project: Project, sealer: Sealer) -> None:
    await lin.put_in_outbox(project, BATCH_MAX + 5)

    assert [await sealer.seal() for _ in range(3)] == [BATCH_MAX, 5, 0]

    blocks = [(block.number, block.first_sequence, block.count) for block in await Block.all().order_by("number")]
    assert blocks == [(1, 1, BATCH_MAX), (2, BATCH_MAX + 1, 5)]


async def test_what_is_written_by_several_statements_is_one_block(
    ledger: Ledger, app_partner: Actor, project: Project, sealer: Sealer
) -> None:
    users = [f"user-{index}" for index in range(2 * AT_ONCE + 5)]
    await ledger.record(app_partner.partnership, [recording(user, f"trip-{user}", bus()) for user in users])
    await asyncio.gather(*(Giver(ledger, app_partner, user).give(project) for user in users))

    assert await sealer.seal() == len(users)

    assert await totals(project) == (len(users),) * 4
    assert [(block.first_sequence, block.count) for block in await Block.all()] == [(1, len(users))]
    assert [event.sequence for event in await events_of(project)] == [*range(1, len(users) + 1)]
    assert (await check_ledger()).faults == []


async def test_an_empty_outbox_makes_no_block(project: Project, sealer: Sealer) -> None:
    assert await sealer.seal() == 0

    assert await Block.all().count() == 0
    assert await ProjectHead.all().count() == 0


async def test_the_two_worlds_are_numbered_apart(
    ledger: Ledger, app_partner: Actor, lin: Giver, project: Project, sealer: Sealer
) -> None:
    sandbox = Giver(ledger, replace(app_partner, environment=Environment.SANDBOX), "lin")
    await sandbox.earn()
    await lin.give(project, 100)
    await sandbox.give(project, 7)
    await lin.give(project, 100)

    await sealer.seal()

    live, tests = await head_of(project), await head_of(project, Environment.SANDBOX)
    assert (live.sequence, live.energy_g, live.donors) == (2, 200, 1)
    assert (tests.sequence, tests.energy_g, tests.donors) == (1, 7, 1)
    assert [event.amount_g for event in await events_of(project, Environment.SANDBOX)] == [7]


# --- totals -----------------------------------------------------------------------------------------------------------


async def test_a_donor_counts_once_and_only_while_a_gift_stands(
    lin: Giver, wang: Giver, project: Project, sealer: Sealer
) -> None:
    one, two = await lin.give(project, 100), await lin.give(project, 50)
    await wang.give(project, 7)
    await sealer.seal()
    assert await totals(project) == (3, 157, 3, 2)

    await lin.take_back(one)
    await sealer.seal()
    assert await totals(project) == (4, 57, 2, 2)

    await lin.take_back(two)
    await sealer.seal()
    assert await totals(project) == (5, 7, 1, 1)

    await lin.give(project, 3)
    await sealer.seal()
    assert await totals(project) == (6, 10, 2, 2)


async def test_a_gift_and_its_reversal_in_one_batch_are_numbered_in_that_order(
    lin: Giver, project: Project, sealer: Sealer
) -> None:
    # The reversal is the older of the two by the clock of the machine that took it.
    donation = await lin.give(project, 100, at=now() + timedelta(hours=1))
    await lin.take_back(donation)

    assert await sealer.seal() == 2

    given, returned = await events_of(project)
    assert (given.kind, given.amount_g, given.total_after_g) == (EventKind.DONATION, 100, 100)
    assert (returned.kind, returned.amount_g, returned.total_after_g) == (EventKind.DONATION_REVERSED, 100, 0)
    assert given.donation_id == returned.donation_id == given.transfer_id == donation
    reversal = await Transfer.get(kind=TransferKind.REVERSE_DONATE)
    assert returned.transfer_id == reversal.id
    assert await totals(project) == (2, 0, 0, 0)


async def test_a_donor_has_one_name_in_each_project_and_another_in_the_next(
    lin: Giver, wang: Giver, project: Project, sealer: Sealer
) -> None:
    other = await add_project("habitat")
    for giver in (lin, lin, wang):
        await giver.give(project)
        await giver.give(other)

    await sealer.seal()

    here, there = await events_of(project), await events_of(other)
    names = [[event.donor for event in events] for events in (here, there)]
    assert names[0][0] == names[0][1] != names[0][2]
    assert not set(names[0]) & set(names[1])
    assert len({event.donor_commitment for event in [*here, *there]}) == 2
    ids = {str(user.id) for user in await User.all()}
    assert not any(event.donor in one or one in event.donor for event in here for one in ids)


# --- one sealer at a time ---------------------------------------------------------------------------------------------


async def test_while_one_holds_the_lease_another_seals_nothing(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await sealer.seal()
    await lin.give(project)
    other = Sealer(telling(feed))

    with pytest.raises(LeaseLost):
        await other.seal()

    assert await Outbox.all().count() == 1
    assert await sealer.seal() == 1


async def test_an_old_holder_that_goes_on_is_shut_out(lin: Giver, project: Project, feed: Feed, sealer: Sealer) -> None:
    await lin.give(project)
    await sealer.seal()
    await lin.give(project)
    await expire_lease()  # as if the first had been paused for so long
    other = Sealer(telling(feed))

    assert await other.seal() == 1
    await lin.give(project)
    with pytest.raises(LeaseLost):
        await sealer.seal()
    with pytest.raises(LeaseLost):
        await sealer.seal()

    assert await Outbox.all().count() == 1
    assert await other.seal() == 1
    assert [event.sequence for event in await events_of(project)] == [1, 2, 3]
    assert [block.epoch for block in await Block.all().order_by("number")] == [1, 2, 2]


async def test_two_that_take_an_expired_lease_at_once_are_one_holder(
    url: str, lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await sealer.seal()
    rivals = [Sealer(telling(feed)) for _ in range(8)]
    async with database(url):
        for round_ in range(5):
            await lin.give_often(project, 20)
            await expire_lease()

            answers = await asyncio.gather(*(one.seal() for one in rivals), return_exceptions=True)

            assert sorted(answer for answer in answers if isinstance(answer, int)) in ([20], [0, 20])
            assert all(isinstance(answer, int | LeaseLost) for answer in answers)
            assert len(await events_of(project)) == 20 * (round_ + 1)
    assert (await check_ledger()).faults == []


async def test_the_first_sealers_of_an_empty_database_are_one_holder(
    url: str, lin: Giver, project: Project, feed: Feed
) -> None:
    await lin.give_often(project, 20)
    async with database(url):
        answers = await asyncio.gather(*(Sealer(telling(feed)).seal() for _ in range(8)), return_exceptions=True)

    assert [answer for answer in answers if isinstance(answer, int)] == [20]
    assert sum(isinstance(answer, LeaseLost) for answer in answers) == 7


async def test_a_sealer_that_stops_gives_its_lease_back(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    sealer.start()
    await lin.give(project)
    await sealer.close()
    assert [event.sequence for event in await events_of(project)] == [1]

    await lin.give(project)
    assert await Sealer(telling(feed)).seal() == 1


async def test_a_sealer_in_waiting_takes_over_when_the_lease_runs_out(
    lin: Giver, project: Project, feed: Feed, sealer: Sealer
) -> None:
    await sealer.seal()
    other = Sealer(telling(feed))
    other.start()
    try:
        await lin.give(project)
        await expire_lease()
        other.hint()
        await eventually(lambda: _is_sealed(project, 1))
    finally:
        await other.close()
    assert (await Block.get(number=1)).epoch == 2


async def test_a_sealer_whose_news_cannot_be_told_seals_all_the_same(lin: Giver, project: Project) -> None:
    told: list[list[Stream]] = []

    async def fail(streams: Iterable[Stream]) -> None:
        told.append(list(streams))
        raise ConnectionError("nobody listens")

    sealer = Sealer(fail)
    sealer.start()
    await lin.give(project)
    sealer.hint()
    await eventually(lambda: _is_sealed(project, 1))
    await lin.give(project)
    await sealer.close()

    assert [event.sequence for event in await events_of(project)] == [1, 2]
    assert told[0] == [(project.id, LIVE)]


async def test_the_service_seals_what_comes_in_without_being_asked(
    app_partner: Actor, project: Project, feed: Feed
) -> None:
    sealer = Sealer(telling(feed))
    ledger = Ledger(Rules(), committed=sealer.hint)
    sealer.start()
    try:
        giver = Giver(ledger, app_partner, "lin")
        await giver.earn()
        await giver.give(project, 100)
        await eventually(lambda: _is_sealed(project, 1))
    finally:
        await ledger.close()
        await sealer.close()


# --- the chain --------------------------------------------------------------------------------------------------------


async def test_the_chain_can_be_computed_anew_by_anybody(
    lin: Giver, wang: Giver, project: Project, sealer: Sealer
) -> None:
    donations = await lin.give_often(project, 7)
    await sealer.seal()
    await wang.give(project, 100)
    await lin.take_back(donations[3])
    await sealer.seal()
    await wang.give(project, 1)
    await sealer.seal()

    previous = "0" * 64
    events = iter(await events_of(project))
    blocks = await Block.filter(project_id=project.id).order_by("number")
    for block in blocks:
        contents = []
        for event in [next(events) for _ in range(block.count)]:
            content = canonical(
                project=str(event.project_id),
                environment="LIVE",
                sequence=event.sequence,
                kind=event.kind.value,
                transfer=str(event.transfer_id),
                amount_g=event.amount_g,
                total_after_g=event.total_after_g,
                donor=event.donor_commitment,
                occurred_at_ms=(event.occurred_at - EPOCH) // timedelta(milliseconds=1),
            )
            assert event.leaf_hash == sha256(b"\x00" + content).hexdigest()
            assert event.block_number == block.number
            contents.append(content)
        assert block.merkle_root == built_from_the_bottom(contents).hex()
        assert block.previous_hash == previous
        previous = sha256(
            canonical(
                project=str(project.id),
                environment="LIVE",
                number=block.number,
                first_sequence=block.first_sequence,
                count=block.count,
                total_after_g=block.total_after_g,
                merkle_root=block.merkle_root,
                previous_hash=block.previous_hash,
            )
        ).hexdigest()
        assert block.hash == previous
    assert next(events, None) is None
    assert [(block.number, block.first_sequence, block.count, block.total_after_g) for block in blocks] == [
        (1, 1, 7, 7),
        (2, 8, 2, 106),
        (3, 10, 1, 107),
    ]
    head = await head_of(project)
    assert (head.block_number, head.block_hash) == (3, previous)


async def test_a_commitment_says_nothing_once_the_salt_is_forgotten(
    lin: Giver, project: Project, sealer: Sealer
) -> None:
    await lin.give(project)
    await sealer.seal()
    (event,) = await events_of(project)
    user = await User.get()

    assert event.donor_commitment == sha256(bytes.fromhex(user.salt) + user.id.bytes).hexdigest()
    assert event.donor_commitment != sha256(user.id.bytes).hexdigest()
    user.salt = "00" * 16
    assert event.donor_commitment != user.commitment()


def canonical(**content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


async def _is_sealed(project: Project, sequence: int) -> bool:
    head = (await ProjectHead.of_projects([project.id], LIVE)).get(project.id)
    return head is not None and head.sequence >= sequence
