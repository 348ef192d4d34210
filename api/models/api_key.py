"""API keys: `lk_<id>_<secret>`, of which only the id and a hash of the secret are kept."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.environment import Environment
from api.models.partner import Partner
from api.models.rows import Shape
from api.models.statements import Statement


class ApiKey(Model):
    """A partner's key."""

    id = fields.CharField(max_length=16, primary_key=True)
    partner: fields.ForeignKeyRelation[Partner] = fields.ForeignKeyField("lucid.Partner", on_delete=fields.RESTRICT)
    partner_id: UUID
    environment = fields.CharEnumField(Environment, max_length=8)
    secret_hash = fields.CharField(max_length=64)
    scopes: list[str] = fields.JSONField()
    label = fields.CharField(max_length=100, default="")
    created_at = fields.DatetimeField()
    expires_at = fields.DatetimeField(null=True)
    revoked_at = fields.DatetimeField(null=True)
    last_used_at = fields.DatetimeField(null=True)

    class Meta:
        table = "api_key"

    def is_valid(self, at: datetime) -> bool:
        """Whether the key opens anything at the moment `at`."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)

    @classmethod
    async def with_partner(cls, key_id: str) -> "ApiKey | None":
        """Return the key of this id with its partner."""
        return await cls.get_or_none(id=key_id).select_related("partner")

    @classmethod
    async def note_use(cls, key_id: str, at: datetime) -> None:
        """Write down that a key was used."""
        await cls.filter(id=key_id).update(last_used_at=at)

    @classmethod
    async def of_partner(cls, partner_id: UUID) -> "list[ApiKey]":
        """Return the keys of a partner, oldest first."""
        return await cls.filter(partner_id=partner_id).order_by("created_at", "id")


def _partner(row: Any) -> Partner:
    """Return the partner that is read with a key."""
    return Partner(
        id=row.partner_id,
        slug=row.slug,
        name_zh=row.name_zh,
        name_en=row.name_en,
        kinds=row.kinds,
        status=row.status,
        created_at=row.partner_since,
    )


_of_partner = Partner._meta.fields_map  # noqa: SLF001 - it has no public name
KEY: Shape[ApiKey] = Shape.of(
    ApiKey,
    members={"partner": property(_partner)},
    **{name: _of_partner[name] for name in ("slug", "name_zh", "name_en", "kinds", "status")},
    partner_since=fields.DatetimeField(),
)
KEYS_BY_ID = Statement(
    "keys with their partners by id",
    KEY,
    postgres="""
SELECT {k}, p.slug, p.name_zh, p.name_en, p.kinds, p.status, p.created_at AS partner_since
FROM api_key k JOIN partner p ON p.id = k.partner_id WHERE k.id = ANY($1)
""",
    sqlite="""
SELECT {k}, p.slug, p.name_zh, p.name_en, p.kinds, p.status, p.created_at AS partner_since
FROM api_key k JOIN partner p ON p.id = k.partner_id WHERE k.id IN (SELECT value FROM json_each(?1))
""",
)
