"""How often each partner has used what is deprecated: who must be told before it is taken away."""

from datetime import datetime
from uuid import UUID

from tortoise import fields
from tortoise.exceptions import IntegrityError
from tortoise.expressions import F
from tortoise.models import Model

from api.models.ids import new_id


class DeprecatedUse(Model):
    """A partner's uses of one deprecated part of the schema, such as `Query.field`."""

    id = fields.UUIDField(primary_key=True)
    partner_id = fields.UUIDField()
    field = fields.CharField(max_length=255)
    uses = fields.BigIntField()
    last_used_at = fields.DatetimeField()

    class Meta:
        table = "deprecated_use"
        unique_together = (("partner_id", "field"),)

    @classmethod
    async def add(cls, partner_id: UUID, field: str, uses: int, at: datetime) -> None:
        """Add uses, the last of them at a moment."""
        row = cls.filter(partner_id=partner_id, field=field)
        if await row.update(uses=F("uses") + uses, last_used_at=at):
            return
        try:
            await cls.create(id=new_id(at), partner_id=partner_id, field=field, uses=uses, last_used_at=at)
        except IntegrityError:  # another process was faster
            await row.update(uses=F("uses") + uses, last_used_at=at)

    @classmethod
    async def of_partner(cls, partner_id: UUID) -> "list[DeprecatedUse]":
        """Return what a partner has used, by name."""
        return await cls.filter(partner_id=partner_id).order_by("field")
