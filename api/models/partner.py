"""Organisations: those who record actions, those whose projects receive energy, those who pay, those who operate."""

from collections.abc import Collection, Sequence
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.paging import Page, Window, page_of
from api.models.rows import Shape
from api.models.statements import Statement
from api.models.texts import can_hold


class PartnerKind(StrEnum):
    """A part that a partner plays; it may play several."""

    ACTION_SOURCE = "ACTION_SOURCE"
    NGO = "NGO"
    SPONSOR = "SPONSOR"
    OPERATOR = "OPERATOR"


class PartnerStatus(StrEnum):
    """Whether a partner may call."""

    ACTIVE = "ACTIVE"
    SUSPENDED = "SUSPENDED"


class Partner(Model):
    """An organisation that takes part."""

    id = fields.UUIDField(primary_key=True)
    slug = fields.CharField(max_length=64, unique=True)
    name_zh = fields.CharField(max_length=200)
    name_en = fields.CharField(max_length=200)
    kinds: list[str] = fields.JSONField()
    status = fields.CharEnumField(PartnerStatus, max_length=16, default=PartnerStatus.ACTIVE)
    created_at = fields.DatetimeField()

    class Meta:
        table = "partner"

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Partner"]:
        """Return the partners of these ids, by id."""
        return {partner.id: partner for partner in await cls.filter(id__in=list(ids))}

    @classmethod
    async def page(cls, window: Window) -> "Page[Partner]":
        """Return the active partners, oldest first unless the window says otherwise."""
        return await page_of(cls.filter(status=PartnerStatus.ACTIVE), window)

    @classmethod
    async def by_slug(cls, slug: str) -> "Partner | None":
        """Return the partner of this slug."""
        return await cls.get_or_none(slug=slug) if can_hold(cls, "slug", slug) else None

    @classmethod
    async def everyone(cls) -> Sequence["Partner"]:
        """Return all partners, oldest first."""
        return await cls.all().order_by("id")


PARTNER = Shape.of(Partner)
PARTNERS_BY_ID = Statement.by("partners by id", PARTNER, "partner")
