"""Kept connections: what they answer, whose database they see, and that nothing is left behind on them."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from tortoise import fields
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.transactions import in_transaction

from api.models import ApiKey, Environment, Partner, PartnerKind, SandboxClock, User, new_id, now
from api.models.database import database, migrate
from api.models.rows import Shape
from api.models.statements import Statement, TooSlow, kept
from tests.conftest import Actor, add_partner

GUARD_S = 30
PARTNER = Shape[Partner].of(Partner)
PARTNERS = Statement(
    "partners by id",
    PARTNER,
    postgres="SELECT {p} FROM partner p WHERE p.id = ANY($1) ORDER BY p.id",
    sqlite="SELECT {p} FROM partner p WHERE p.id IN (SELECT value FROM json_each(?1)) ORDER BY p.id",
)
KEY = Shape[ApiKey].of(ApiKey)
KEYS = Statement(
    "keys",
    KEY,
    postgres="SELECT {k} FROM api_key k",
    sqlite="SELECT {k} FROM api_key k",
)
ADD_USER: Statement[Any] = Statement(
    "add a user",
    None,
    postgres='INSERT INTO "user" (id, environment, salt, created_at) VALUES ($1, $2, $3, $4)',
    sqlite='INSERT INTO "user" (id, environment, salt, created_at) VALUES (?1, ?2, ?3, ?4)',
)
USER = Shape[User].of(User)
USERS = Statement(
    "users",
    USER,
    postgres='SELECT {u} FROM "user" u',
    sqlite='SELECT {u} FROM "user" u',
)
SLOW: Statement[Any] = Statement(
    "slow",
    Shape[Any]("Slow", {"n": fields.BigIntField()}, {}),
    postgres="SELECT n FROM (SELECT 1::bigint AS n, pg_sleep(60)) AS slow",
    sqlite="WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT max(n) AS n FROM c",
)


def a_user(**changes: Any) -> tuple[Any, ...]:
    given = {"id": new_id(), "environment": Environment.LIVE, "salt": "00", "created_at": now()} | changes
    return tuple(given.values())


async def add(*users: tuple[Any, ...]) -> None:
    async with kept().transaction() as transaction:
        for user in users:
            await transaction.fetch(ADD_USER, *user)


async def test_a_light_row_reads_like_the_models_own(db: TortoiseContext, app_partner: Actor) -> None:
    (row,) = await PARTNERS.fetch([app_partner.partner.id])
    model = await Partner.get(id=app_partner.partner.id)
    for name in ("id", "slug", "name_zh", "name_en", "kinds", "status", "created_at"):
        assert getattr(row, name) == getattr(model, name)
    assert isinstance(row.id, UUID)
    assert row.status is model.status
    assert row.created_at.utcoffset() == timedelta(0)
    (key,) = await KEYS.fetch()
    assert (key.partner_id, key.expires_at, key.scopes) == (model.id, None, (await ApiKey.get(id=key.id)).scopes)
    assert key.is_valid(now())


async def test_rows_are_compared_by_what_is_in_them_and_nothing_of_it_stays(
    db: TortoiseContext, app_partner: Actor
) -> None:
    (row,), (same,) = [await PARTNERS.fetch([app_partner.partner.id]) for _ in range(2)]
    before = sys.getrefcount(row.id), sys.getrefcount(same.id)
    for _ in range(100):
        assert row == same
        assert not row != same  # noqa: SIM202 - it is a comparison of its own
        assert row != row.id
        assert {row: "found"}[same] == "found"
    assert (sys.getrefcount(row.id), sys.getrefcount(same.id)) == before


async def test_a_read_sees_what_was_committed_before_it_was_sent(db: TortoiseContext) -> None:
    for number in range(50):
        await Partner.create(id=new_id(), slug=f"p{number}", name_zh="", name_en="", kinds=[], created_at=now())
        assert len(await PARTNERS.fetch([one.id for one in await Partner.everyone()])) == number + 1


async def test_a_transaction_is_written_whole_or_not_at_all(db: TortoiseContext) -> None:
    first, second = a_user(), a_user()
    async with kept().transaction() as transaction:
        await transaction.fetch(ADD_USER, *first)
        assert await USERS.fetch() == []
        await transaction.fetch(ADD_USER, *second)
        assert len(await transaction.fetch(USERS)) == 2
    assert {row.id for row in await USERS.fetch()} == {first[0], second[0]}
    assert await User.all().count() == 2

    async def fail() -> None:
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *a_user())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    with pytest.raises(IntegrityError):
        await add(a_user(), first)
    assert await User.all().count() == 2


async def test_a_failure_that_was_caught_still_undoes_its_transaction(db: TortoiseContext) -> None:
    async def forgive() -> None:
        first = a_user()
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *first)
            with pytest.raises(IntegrityError):
                await transaction.fetch(ADD_USER, *first)

    with pytest.raises(OperationalError, match="nothing of it was written"):
        await forgive()
    assert await User.all().count() == 0


async def test_who_is_cancelled_in_a_transaction_leaves_nothing_behind(db: TortoiseContext) -> None:
    async def write(reached: asyncio.Event) -> None:
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *a_user())
            reached.set()
            await asyncio.Event().wait()

    for _ in range(20):
        reached = asyncio.Event()
        task = asyncio.create_task(write(reached))
        await reached.wait()
        task.cancel()
        await asyncio.wait({task})
    # And at whatever moment it comes.
    for number in range(40):
        task = asyncio.create_task(write(asyncio.Event()))
        for _ in range(number % 10):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait({task})
    async with asyncio.timeout(GUARD_S):
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *a_user())
        assert await User.all().count() == 1


async def test_who_writes_by_tortoise_and_who_writes_beside_it_take_turns(db: TortoiseContext) -> None:
    partner = (await add_partner("maps", PartnerKind.ACTION_SOURCE)).partner

    async def beside() -> None:
        for _ in range(20):
            async with kept().transaction() as transaction:
                await transaction.fetch(ADD_USER, *a_user())

    async def by_tortoise() -> None:
        for number in range(20):
            async with in_transaction():
                await SandboxClock.put(partner.id, number)

    async with asyncio.timeout(GUARD_S):
        await asyncio.gather(*(beside() for _ in range(4)), by_tortoise())
    assert await User.all().count() == 80


async def test_each_database_has_connections_of_its_own(tmp_path: Path, postgres: Any) -> None:
    for name in ("one", "two"):
        async with database(f"sqlite:///{tmp_path}/{name}.db") as context:
            await migrate(context)
            await User.create(id=new_id(), environment=Environment.LIVE, salt="", created_at=now())
            assert len(await USERS.fetch()) == 1
            async with database(f"sqlite:///{tmp_path}/inner-{name}.db") as inner:
                await migrate(inner)
                assert await USERS.fetch() == []
            assert len(await USERS.fetch()) == 1


async def test_a_database_in_memory_answers_on_its_one_connection() -> None:
    async with database("sqlite:///:memory:") as context:
        await migrate(context)
        first = a_user()
        async with kept().transaction() as transaction:
            await transaction.fetch(ADD_USER, *first)
        (row,) = await USERS.fetch()
        assert (row.id, row.environment) == (first[0], Environment.LIVE)
        with pytest.raises(IntegrityError):
            await add(first)


async def test_a_moment_is_written_as_tortoise_writes_it(db: TortoiseContext) -> None:
    moment = datetime(2026, 6, 5, 8, 30, tzinfo=UTC)
    user_id = new_id()
    async with kept().transaction() as transaction:
        await transaction.fetch(ADD_USER, *a_user(id=user_id, created_at=moment))
    assert await User.filter(created_at__gte=moment, created_at__lt=moment + timedelta(microseconds=1)).count() == 1
    assert (await User.get(id=user_id)).created_at == moment


async def test_a_statement_whose_columns_are_not_its_shape_is_refused(db: TortoiseContext) -> None:
    text = 'SELECT id, salt, environment, created_at FROM "user"'
    with pytest.raises(TypeError, match="not its shape"):
        await Statement("users, mixed up", USER, postgres=text, sqlite=text).fetch()


async def test_a_statement_that_takes_too_long_is_ended(url: str) -> None:
    async with database(url, statement_s=0.2), asyncio.timeout(GUARD_S):
        with pytest.raises(TooSlow, match="slow"):
            await SLOW.fetch()
        assert await USERS.fetch() == []
