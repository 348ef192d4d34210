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
from api.models import Action, ActionStatus, EventKind, Transfer, TransferKind, new_id
from api.models.outbox import OutboxRow
from api.models.postings import DONATE, DonationPosting
from api.models.project import TAKES_DONATIONS
from api.models.statements import Transaction

#: Largest amount of one donation: 1,000 tonnes. A bound on input, far above what a person can earn.
AMOUNT_MAX_G = 1_000_000_000


@dataclass(kw_only=True, eq=False)
class DonateEnergy(Order):
    """Donate energy of a user to a project. `amount_g` None: all that is available."""

    operation: ClassVar[str] = DONATE
    is_posted: ClassVar[bool] = True

    project_id: UUID
    amount_g: int | None

    @override
    def asked(self) -> dict[str, Any]:
        return {"project_id": str(self.project_id), "amount_g": self.amount_g}

    @property
    @override
    def about(self) -> UUID:
        return self.project_id

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        """Nothing is needed but the project's status, which comes with the receipts."""

    @override
    def decide(self, book: Book) -> Decided:
        status = book.statuses.get(self.project_id)
        if status is None:
            raise ProjectNotFound
        if status is not TAKES_DONATIONS:
            raise ProjectClosed(status=status.value)
        available = book.available
        amount_g = available if self.amount_g is None else self.amount_g
        if amount_g > available or amount_g == 0:
            raise InsufficientEnergy(available=available, required=max(1, amount_g))
        book.take(amount_g)
        donation = DonationPosting(
            new_id(self.at),
            self.environment,
            self.user_id,
            self.partner_id,
            self.key,
            self.fingerprint,
            amount_g,
            self.project_id,
            book.credited,
            book.debited,
            self.at,
        )
        book.written.donations.append(donation)
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
        project_id = donation.project_id
        assert project_id is not None  # noqa: S101 - a donation without its project is our mistake
        returned = book.credit(
            self,
            TransferKind.REVERSE_DONATE,
            donation.amount_g,
            project_id=project_id,
            reverses=donation.id,
        )
        first = returned.credit_starts
        for action_id, offsets in (book.void or {}).items():
            ranges = [Range(first + one.starts, first + one.ends) for one in offsets]
            book.cut(self, TransferKind.RECLAIM, ranges, action_id=action_id)
        book.written.facts.append(
            OutboxRow(
                returned.id,
                returned.environment,
                project_id,
                returned.user_id,
                EventKind.DONATION_REVERSED,
                returned.amount_g,
                donation.id,
                returned.effective_at,
            )
        )
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
