"""A partner's own references of actions, each claimed once.

A table of its own, and not a unique index of the actions: theirs start with the user, so that they can be spread over
machines by user, and a reference has to be unique over all of a partner's users.
"""

from collections.abc import Collection
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from api.models.environment import Environment

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
    async def taken(cls, claims: Collection[Claim]) -> set[Claim]:
        """Return those of the claims that are taken."""
        texts: dict[tuple[UUID, Environment], list[str]] = {}
        for partner_id, environment, ref in claims:
            texts.setdefault((partner_id, environment), []).append(ref)
        if not texts:
            return set()
        wanted = Q(
            *(
                Q(partner_id=partner_id, environment=environment, ref__in=refs)
                for (partner_id, environment), refs in texts.items()
            ),
            join_type="OR",
        )
        return {(row.partner_id, row.environment, row.ref) for row in await cls.filter(wanted)}
