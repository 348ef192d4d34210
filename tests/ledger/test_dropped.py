"""Requests that are dropped in mid-write: each is done or not done, and the service is as well as before."""

import asyncio
import random
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import orjson
from tortoise.context import TortoiseContext
from tortoise.transactions import in_transaction

from api.ledger import Ledger, Outcome, UserBy
from api.ledger.check import check_ledger
from api.models import Account, Action, Outbox, Project, Receipt, Transfer, TransferKind, now
from api.models.database import POOL_SIZE
from api.schema import node
from tests.conftest import Actor, Running, bus, eventually, recording

DROPS = 1_000
OPEN_MAX = 20
#: Long enough that some are dropped before they are read, some in mid-write, and some after the answer.
PATIENCE_S = 0.25
GUARD_S = 30
USERS = [f"user-{index}" for index in range(20)]

DONATE = """
mutation ($key: String!, $user: String!, $project: ID!) {
  donateEnergy(
    input: {idempotencyKey: $key, user: {externalRef: $user}, projectId: $project, amount: {grams: 1}}
  ) { donation { id } errors { __typename } }
}
"""
RECORD = """
mutation ($key: String!, $user: String!, $start: DateTime!, $end: DateTime!) {
  recordAction(
    input: {
      idempotencyKey: $key
      user: {externalRef: $user}
      legs: {type: "BUS", quantity: 800, startedAt: $start, endedAt: $end}
    }
  ) { action { id } errors { __typename } }
}
"""


async def test_a_thousand_dropped_requests_leave_the_service_as_it_was(
    db: TortoiseContext, service: Running, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await give_energy(ledger, app_partner)
    await service.client(app_partner)("{ viewer { partner { id } } }")
    quiet = len(asyncio.all_tasks())
    chance = random.Random(20260605)  # noqa: S311 - the same drops each time
    gate = asyncio.Semaphore(OPEN_MAX)

    async def drop(index: int) -> None:
        async with gate:
            body = _body(index, project)
            # Some are not even sent to the end.
            sent = len(body) if index % 10 else chance.randrange(len(body))
            await _send_and_abort(service, app_partner, body, sent, chance.random() * PATIENCE_S)

    await asyncio.gather(*(drop(index) for index in range(DROPS)))

    await _is_as_well_as_before(db, service, app_partner, quiet)
    landed = await _effects()
    assert 0 < landed < DROPS
    # A partner that does not know whether its calls landed sends them again; some of them are enough here.
    unsure = range(0, DROPS, 17)
    known = {receipt.key for receipt in await Receipt.all()}
    answers = await asyncio.gather(*(_again(service, app_partner, gate, _body(index, project)) for index in unsure))
    assert all(answers)
    assert await _effects() == landed + sum(f"key-{index}" not in known for index in unsure)
    await _is_as_well_as_before(db, service, app_partner, quiet)


async def test_a_thousand_cancelled_callers_stop_no_write(
    db: TortoiseContext, ledger: Ledger, app_partner: Actor, project: Project
) -> None:
    await give_energy(ledger, app_partner)
    chance = random.Random(20260606)  # noqa: S311 - the same drops each time

    async def call(index: int) -> Outcome:
        user = UserBy(external_ref=USERS[index % 20])
        return await ledger.donate(app_partner.partnership, user, project.id, 1, f"key-{index}")

    for first in range(0, DROPS, 100):
        tasks = [asyncio.create_task(call(index)) for index in range(first, first + 100)]
        await asyncio.sleep(chance.random() * 0.02)
        for task in tasks[::2]:
            await asyncio.sleep(0)
            task.cancel()
        done = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), GUARD_S)
        assert {type(one) for one in done} <= {Outcome, asyncio.CancelledError}
        assert all(isinstance(one, Outcome) and one.refusal is None for one in done[1::2])

    await ledger.close()
    await _has_all_its_connections(db)
    assert DROPS / 2 <= await _effects() <= DROPS
    assert (await check_ledger()).faults == []


async def give_energy(ledger: Ledger, actor: Actor) -> None:
    """Give each user 416 g, by a trip on the day before yesterday."""
    trips = [recording(user, f"trip-{user}", bus(ago=timedelta(days=2))) for user in USERS]
    for outcome in await ledger.record(actor.partnership, trips):
        assert isinstance(outcome, Outcome)
        assert outcome.refusal is None


