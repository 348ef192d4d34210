"""What the database refuses, whoever asks: each statement of a table is tried on real rows, and nothing changes."""

# ruff: noqa: S608 - every name in a statement is one of our tables or columns

from collections.abc import Iterator, Sequence
from copy import copy
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import IntegrityError, OperationalError
from tortoise.models import Model

from api.events.sealer import Sealer
from api.ledger import Ledger, Outcome, UserBy
from api.models import (
    Account,
    Action,
    Block,
    EmissionFactor,
    Event,
    Gap,
    Outbox,
    Project,
    Receipt,
    Transfer,
    new_id,
)
from api.models.account import MOVE_ACCOUNTS
from api.models.changes import RowsMissing
from api.models.statements import kept
from tests.conftest import Actor, bus, recording

IMMUTABLE: Sequence[type[Model]] = (Transfer, Gap, Receipt, Event, Block, EmissionFactor)
NEVER_DELETED: Sequence[type[Model]] = (*IMMUTABLE, Action, Account, Outbox)
LIN = UserBy(external_ref="lin")


@pytest.fixture
async def history(ledger: Ledger, app_partner: Actor, project: Project) -> Ledger:
    """At least one row of every table: a sealed donation, one that waits, two trips, one of them reversed."""
    caller = app_partner.partnership
    trips = [recording("lin", "one", bus(100)), recording("lin", "two", bus(8_000, ago=timedelta(hours=3)))]
    for outcome in await ledger.record(caller, trips):
        assert isinstance(outcome, Outcome)
        assert outcome.refusal is None
    await ledger.donate(caller, LIN, project.id, 2, "sealed")
    await seal()
    await ledger.donate(caller, LIN, project.id, 2, "waiting")
    first = await Action.get(quantity=8_000)
    assert (await ledger.reverse_action(caller, first.id, "reverse")).refusal is None
    return ledger


async def dump() -> dict[str, list[dict[str, Any]]]:
    """Return every row of every guarded table."""
    return {
        table._meta.db_table: sorted(await table.all().values(), key=lambda row: str(row[table._meta.pk_attr]))
        for table in NEVER_DELETED
    }


def columns(table: type[Model]) -> list[str]:
    return sorted(table._meta.db_fields)


def forbidden(dialect: str) -> Iterator[str]:
    """Yield the statements that would change the past."""
    for table in IMMUTABLE:
        name = table._meta.db_table
        yield from (f'UPDATE "{name}" SET "{column}" = "{column}"' for column in columns(table))
    for table in NEVER_DELETED:
        name = table._meta.db_table
        yield f'DELETE FROM "{name}"'
        if dialect == "postgres":
            yield f'TRUNCATE "{name}"'
            yield f'TRUNCATE "{name}" CASCADE'
        else:
            yield f'INSERT OR REPLACE INTO "{name}" SELECT * FROM "{name}"'
            yield f'REPLACE INTO "{name}" SELECT * FROM "{name}"'
    yield from (f'UPDATE "outbox" SET "{column}" = "{column}"' for column in columns(Outbox))
    changeable = {"status", "taken_back_g", "reversed_at"}
    yield from (
        f'UPDATE "action" SET "{column}" = "{column}" WHERE status <> \'REVERSED\''
        for column in columns(Action)
        if column not in changeable
    )
    yield from (
        f'UPDATE "action" SET "{column}" = "{column}" WHERE status = \'REVERSED\'' for column in columns(Action)
    )
    yield 'UPDATE "account" SET credited = credited - 1'
    yield 'UPDATE "account" SET debited = debited - 1'
    yield 'UPDATE "account" SET debited = credited + 1'
    yield 'UPDATE "account" SET held = credited - debited + 1'
    yield 'UPDATE "account" SET held = -1'
    yield 'UPDATE "account" SET credited = credited + 5, debited = debited + 2000'
    yield f"UPDATE \"account\" SET user_id = '{new_id()}'"
    yield "UPDATE \"account\" SET environment = 'SANDBOX'"
    yield "UPDATE \"transfer\" SET amount_g = amount_g WHERE kind = 'EARN'"
    yield "DELETE FROM \"transfer\" WHERE kind = 'DONATE'"


