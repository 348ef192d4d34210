"""The sandbox's clock, which a partner may advance to see windows close without waiting."""

from datetime import datetime, timedelta
from uuid import UUID

from api.ledger.errors import InvalidInput, SandboxOnly
from api.models import AuditEntry, AuditKind, Environment, SandboxClock, now
from api.models.database import transaction

#: How far ahead of the real time a sandbox can be.
AHEAD_MAX = timedelta(days=3_650)


async def advance_clock(
    partner_id: UUID, environment: Environment, to: datetime, *, actor: str
) -> tuple[datetime, bool]:
    """Advance a partner's sandbox to a moment; return its time, and whether it was there already.

    To be there already is no mistake: a repeated call finds what it asked for.

    Raises: SandboxOnly, InvalidInput for a moment too far ahead.
    """
    if environment is not Environment.SANDBOX:
        raise SandboxOnly
    real = now()
    if to > real + AHEAD_MAX:
        raise InvalidInput(
            path=("to",), reason="A sandbox is at most {most:,} days ahead.", case={"most": AHEAD_MAX.days}
        )
    async with transaction():
        ahead = await SandboxClock.locked(partner_id)
        if to <= real + ahead:
            return real + ahead, True
        # Whole seconds, rounded up: the moment that was asked for is reached.
        ahead_s = -((real - to) // timedelta(seconds=1))
        await SandboxClock.put(partner_id, ahead_s)
        await AuditEntry.note(AuditKind.SANDBOX_CLOCK_ADVANCED, actor, partner_id=partner_id, ahead_s=ahead_s)
    return real + timedelta(seconds=ahead_s), False