def _body(index: int, project: Project) -> bytes:
    user = USERS[index % 20]
    variables = {"key": f"key-{index}", "user": user}
    if index % 3:
        variables["project"] = node.global_id(node.PROJECT, project.id)
        return orjson.dumps({"query": DONATE, "variables": variables})
    # A trip of two minutes, each user's in a slot of its own.
    start = START + timedelta(minutes=3 * (index // 20))
    variables |= {"start": start.isoformat(), "end": (start + timedelta(minutes=2)).isoformat()}
    return orjson.dumps({"query": RECORD, "variables": variables})


START = now().replace(microsecond=0) - timedelta(hours=20)


async def _send_and_abort(service: Running, actor: Actor, body: bytes, sent: int, after_s: float) -> None:
    address = urlsplit(service.address)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: application/json\r\n"
        f"Authorization: {actor.headers['Authorization']}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body[:sent])
    await asyncio.sleep(after_s)
    writer.transport.abort()


async def _again(service: Running, actor: Actor, gate: asyncio.Semaphore, body: bytes) -> bool:
    """Send a call to its end, and return whether it was or had been accepted."""
    async with gate:
        headers = actor.headers | {"Content-Type": "application/json"}
        response = await service.http.post("/graphql", content=body, headers=headers)
    answer = response.json()
    assert "errors" not in answer, answer
    (payload,) = answer["data"].values()
    return bool(payload["errors"] == [])


async def _is_as_well_as_before(db: TortoiseContext, service: Running, actor: Actor, quiet: int) -> None:
    async with asyncio.timeout(GUARD_S):
        # What was dropped is written all the same, and nothing of it may be under way when the ledger is checked.
        await eventually(lambda: _has_no_more_tasks_than(quiet))
        data = await service.client(actor)("{ viewer { partner { id } } }")
        assert data == {"viewer": {"partner": {"id": node.global_id(node.PARTNER, actor.partner.id)}}}
        await eventually(_is_sealed)
    await _has_all_its_connections(db)
    assert (await check_ledger()).faults == []


async def _has_all_its_connections(db: TortoiseContext) -> None:
    """The lock is free, or every connection of the pool is there, idle, and of use."""
    connection: Any = db.db()
    async with asyncio.timeout(GUARD_S):
        if connection.capabilities.dialect == "sqlite":
            await eventually(lambda: _is_free(connection._lock))
            async with in_transaction():
                assert await Account.all().count() == len(USERS)
            return
        together = asyncio.Barrier(POOL_SIZE)

        async def use_one() -> None:
            async with in_transaction():
                await together.wait()  # nobody goes on before all have a connection
                assert await Account.all().count() == len(USERS)

        await asyncio.gather(*(use_one() for _ in range(POOL_SIZE)))
        pool = connection._pool
        await eventually(lambda: _is_idle(pool))
        assert pool.get_size() == pool.get_max_size() == POOL_SIZE
        # The sealer looks into its outbox now and then: that alone may come and go.
        await eventually(lambda: _holds_nothing(connection))


async def _holds_nothing(connection: Any) -> bool:
    (row,) = await connection.execute_query_dict(
        "SELECT (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
        "AND pid <> pg_backend_pid() AND xact_start IS NOT NULL) AS begun, "
        "(SELECT count(*) FROM pg_locks JOIN pg_database ON database = pg_database.oid "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()) AS held"
    )
    return (row["begun"], row["held"]) == (0, 0)


async def _effects() -> int:
    """Return how many calls have their effect, each exactly once and with its receipt; the others have neither."""
    receipts = await Receipt.filter(key__startswith="key-")
    assert all(receipt.refusal is None for receipt in receipts)
    made = {receipt.result_id for receipt in receipts}
    donations = {donation.id for donation in await Transfer.filter(kind=TransferKind.DONATE)}
    actions = {action.id for action in await Action.filter(quantity=800)}
    assert made == donations | actions
    assert len(receipts) == len(donations) + len(actions)
    return len(receipts)


async def _is_sealed() -> bool:
    return await Outbox.all().count() == 0


async def _has_no_more_tasks_than(quiet: int) -> bool:
    return len(asyncio.all_tasks()) <= quiet


async def _is_free(lock: asyncio.Lock) -> bool:
    return not lock.locked()


async def _is_idle(pool: asyncpg.Pool) -> bool:
    return bool(pool.get_idle_size() == pool.get_size())