async def test_every_statement_that_would_change_the_past_is_refused(db: TortoiseContext, history: Ledger) -> None:
    connection = db.db()
    dialect = connection.capabilities.dialect
    before = await dump()
    assert all(before.values())

    accepted = []
    for statement in forbidden(dialect):
        try:
            await connection.execute_query(statement)
        except (IntegrityError, OperationalError):
            continue
        accepted.append(statement)

    assert accepted == []
    assert await dump() == before


async def test_a_fact_leaves_the_outbox_only_when_it_has_its_event(
    db: TortoiseContext, history: Ledger, project: Project
) -> None:
    (fact,) = await Outbox.all()
    with pytest.raises(IntegrityError, match="the fact has no event yet"):
        await fact.delete()
    assert await Outbox.all().count() == 1

    await seal()

    assert await Outbox.all().count() == 0
    assert (await Event.by_transfers([fact.transfer_id]))[fact.transfer_id].amount_g == fact.amount_g


NONSENSE: Sequence[tuple[type[Model], dict[str, int]]] = [
    (Transfer, {"amount_g": 0}),
    (Transfer, {"amount_g": -1}),
    (Gap, {"starts": 5, "ends": 5}),
    (Gap, {"starts": 5, "ends": 4}),
    (Outbox, {"amount_g": 0}),
    (Action, {"credited_g": -1}),
    (Action, {"credited_g": 417, "reduction_g": 416}),
    (Account, {"credited": -1, "debited": 0, "held": 0}),
    (Account, {"credited": 5, "debited": 6, "held": 0}),
    (Account, {"credited": 5, "debited": 5, "held": 1}),
    (Account, {"credited": 5, "debited": 0, "held": -1}),
]


async def test_a_row_that_makes_no_sense_cannot_be_added(history: Ledger) -> None:
    before = await dump()

    for table, change in NONSENSE:
        row = await table.all().first()
        assert row is not None
        values = {column: getattr(row, column) for column in columns(table)}
        values[table._meta.pk_attr] = new_id()
        if "external_ref" in values:
            values["external_ref"] = uuid4().hex
        with pytest.raises(IntegrityError):
            await table.create(**values | change)

    assert await dump() == before


ONLY_ONCE: Sequence[tuple[type[Model], tuple[str, ...]]] = [
    (Transfer, ("id",)),
    (Transfer, ("user_id", "reverses")),
    (Receipt, ("user_id", "partner_id", "key")),
    (Gap, ("user_id", "starts")),
    (Event, ("project_id", "environment", "sequence")),
    (Event, ("transfer_id",)),
    (Block, ("project_id", "environment", "number")),
]


async def test_what_can_be_only_once_is_only_once(history: Ledger) -> None:
    before = await dump()

    for table, same in ONLY_ONCE:
        rows = table.all()
        row = await (rows.filter(reverses__isnull=False) if "reverses" in same else rows).first()
        assert row is not None
        other = {column: getattr(row, column) for column in columns(table)}
        fresh = {"id": new_id(), "transfer_id": new_id(), "key": uuid4().hex}
        fresh |= {"sequence": 999, "number": 999, "starts": 0}
        other |= {column: value for column, value in fresh.items() if column in other and column not in same}
        with pytest.raises(IntegrityError):
            await table.create(**other)

    assert await dump() == before


async def test_an_account_moves_only_from_where_it_was_read(history: Ledger) -> None:
    (account,) = await Account.all()
    stale, after = copy(account), copy(account)
    stale.version -= 1
    after.credited += 10
    before = await dump()

    with pytest.raises(RowsMissing, match="moving accounts: 1 of 1"):
        await move(stale, after)

    assert await dump() == before
    await move(account, after)
    assert (await Account.get()).credited == after.credited


async def test_no_batch_moves_an_account_below_nothing(history: Ledger) -> None:
    (account,) = await Account.all()
    after = copy(account)
    after.debited += account.available + 1
    before = await dump()

    with pytest.raises((RowsMissing, IntegrityError)):
        await move(account, after)

    assert await dump() == before


async def move(before: Account, after: Account) -> None:
    """Move an account as a batch does."""
    row = (after.user_id, after.credited, after.debited, after.held, before.version)
    async with kept().transaction() as transaction:
        await transaction.change((MOVE_ACCOUNTS, [row]))


async def seal() -> None:
    """Seal what is there, as a process that is then over."""
    sealer = Sealer(_nobody)
    sealer.start()
    await sealer.close()


async def _nobody(_: object) -> None:
    """Tell nobody."""
