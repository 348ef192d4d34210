"""The outbox: donations and their reversals that are true but not yet numbered. The sealer empties it."""

from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.event import EventKind


class Outbox(Model):
    """A fact that waits for its number, under the id of its transfer."""

    transfer_id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    project_id = fields.UUIDField()
    user_id = fields.UUIDField()
    kind = fields.CharEnumField(EventKind, max_length=20)
    amount_g = fields.BigIntField()
    donation_id = fields.UUIDField()
    occurred_at = fields.DatetimeField()

    class Meta:
        table = "outbox"

    @classmethod
    async def oldest(cls, limit: int) -> "list[Outbox]":
        """Return the facts that have waited longest."""
        return await cls.all().order_by("transfer_id").limit(limit)

    @classmethod
    async def is_waiting(cls, transfer_id: UUID) -> bool:
        """Whether the fact of this transfer is not numbered yet."""
        return await cls.filter(transfer_id=transfer_id).exists()
