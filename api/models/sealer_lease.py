"""The sealer's lease: who numbers events now, and the epoch that shuts out whoever did before."""

from tortoise import fields
from tortoise.models import Model


class SealerLease(Model):
    """One row. A new holder raises the epoch, and every sealing transaction begins by proving its epoch."""

    name = fields.CharField(max_length=16, primary_key=True)
    holder = fields.UUIDField()
    epoch = fields.BigIntField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "sealer_lease"
