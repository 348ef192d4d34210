"""What is asked of the ledger: an order, the book it is decided on, and the rows that the decision writes.

An order is a call of a partner for one user under one idempotency key. `prepare` reads what all orders of its kind in
a batch need, in a statement or two; `decide` then says yes or no without touching the database. What was read about
the user is still true when the decision is written, or it is not written (see `transfers`).

Orders and rows are made by the thousand each second, so they are plain: nothing is frozen, rows are tuples in the order
of their columns, and a book's parts are made by who needs them.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Self
from uuid import UUID

import orjson
from tortoise.models import Model

from api.ledger.errors import Refusal
from api.ledger.positions import Range, step
from api.ledger.trips import Others
from api.models import (
    Action,
    Claim,
    Environment,
    LinkCode,
    ProjectStatus,
    Slot,
    Transfer,
    TransferKind,
    UserLink,
    new_id,
)
from api.models.changes import Change
from api.models.gap import GapRow
from api.models.outbox import OutboxRow
from api.models.postings import ActionPosting, DonationPosting
from api.models.receipt import ReceiptRow
from api.models.standing import Standing
from api.models.statements import Transaction
from api.models.transfer import TransferRow


@dataclass(kw_only=True, eq=False)
class Order(ABC):
    """One call, as the ledger sees it; never changed once it is made. `at` is when it arrived.

    `is_linked`: the partner was found to be linked with the user, or need not be. Otherwise that is looked for with all
    else that stands about the order, and somebody who is not linked is nobody.
    """

    operation: ClassVar[str]
    #: Decided in a transaction of its own, where `prepare` may read whatever it likes of the one user.
    alone: ClassVar[bool] = False
    #: What it decides is a posting, which is its own receipt.
    is_posted: ClassVar[bool] = False

    environment: Environment
    partner_id: UUID
    user_id: UUID
    key: str
    at: datetime
    is_linked: bool = True

    def __post_init__(self) -> None:
        #: Where the receipt of this order lies.
        self.slot: Slot = (self.user_id, self.partner_id, self.key)

    @property
    def about(self) -> UUID | None:
        """The project whose status the order depends on."""
        return None

    @property
    def fingerprint(self) -> str:
        """A digest of what is asked: the same key with another fingerprint is a conflict."""
        return sha256(self.content()).hexdigest()

    def content(self) -> bytes:
        """Return all that is asked as JSON, with keys in order."""
        return orjson.dumps([self.operation, self.environment.value, self.asked()], option=orjson.OPT_SORT_KEYS)

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """Return the input that a repetition has to repeat."""

    @classmethod
    @abstractmethod
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, "Book"], transaction: Transaction) -> None:
        """Read what these orders need into the users' books.

        In the transaction of the batch; or beside it, where what is read belongs to the orders' users: were it to
        change meanwhile, so would the version of their accounts, and nothing would be written.
        """

    @abstractmethod
    def decide(self, book: "Book") -> "Decided":
        """Write the consequences into the book and return the result.

        Raises: Refusal, before anything was written.
        """


#: The id of an order's result, and the action or donation itself where it is known as it will be read.
Decided = tuple[UUID, Any]


@dataclass(kw_only=True, slots=True, eq=False)
class Outcome:
    """What became of an order: a result or a refusal, and the user's available grams afterwards.

    `user_id` is None where no user could be told.
    """

    user_id: UUID | None = None
    result_id: UUID | None = None
    refusal: Refusal | None = None
    balance_g: int = 0
    replayed: bool = False
    #: When it was decided first; a repetition is told the same.
    decided_at: datetime | None = None
    #: The action or the donation as it was just written, so that nobody has to read it; a repetition has none.
    row: Any = None


@dataclass(slots=True)
class Written:
    """The rows that a batch adds, changes and removes."""

    actions: list[ActionPosting] = field(default_factory=list)
    donations: list[DonationPosting] = field(default_factory=list)
    #: Of orders that are refused, or are not posted.
    receipts: list[ReceiptRow] = field(default_factory=list)
    #: Of reversals.
    transfers: list[TransferRow] = field(default_factory=list)
    facts: list[OutboxRow] = field(default_factory=list)
    gaps: list[GapRow] = field(default_factory=list)
    #: Whatever else an order changes; few do.
    others: list[tuple[Change, Sequence[Any]]] = field(default_factory=list)
    #: Rows of the ORM that are added.
    models: list[Model] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Book:
    """A user's page while a batch is decided: the account, moved order by order, and what `prepare` has read."""

    account: Standing
    written: Written
    #: Of the projects that the batch is about.
    statuses: Mapping[UUID, ProjectStatus]
    credited: int
    debited: int
    held: int
    #: Whether anything was decided about the user, refusals included.
    is_decided: bool = False
    gaps: list[Range] = field(default_factory=list)
    #: For actions: those that touch the same days, and the references that are used.
    others: Others | None = None
    used_refs: set[Claim] | None = None
    #: For links.
    links: Sequence[UserLink] = ()
    codes: Mapping[str, LinkCode] | None = None
    #: For a reversed action: what it earned, and where its unspent grams stand.
    action: Action | None = None
    earned: Transfer | None = None
    unspent: Sequence[Range] = ()
    #: For a reversed donation: whether it was reversed before, and its grams' origins that are themselves reversed,
    #: as offsets into the donation.
    donation: Transfer | None = None
    reversal: Transfer | None = None
    void: Mapping[UUID, list[Range]] | None = None

    @classmethod
    def of(cls, account: Standing, written: Written, statuses: Mapping[UUID, ProjectStatus]) -> Self:
        """Open the page of a user whose account was just read."""
        return cls(account, written, statuses, account.credited, account.debited, account.held)

    @property
    def available(self) -> int:
        """Grams that the user may donate."""
        return self.credited - self.debited - self.held

    def move(self) -> tuple[UUID, int, int, int, int]:
        """Return to where the account is to be moved, and the version at which it was read."""
        account = self.account
        return (account.user_id, self.credited, self.debited, self.held, account.version)

    def take(self, amount_g: int) -> None:
        """Take grams from the front of the user's queue, stepping over the gaps."""
        if self.gaps:
            self.debited, stepped_over = step(self.debited, amount_g, self.gaps)
            self.held -= stepped_over
        else:
            self.debited += amount_g

    def credit(self, order: Order, kind: TransferKind, amount_g: int, **refs: UUID | None) -> TransferRow:
        """Put grams at the end of the user's queue."""
        self.credited += amount_g
        return self._record(order, kind, amount_g, **refs)

    def cut(self, order: Order, kind: TransferKind, ranges: Sequence[Range], **refs: UUID | None) -> TransferRow:
        """Take these very grams out of the middle of the user's queue: they become gaps."""
        amount_g = sum(one.grams for one in ranges)
        self.held += amount_g
        transfer = self._record(order, kind, amount_g, **refs)
        self.written.gaps += [
            GapRow(new_id(order.at), order.user_id, transfer.id, one.starts, one.ends) for one in ranges
        ]
        self.gaps = sorted([*self.gaps, *ranges])
        return transfer

    def _record(
        self,
        order: Order,
        kind: TransferKind,
        amount_g: int,
        project_id: UUID | None = None,
        action_id: UUID | None = None,
        reverses: UUID | None = None,
    ) -> TransferRow:
        transfer = TransferRow(
            new_id(order.at),
            order.environment,
            order.user_id,
            order.partner_id,
            kind,
            amount_g,
            project_id,
            action_id,
            reverses,
            self.credited,
            self.debited,
            order.at,
            order.at,
        )
        self.written.transfers.append(transfer)
        return transfer
