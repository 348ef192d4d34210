"""The audit log: who changed what in who may do what. Rows are added and never changed."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.indexes import Index
from tortoise.models import Model

from api.models.ids import new_id, now
from api.models.paging import Page, Window, page_of


class AuditKind(StrEnum):
    """What was changed."""

    PARTNER_ADDED = "PARTNER_ADDED"
    PARTNER_SUSPENDED = "PARTNER_SUSPENDED"
    PARTNER_RESUMED = "PARTNER_RESUMED"
    KEY_ISSUED = "KEY_ISSUED"
    KEY_RETIRED = "KEY_RETIRED"
    KEY_REVOKED = "KEY_REVOKED"
    PROJECT_ADDED = "PROJECT_ADDED"
    PROJECT_UPDATED = "PROJECT_UPDATED"
    PROJECT_STATUS_CHANGED = "PROJECT_STATUS_CHANGED"
    PROJECT_PARTNERS_CHANGED = "PROJECT_PARTNERS_CHANGED"
    SANDBOX_CLOCK_ADVANCED = "SANDBOX_CLOCK_ADVANCED"


class AuditEntry(Model):
    """A change of access, in the transaction that makes it."""

    id = fields.UUIDField(primary_key=True)
    kind = fields.CharEnumField(AuditKind, max_length=24)
    actor = fields.CharField(max_length=64)
    partner_id = fields.UUIDField(null=True)
    project_id = fields.UUIDField(null=True)
    details: dict[str, Any] = fields.JSONField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "audit_entry"
        indexes = (Index(fields=("partner_id", "id")),)

    @classmethod
    async def note(
        cls,
        kind: AuditKind,
        actor: str,
        *,
        partner_id: UUID | None = None,
        project_id: UUID | None = None,
        **details: Any,
    ) -> None:
        """Add an entry, in the transaction at hand."""
        await cls.create(
            id=new_id(),
            kind=kind,
            actor=actor,
            partner_id=partner_id,
            project_id=project_id,
            details=details,
            created_at=now(),
        )

    @classmethod
    async def page(cls, window: Window, partner_id: UUID | None) -> "Page[AuditEntry]":
        """Return entries, of one partner where it is named, newest first unless the window says otherwise."""
        rows = cls.all()
        return await page_of(rows if partner_id is None else rows.filter(partner_id=partner_id), window)
