"""Which partner knows which user, and under what name of its own."""

from collections.abc import Collection
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.paging import Page, Window, page_of
from api.models.partner import Partner
from api.models.user import User


class UserLink(Model):
    """A partner's own id of a user."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    partner: fields.ForeignKeyRelation[Partner] = fields.ForeignKeyField("lucid.Partner", on_delete=fields.RESTRICT)
    partner_id: UUID
    user: fields.ForeignKeyRelation[User] = fields.ForeignKeyField("lucid.User", on_delete=fields.RESTRICT)
    user_id: UUID
    external_ref = fields.CharField(max_length=128)
    created_at = fields.DatetimeField()

    class Meta:
        table = "user_link"
        unique_together = (("partner_id", "environment", "external_ref"), ("user_id", "partner_id"))
        indexes = (("partner_id", "environment", "user_id"),)

    @classmethod
    async def page(
        cls, window: Window, partner_id: UUID, environment: Environment, user_id: UUID | None = None
    ) -> "Page[UserLink]":
        """Return a partner's links in one world, with one user where it is named, newest user first as a rule."""
        links = cls.filter(partner_id=partner_id, environment=environment)
        return await page_of(links if user_id is None else links.filter(user_id=user_id), window, "user_id")

    @classmethod
    async def by_refs(cls, partner_id: UUID, environment: Environment, refs: Collection[str]) -> dict[str, "UserLink"]:
        """Return the partner's links of these external references, by reference."""
        links = cls.filter(partner_id=partner_id, environment=environment, external_ref__in=list(refs))
        return {link.external_ref: link for link in await links}

    @classmethod
    async def by_users(cls, partner_id: UUID, user_ids: Collection[UUID]) -> dict[UUID, "UserLink"]:
        """Return the partner's links with these users, by user id."""
        return {link.user_id: link for link in await cls.filter(partner_id=partner_id, user_id__in=list(user_ids))}

    @classmethod
    async def of_users(cls, user_ids: Collection[UUID]) -> "list[UserLink]":
        """Return every link of these users."""
        return await cls.filter(user_id__in=list(user_ids)).order_by("id")
