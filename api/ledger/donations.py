"""Donations: energy of a user becomes support of a project, and comes back while the window is open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, ClassVar, Self
from uuid import UUID

from typing_extensions import override

from api.ledger import trace
from api.ledger.errors import (
    AlreadyReversed,
    DonationNotFound,
    InsufficientEnergy,
    ProjectClosed,
    ProjectNotFound,
    ReversalWindowClosed,
)
from api.ledger.orders import Book, Decided, Order
from api.ledger.positions import Range, taken
from api.models import (
    Action,
    ActionStatus,
    EventKind,
    OutboxRow,
    Project,
    Transfer,
    TransferKind,
    TransferRow,
)
from api.models.statements import Transaction

#: Largest amount of one donation: 1,000 tonnes. A bound on input, far above what a person can earn.
AMOUNT_MAX_G = 1_000_000_000


@dataclass(kw_only=True, eq=False)
class DonateEnergy(Order):
    """Donate energy of a user to a project. `amount_g` None: all that is available."""

    operation: ClassVar[str] = "donateEnergy"

    project_id: UUID
    amount_g: int | None

    @override
    def asked(self) -> dict[str, Any]:
        return {"project_id": str(self.project_id), "amount_g": self.amount_g}

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        projects = await Project.statuses(transaction, {order.project_id for order in orders})
        for order in orders:
            books[order.user_id].projects = projects

    @override
    def decide(self, book: Book) -> Decided:
        project = book.projects.get(self.project_id) if book.projects else None
        if project is None:
            raise ProjectNotFound
        if not project.is_open:
            raise ProjectClosed(status=project.status.value)
        available = book.available
        amount_g = available if self.amount_g is None else self.amount_g
        if amount_g > available or amount_g == 0:
            raise InsufficientEnergy(available=available, required=max(1, amount_g))
        donation = book.debit(self, TransferKind.DONATE, amount_g, project_id=self.project_id)
        book.written.outbox.append(_fact(donation, EventKind.DONATION, donation.id))
        return donation.id, donation


@dataclass(kw_only=True, eq=False)
class ReverseDonation(Order):
    """Give a donation's grams back to the user, at the end of the queue and in their order.

    Grams of an action that was reversed while they were donated do not become spendable again: they come back and are
    cut out at once (`RECLAIM`), or a false trip would pay after all.
    """

    operation: ClassVar[str] = "reverseDonation"
    alone: ClassVar[bool] = True

    donation_id: UUID
    window: timedelta

    @override
    def asked(self) -> dict[str, Any]:
        return {"donation_id": str(self.donation_id)}

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        for order in orders:
            book = books[order.user_id]
            book.donation = donation = (await Transfer.by_ids([order.donation_id])).get(order.donation_id)
            if donation is None or donation.user_id != order.user_id or donation.kind is not TransferKind.DONATE:
                continue
            book.reversal = (await Transfer.reversals_of([donation.id])).get(donation.id)
            book.gaps = await trace.gaps_of(order.user_id)
            book.void = await _void_grams(donation, book.gaps)

    @override
    def decide(self, book: Book) -> Decided:
        donation = book.donation
        if (
            donation is None
            or donation.kind is not TransferKind.DONATE
            or (donation.partner_id, donation.user_id) != (self.partner_id, self.user_id)
        ):
            raise DonationNotFound
        if book.reversal is not None:
            raise AlreadyReversed(path=("donationId",))
        closed_at = donation.created_at + self.window
        if self.at > closed_at:
            raise ReversalWindowClosed(closed_at=closed_at)
        returned = book.credit(
            self,
            TransferKind.REVERSE_DONATE,
            donation.amount_g,
            project_id=donation.project_id,
            reverses=donation.id,
        )
        first = returned.credit_starts
        for action_id, offsets in (book.void or {}).items():
            ranges = [Range(first + one.starts, first + one.ends) for one in offsets]
            book.cut(self, TransferKind.RECLAIM, ranges, action_id=action_id)
        book.written.outbox.append(_fact(returned, EventKind.DONATION_REVERSED, donation.id))
        return donation.id, donation


async def _void_grams(donation: Transfer, gaps: Sequence[Range]) -> dict[UUID, list[Range]]:
    """Return, by action, which of a donation's grams (counted from 0) were earned by actions since reversed."""
    origins = await trace.origins(donation.user_id, taken(donation.debited_after, donation.amount_g, gaps), gaps)
    actions = await Action.by_ids({origin.action_id for origin in origins})
    void: dict[UUID, list[Range]] = {}
    offset = 0
    for origin in origins:
        ends = offset + origin.where.grams
        if actions[origin.action_id].status is ActionStatus.REVERSED:
            void.setdefault(origin.action_id, []).append(Range(offset, ends))
        offset = ends
    return void


def _fact(transfer: TransferRow, kind: EventKind, donation_id: UUID) -> OutboxRow:
    assert transfer.project_id is not None  # noqa: S101 - a donation without its project is our mistake
    return OutboxRow(
        transfer.id,
        transfer.environment,
        transfer.project_id,
        transfer.user_id,
        kind,
        transfer.amount_g,
        donation_id,
        transfer.effective_at,
    )
