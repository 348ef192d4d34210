"""One-time codes by which a person carries a user from one partner to another."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment


class LinkCode(Model):
    """A code issued through one partner and redeemed through another."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(max_length=16, unique=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    user_id = fields.UUIDField()
    issued_by = fields.UUIDField()
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField()
    redeemed_at = fields.DatetimeField(null=True)
    redeemed_by = fields.UUIDField(null=True)

    class Meta:
        table = "link_code"

    def is_open(self, at: datetime) -> bool:
        """Whether the code can be redeemed at the moment `at`."""
        return self.redeemed_at is None and at < self.expires_at

    @classmethod
    async def by_codes(cls, environment: Environment, codes: Collection[str]) -> dict[str, "LinkCode"]:
        """Return the codes of one world by their text."""
        return {row.code: row for row in await cls.filter(environment=environment, code__in=list(codes))}

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "LinkCode"]:
        """Return the codes of these ids, by id."""
        return {row.id: row for row in await cls.filter(id__in=list(ids))}
