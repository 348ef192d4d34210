"""For operators, the audit log; for partners, the sandbox's clock."""

from typing import Annotated

import strawberry

from api import models
from api.access import Scope
from api.ledger import Refusal, check_key
from api.ledger.sandbox import advance_clock
from api.resolvers.arguments import OfPartner
from api.schema import node
from api.schema.audit import AuditEntry
from api.schema.context import Info
from api.schema.enums import ListOrder
from api.schema.errors import show
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import guarded
from api.schema.sandbox import AdvanceSandboxClockInput, AdvanceSandboxClockPayload


@strawberry.type
class AdministrationQueries:
    """What operators can ask."""

    @strawberry.field(
        description="Every change of who may do what: partners, keys, projects. Newest first.",
        extensions=guarded(Scope.ADMIN),
    )
    async def audit_log(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
        partner_id: OfPartner = None,
    ) -> Connection[AuditEntry]:
        """Page through the log."""
        page = await models.AuditEntry.page(
            window(first, after, last, before, order),
            node.require_id(partner_id, node.PARTNER) if partner_id is not None else None,
        )
        return connection(page, AuditEntry.of)


@strawberry.type
class AdministrationMutations:
    """What partners can set."""

    @strawberry.mutation(
        description="Advance the clock of your sandbox. It runs on from there, and never goes back.",
        extensions=guarded(Scope.USERS_WRITE, Scope.EVENTS_READ),
    )
    async def advance_sandbox_clock(
        self,
        info: Info,
        input: Annotated[AdvanceSandboxClockInput, strawberry.argument(description="To when.")],  # noqa: A002
    ) -> AdvanceSandboxClockPayload:
        """Advance the clock."""
        caller = info.context.partnership
        try:
            check_key(input.idempotency_key)
            moment, replayed = await advance_clock(
                caller.partner_id, caller.environment, input.to, actor=f"key {info.context.caller.key_id}"
            )
        except Refusal as refusal:
            return AdvanceSandboxClockPayload(now=None, replayed=False, errors=show(refusal))
        return AdvanceSandboxClockPayload(now=moment, replayed=replayed, errors=[])
