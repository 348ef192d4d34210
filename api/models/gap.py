"""Gaps: the grams that a reversal took out of a user's queue, so that every other gram keeps its position."""

from collections.abc import Collection
from typing import NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.rows import Shape
from api.models.statements import Statement, Transaction


class Gap(Model):
    """Positions from `starts` to before `ends` that no donation can hold. Never updated, never deleted."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.UUIDField()
    transfer_id = fields.UUIDField()
    starts = fields.BigIntField()
    ends = fields.BigIntField()

    class Meta:
        table = "gap"
        unique_together = (("user_id", "starts"),)

    @classmethod
    async def of_users(cls, user_ids: Collection[UUID]) -> "list[Gap]":
        """Return the gaps of these users, in order of position."""
        return await cls.filter(user_id__in=list(user_ids)).order_by("user_id", "starts")

    @classmethod
    async def standing(cls, transaction: Transaction, user_ids: Collection[UUID]) -> "list[Gap]":
        """Return the gaps of these users, whose accounts the transaction holds, in order of position."""
        return await transaction.fetch(OF_USERS, list(user_ids))


OF_USERS = Statement(
    "gaps of users",
    Shape[Gap].of(Gap),
    postgres="SELECT {g} FROM gap g WHERE g.user_id = ANY($1) ORDER BY g.user_id, g.starts",
    sqlite="SELECT {g} FROM gap g WHERE g.user_id IN (SELECT value FROM json_each(?1)) ORDER BY g.user_id, g.starts",
)


class GapRow(NamedTuple):
    """A gap that is being written."""

    id: UUID
    user_id: UUID
    transfer_id: UUID
    starts: int
    ends: int


ADD_GAPS = insert(Gap, *GapRow._fields)
