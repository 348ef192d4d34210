"""A partner's own references of actions, each claimed once.

A table of its own, and not a unique index of the actions: theirs start with the user, so that they can be spread over
machines by user, and a reference has to be unique over all of a partner's users.
"""

from collections.abc import Collection
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.rows import Shape
from api.models.statements import Statement, Transaction

#: Whose reference, in which world, and the reference.
Claim = tuple[UUID, Environment, str]


class ActionRef(Model):
    """A reference that names an action, reversed ones included."""

    action_id = fields.UUIDField(primary_key=True)
    partner_id = fields.UUIDField()
    environment = fields.CharEnumField(Environment, max_length=8)
    ref = fields.CharField(max_length=128)

    class Meta:
        table = "action_ref"
        unique_together = (("partner_id", "environment", "ref"),)

    @classmethod
    async def taken(cls, transaction: Transaction, claims: Collection[Claim]) -> set[Claim]:
        """Return those of the claims that are taken."""
        rows = await transaction.fetch_each(TAKEN, list(claims)) if claims else []
        return {(row.partner_id, row.environment, row.ref) for row in rows}


TAKEN = Statement(
    "claims that are taken",
    Shape[ActionRef].of(ActionRef, "partner_id", "environment", "ref"),
    postgres="SELECT {r} FROM unnest($1::uuid[], $2::text[], $3::text[]) AS k (partner_id, environment, ref) "
    "JOIN action_ref r ON r.partner_id = k.partner_id AND r.environment = k.environment AND r.ref = k.ref",
    sqlite="SELECT {r} FROM json_each(?1) AS k CROSS JOIN action_ref r "
    "ON r.partner_id = k.value ->> 0 AND r.environment = k.value ->> 1 AND r.ref = k.value ->> 2",
)
