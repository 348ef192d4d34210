"""Partners: taken in, suspended, let back in; each time with an entry in the audit log."""

from collections.abc import Collection

from api.access.keys import COMMAND_LINE
from api.models import AuditEntry, AuditKind, Partner, PartnerKind, PartnerStatus, new_id, now
from api.models.database import transaction


async def add_partner(
    slug: str, *, name_zh: str, name_en: str, kinds: Collection[PartnerKind], actor: str = COMMAND_LINE
) -> Partner:
    """Take in a partner."""
    async with transaction():
        partner = await Partner.create(
            id=new_id(),
            slug=slug,
            name_zh=name_zh,
            name_en=name_en,
            kinds=sorted({kind.value for kind in kinds}),
            created_at=now(),
        )
        await AuditEntry.note(AuditKind.PARTNER_ADDED, actor, partner_id=partner.id, slug=slug, kinds=partner.kinds)
    return partner


async def set_status(partner: Partner, status: PartnerStatus, *, actor: str = COMMAND_LINE) -> bool:
    """Suspend a partner, whose keys then open nothing, or let it back in; False when that is how it stands."""
    if partner.status is status:
        return False
    suspended = status is PartnerStatus.SUSPENDED
    async with transaction():
        partner.status = status
        await partner.save(update_fields=["status"])
        kind = AuditKind.PARTNER_SUSPENDED if suspended else AuditKind.PARTNER_RESUMED
        await AuditEntry.note(kind, actor, partner_id=partner.id, slug=partner.slug)
    return True
