"""Connections that the database ends: each write is done or not done, and the pool is whole again."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import suppress
from importlib import import_module
from pkgutil import iter_modules
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from tortoise.transactions import in_transaction

import api.models
from api.ledger import Ledger, Outcome, Partnership, UserBy
from api.ledger.check import check_ledger
from api.ledger.errors import UserNotFound
from api.models import Account, Partner, PartnerKind, Receipt, Transfer, TransferKind, User
from api.models.changes import Change, together
from api.models.database import POOL_SIZE, database
from api.models.event import NUMBER_FACTS
from api.models.kept_postgres import LANES, SETTINGS
from api.models.project_head import GiftRow, ProjectDonor
from api.models.rows import columns_of
from api.models.statements import ConnectionLost, kept
from tests.conftest import TEMPLATE, add_partner, add_project, bus, eventually, open_ledger, recording
from tests.models.test_statements import ADD_USER, PARTNERS, a_user
from tests.postgres import Server

ROUNDS = 8
#: A write is tried twice, so it takes some rounds until one loses its connection both times. Nobody may lose none.
ROUNDS_MAX = 80
AT_ONCE = 60
USERS = [UserBy(external_ref=f"user-{index}") for index in range(20)]
GUARD_S = 30
#: What another process may do to an account while a donation is decided.
MEANWHILE = (
    "UPDATE account SET credited = credited + 50, version = version + 1",
    "UPDATE account SET debited = debited + 10, version = version + 1",
    "UPDATE account SET version = version + 1",
)
#: asyncpg's words for a connection that has ended, as it is seen sooner or later.
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


@pytest.fixture
async def url(postgres: Server) -> AsyncIterator[str]:
    """A PostgreSQL database: SQLite has no connections to lose."""
    name = f"test_{uuid4().hex}"
    postgres.create_database(name, template=TEMPLATE)
    yield postgres.url(name)
    postgres.drop_database(name)


async def test_connections_that_are_ended_under_load_are_all_replaced(url: str) -> None:
    async with database(url) as context, open_ledger(url) as ledger:
        actor = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        project = await add_project("longwu")
        trips = [recording(user.external_ref or "", f"trip-{user.external_ref}", bus()) for user in USERS]
        assert all(isinstance(one, Outcome) for one in await ledger.record(actor.partnership, trips))
        ending = asyncio.create_task(_end_connections(url))

        answers: list[Outcome | BaseException] = []
        failed: list[BaseException] = []
        while len(answers) < ROUNDS * AT_ONCE or not failed:
            assert len(answers) < ROUNDS_MAX * AT_ONCE  # or the connections that were ended were not in use
            number = len(answers) // AT_ONCE
            calls = (
                _give(ledger, actor.partnership, project.id, f"{number}-{index}", index) for index in range(AT_ONCE)
            )
            answers += await asyncio.gather(*calls, return_exceptions=True)
            failed = [answer for answer in answers if isinstance(answer, BaseException)]
        ending.cancel()
        ended = await asyncio.gather(ending, return_exceptions=True)

        assert isinstance(ended[0], asyncio.CancelledError)
        await _all_connections_are_of_use()
        client: Any = context.db()
        pool = client._pool
        assert (pool.get_size(), pool.get_idle_size()) == (POOL_SIZE, POOL_SIZE)

        # Who was told of a failure sends again, and each call has one effect.
        for number in range(len(answers) // AT_ONCE):
            calls = (
                _give(ledger, actor.partnership, project.id, f"{number}-{index}", index) for index in range(AT_ONCE)
            )
            for again in await asyncio.gather(*calls):
                assert again.refusal is None
        assert await Transfer.filter(kind=TransferKind.DONATE).count() == len(answers)
        assert await Receipt.filter(operation="donateEnergy").count() == len(answers)
        assert (await check_ledger()).faults == []


async def test_what_another_writes_between_reading_and_writing_is_decided_about_again(url: str) -> None:
    async with database(url), open_ledger(url) as ledger, asyncio.timeout(GUARD_S):
        actor = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        project = await add_project("longwu")
        (trip,) = await ledger.record(actor.partnership, [recording("user-0", "trip", bus())])
        assert isinstance(trip, Outcome)
        connection = await asyncpg.connect(url)
        for number, meanwhile in enumerate(MEANWHILE):
            async with connection.transaction():
                await connection.execute("SELECT FROM account FOR UPDATE")
                given = asyncio.create_task(
                    ledger.donate(actor.partnership, USERS[0], project.id, 100, f"gift-{number}")
                )
                await eventually(lambda: _waits_for_a_lock(url))  # it has read, and is about to write
                await connection.execute(meanwhile)
            outcome = await given
            assert (outcome.refusal, outcome.replayed) == (None, False)
        await connection.close()

        (account,) = await Account.all()
        assert (account.credited, account.debited) == (416 + 50, 10 + 100 * len(MEANWHILE))
        donations = await Transfer.filter(kind=TransferKind.DONATE).order_by("debited_after")
        assert [(one.credited_after, one.debited_after) for one in donations] == [(466, 100), (466, 210), (466, 310)]


async def test_a_link_that_ends_between_reading_and_writing_is_no_link(url: str) -> None:
    async with database(url), open_ledger(url) as ledger, asyncio.timeout(GUARD_S):
        actor = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        project = await add_project("longwu")
        (trip,) = await ledger.record(actor.partnership, [recording("user-0", "trip", bus())])
        assert isinstance(trip, Outcome)
        connection = await asyncpg.connect(url)
        async with connection.transaction():
            await connection.execute("SELECT FROM account FOR UPDATE")
            user = UserBy(id=trip.user_id)
            given = asyncio.create_task(ledger.donate(actor.partnership, user, project.id, 100, "gift"))
            await eventually(lambda: _waits_for_a_lock(url))  # it has read, and is about to write
            await connection.execute("DELETE FROM user_link")
            await connection.execute("UPDATE account SET version = version + 1")
        await connection.close()

        with pytest.raises(UserNotFound):
            await given
        (account,) = await Account.all()
        assert (account.credited, account.debited) == (416, 0)
        assert await Receipt.filter(key="gift").count() == 0


async def test_a_transaction_that_is_lost_leaves_its_task_as_it_was(url: str) -> None:
    async with database(url) as context:
        client = context.db()
        for _ in range(2 * POOL_SIZE):
            with suppress(*LOST):
                async with in_transaction() as connection:
                    await _end_all(url)
                    await connection.execute_query("SELECT 1")
                    pytest.fail("a connection that was ended has answered")
            assert context.db() is client

        await _all_connections_are_of_use()


async def test_a_kept_connection_that_was_ended_is_replaced_and_a_read_never_notices(url: str) -> None:
    async with database(url), asyncio.timeout(GUARD_S):
        partner = (await add_partner("maps", PartnerKind.ACTION_SOURCE)).partner
        for _ in range(5):
            answers = await asyncio.gather(*(PARTNERS.fetch([partner.id]) for _ in range(20)))
            assert [len(rows) for rows in answers] == [1] * 20
            await _end_all(url)


async def test_a_transaction_whose_connection_was_ended_says_so_and_the_next_one_is_whole(url: str) -> None:
    async def lose() -> None:
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *a_user())
            await _end_all(url)
            await transaction.fetch(ADD_USER, *a_user())

    async with database(url), asyncio.timeout(GUARD_S):
        for _ in range(2 * POOL_SIZE):
            with pytest.raises(ConnectionLost):
                await lose()
        assert await PARTNERS.fetch([]) == []
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *a_user())
        assert await User.all().count() == 1
        open_ones = await _connections(url)
    assert open_ones <= POOL_SIZE + 2 * LANES


async def test_a_statement_is_prepared_anew_when_its_table_has_changed(url: str) -> None:
    async with database(url):
        await add_partner("maps", PartnerKind.ACTION_SOURCE)
        (partner,) = await Partner.everyone()
        assert len(await PARTNERS.fetch([partner.id])) == 1
        connection = await asyncpg.connect(url)
        await connection.execute("ALTER TABLE partner ALTER COLUMN slug TYPE text")
        await connection.close()
        assert [row.slug for row in await PARTNERS.fetch([partner.id])] == ["maps"]


@pytest.mark.parametrize("pages", [0, 50])
async def test_facts_are_numbered_by_their_keys_however_empty_the_outbox_was(url: str, pages: int) -> None:
    connection = await asyncpg.connect(url, server_settings=SETTINGS)
    try:
        # As autovacuum leaves it, cut off or not.
        await connection.execute(f"UPDATE pg_class SET relpages = {pages}, reltuples = 0 WHERE relname = 'outbox'")  # noqa: S608
        await connection.execute(f"PREPARE numbering AS {together((NUMBER_FACTS,)).postgres}")
        plan = [row[0] for row in await connection.fetch("EXPLAIN EXECUTE numbering(NULL)")]
    finally:
        await connection.close()
    scans = [index for index, line in enumerate(plan) if " on outbox" in line and "Delete" not in line]
    assert len(scans) == 2, plan
    assert all("Index Cond: (transfer_id = " in plan[index + 1] for index in scans), plan
    assert not any("Join Filter" in line for line in plan), plan


async def test_the_types_of_rows_are_those_of_the_columns_that_are_sent(url: str) -> None:
    modules = [import_module(f"api.models.{one.name}") for one in iter_modules(api.models.__path__)]
    changes = {value for module in modules for value in vars(module).values() if isinstance(value, Change)}
    sent = {change.row_type: change.types for change in changes if change.row_type is not None}
    # Gifts are no change: they are asked what came of them.
    sent["gift"] = Change("gifts", columns_of(ProjectDonor, *GiftRow._fields), postgres=(), sqlite=()).types

    keys = import_module("api.migrations.0005_fewer_indexes").KEYS
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT t.typname, array_agg(format_type(a.atttypid, NULL) ORDER BY a.attnum) AS types FROM pg_type t "
        "JOIN pg_class c ON c.oid = t.typrelid AND c.relkind = 'c' JOIN pg_attribute a ON a.attrelid = c.oid "
        "WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname"
    )
    await connection.close()

    plain = {"timestamp with time zone": "timestamptz", "integer": "int"}
    # A process from before migration 0005 may serve beside this one, and sends posted actions.
    others = {"posted_action", *keys}
    assert sent == {name: [plain.get(one, one) for one in types] for name, types in rows if name not in others}
    assert len(sent) > 2


async def _connections(url: str) -> int:
    server, _, name = url.rpartition("/")
    admin = await asyncpg.connect(f"{server}/postgres")
    count: int = await admin.fetchval("SELECT count(*) FROM pg_stat_activity WHERE datname = $1", name)
    await admin.close()
    return count


async def _waits_for_a_lock(url: str) -> bool:
    admin = await asyncpg.connect(url)
    count: int = await admin.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted")
    await admin.close()
    return count > 0


async def _give(ledger: Ledger, caller: Partnership, project_id: Any, key: str, index: int) -> Outcome:
    return await ledger.donate(caller, USERS[index % 20], project_id, 1, key)


async def _all_connections_are_of_use() -> None:
    async def use_one(together: asyncio.Barrier) -> None:
        async with in_transaction():
            await together.wait()  # nobody goes on before all have a connection
            await Partner.all().count()

    async with asyncio.timeout(GUARD_S):
        while True:
            together = asyncio.Barrier(POOL_SIZE)
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(POOL_SIZE):
                        group.create_task(use_one(together))
            except ExceptionGroup as errors:  # the end of a connection that lay idle is seen when it is used
                if errors.split(LOST)[1] is not None:
                    raise
            else:
                return


async def _end_connections(url: str) -> None:
    """End the connections to a database, again and again."""
    chance = random.Random(20260607)  # noqa: S311 - the same pauses each time
    while True:
        await asyncio.sleep(chance.random() * 0.02)
        await _end_all(url)


async def _end_all(url: str) -> None:
    server, _, name = url.rpartition("/")
    admin = await asyncpg.connect(f"{server}/postgres")
    try:
        await admin.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    finally:
        await admin.close()
