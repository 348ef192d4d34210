"""The sandbox's clock: how far a partner has advanced it, to see windows close without waiting."""

from datetime import timedelta
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.rows import Shape
from api.models.statements import Statement


class SandboxClock(Model):
    """By how much a partner's sandbox is ahead of the real time. It only grows."""

    partner_id = fields.UUIDField(primary_key=True)
    ahead_s = fields.BigIntField(default=0)

    class Meta:
        table = "sandbox_clock"

    @classmethod
    async def locked(cls, partner_id: UUID) -> timedelta:
        """Return by how much a partner's sandbox is ahead, locked until the transaction at hand ends."""
        return ahead(await cls.filter(partner_id=partner_id).select_for_update().first())

    @classmethod
    async def put(cls, partner_id: UUID, ahead_s: int) -> None:
        """Write by how much a partner's sandbox is ahead."""
        row = cls(partner_id=partner_id, ahead_s=ahead_s)
        await cls.bulk_create([row], on_conflict=["partner_id"], update_fields=["ahead_s"])


def ahead(clock: SandboxClock | None) -> timedelta:
    """Return by how much a sandbox is ahead."""
    return timedelta(seconds=clock.ahead_s) if clock is not None else timedelta()


CLOCKS = Statement.by("sandbox clocks", Shape[SandboxClock].of(SandboxClock), "sandbox_clock", "partner_id")
