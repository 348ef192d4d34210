"""Accounts: how much energy a user was credited, has spent, and may not spend.

`credited` and `debited` are positions in the user's queue of grams and only grow: the n-th gram credited is the n-th
gram debited. `held` counts the grams still ahead of `debited` that reversed actions have taken out of the queue (see
`gap`). So `available = credited - debited - held`, and it is never negative: the database checks it.

`version` grows with each batch that decides anything about the user, also where no gram moves: a refusal, a trip that
gives nothing because the day is full. Who has read a version and finds it still there knows that nothing of what was
read about the user has changed since.
"""

from collections.abc import Collection
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import Change
from api.models.environment import Environment
from api.models.rows import Shape, columns_of
from api.models.statements import Statement, Transaction


class Account(Model):
    """The energy of a user, in grams."""

    user_id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    credited = fields.BigIntField(default=0)
    debited = fields.BigIntField(default=0)
    held = fields.BigIntField(default=0)
    version = fields.BigIntField(default=0, db_default=0)

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
    async def lock(cls, transaction: Transaction, user_ids: Collection[UUID]) -> None:
        """Lock the users' accounts until the transaction ends: in id order, so that none waits in a ring.

        On SQLite the transaction holds the write lock already.
        """
        await transaction.fetch(LOCKED, list(user_ids))


LOCKED = Statement(
    "accounts, locked",
    Shape[Account].of(Account, "user_id"),
    postgres="SELECT {a} FROM account a WHERE a.user_id = ANY($1) ORDER BY a.user_id FOR UPDATE",
    sqlite="SELECT {a} FROM account a WHERE a.user_id IN (SELECT value FROM json_each(?1))",
)

#: New positions of accounts, and only of those about which nothing was decided since they were read at `version`.
MOVE_ACCOUNTS = Change(
    "moving accounts",
    columns_of(Account, "user_id", "credited", "debited", "held", "version"),
    postgres=(
        "UPDATE account a SET credited = v.credited, debited = v.debited, held = v.held, version = a.version + 1 "
        "FROM {rows} WHERE a.user_id = v.user_id AND a.version = v.version "
        "AND v.credited - v.debited - v.held >= 0",
    ),
    sqlite=(
        "UPDATE account SET credited = ?2, debited = ?3, held = ?4, version = version + 1 "
        "WHERE user_id = ?1 AND version = ?5 AND ?2 - ?3 - ?4 >= 0",
    ),
    row_type="moved_account",
)
