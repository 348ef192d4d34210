"""Accounts: how much energy a user was credited, has spent, and may not spend.

`credited` and `debited` are positions in the user's queue of grams and only grow: the n-th gram credited is the n-th
gram debited. `held` counts the grams still ahead of `debited` that reversed actions have taken out of the queue (see
`gap`). So `available = credited - debited - held`, and it is never negative: the database checks it.
"""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import orjson
from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment

# One statement moves every account of a batch, and only those that still stand where they were read.
MOVE_POSTGRES = """
UPDATE account a SET credited = v.credited, debited = v.debited, held = v.held
FROM jsonb_to_recordset($1::text::jsonb) AS v(
    user_id uuid, credited bigint, debited bigint, held bigint,
    credited_was bigint, debited_was bigint, held_was bigint)
WHERE a.user_id = v.user_id AND a.credited = v.credited_was AND a.debited = v.debited_was AND a.held = v.held_was
  AND v.credited - v.debited - v.held >= 0
RETURNING a.user_id
"""
MOVE_SQLITE = """
UPDATE account SET credited = v.value ->> 'credited', debited = v.value ->> 'debited', held = v.value ->> 'held'
FROM json_each(?) AS v
WHERE account.user_id = v.value ->> 'user_id' AND account.credited = v.value ->> 'credited_was'
  AND account.debited = v.value ->> 'debited_was' AND account.held = v.value ->> 'held_was'
  AND (v.value ->> 'credited') - (v.value ->> 'debited') - (v.value ->> 'held') >= 0
RETURNING account.user_id
"""


class Account(Model):
    """The energy of a user, in grams."""

    user_id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    credited = fields.BigIntField(default=0)
    debited = fields.BigIntField(default=0)
    held = fields.BigIntField(default=0)

    class Meta:
        table = "account"

    @property
    def available(self) -> int:
        """Grams that the user may donate."""
        return int(self.credited - self.debited - self.held)

    @classmethod
    async def by_ids(cls, user_ids: Collection[UUID]) -> dict[UUID, "Account"]:
        """Return the accounts of these users, by user id."""
        return {account.user_id: account for account in await cls.filter(user_id__in=list(user_ids))}

    @classmethod
    async def count_all(cls) -> int:
        """Return how many accounts there are."""
        return await cls.all().count()

    @classmethod
    async def next_after(cls, user_id: UUID, limit: int) -> "list[Account]":
        """Return the accounts that follow a user's, by user id."""
        return await cls.filter(user_id__gt=user_id).order_by("user_id").limit(limit)

    @classmethod
    async def locked(cls, user_ids: Collection[UUID]) -> dict[UUID, "Account"]:
        """Return the users' accounts, locked until the transaction ends: in id order, so that none waits in a ring.

        On SQLite the transaction holds the write lock already, and `FOR UPDATE` is not said.
        """
        accounts = cls.filter(user_id__in=list(user_ids)).order_by("user_id").select_for_update()
        return {account.user_id: account for account in await accounts}

    @classmethod
    async def move(cls, before_after: Collection[tuple["Account", "Account"]]) -> None:
        """Write the accounts' new positions; all of them, or it raises and the transaction must be rolled back."""
        rows = [
            {
                "user_id": str(after.user_id),
                "credited": after.credited,
                "debited": after.debited,
                "held": after.held,
                "credited_was": before.credited,
                "debited_was": before.debited,
                "held_was": before.held,
            }
            for before, after in before_after
        ]
        if not rows:
            return
        connection = cls._meta.db
        statement = MOVE_SQLITE if connection.capabilities.dialect == "sqlite" else MOVE_POSTGRES
        moved: list[dict[str, Any]] = await connection.execute_query_dict(statement, [orjson.dumps(rows).decode()])
        if len(moved) != len(rows):
            raise AccountMoved(f"{len(rows) - len(moved)} of {len(rows)} accounts do not stand where they were read")


class AccountMoved(RuntimeError):
    """An account changed between its reading and its writing, which its lock should have prevented."""
