"""The sealer's lease: who numbers events now, and the epoch that shuts out whoever did before."""

from tortoise import fields
from tortoise.models import Model

from api.models.rows import Shape
from api.models.statements import Statement


class SealerLease(Model):
    """One row. A new holder raises the epoch, and every sealing transaction begins by proving its epoch."""

    name = fields.CharField(max_length=16, primary_key=True)
    holder = fields.UUIDField()
    epoch = fields.BigIntField()
    expires_at = fields.DatetimeField()

    class Meta:
        table = "sealer_lease"


#: Prove and prolong a lease: expires_at, name, holder, epoch. No row says that it is another's.
RENEW = Statement(
    "renewing the lease",
    Shape.of(SealerLease, "epoch"),
    postgres="UPDATE sealer_lease SET expires_at = $1 WHERE name = $2 AND holder = $3 AND epoch = $4 RETURNING epoch",
    sqlite="UPDATE sealer_lease SET expires_at = ?1 WHERE name = ?2 AND holder = ?3 AND epoch = ?4 RETURNING epoch",
)
