"""Gaps: the grams that a reversal took out of a user's queue, so that every other gram keeps its position."""

from collections.abc import Collection
from uuid import UUID

from tortoise import fields
from tortoise.models import Model


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
