"""What is asked of the ledger: an order, the book it is decided on, and the rows that the decision writes.

An order is a call of a partner for one user under one idempotency key. `prepare` reads what all orders of its kind in
a batch need, in a statement or two; `decide` then says yes or no without touching the database. The decision is made
while the user's account is locked, so what was read is still true when it is written.
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
from api.models import (
    Account,
    Action,
    Claim,
    Environment,
    Gap,
    LinkCode,
    Outbox,
    Project,
    Transfer,
    TransferKind,
    UserLink,
    new_id,
)


@dataclass(frozen=True, kw_only=True)
class Order(ABC):
    """One call, as the ledger sees it. `at` is when it arrived."""

    operation: ClassVar[str]
    #: Decided in a transaction of its own, where `prepare` may read whatever it likes of the one user.
    alone: ClassVar[bool] = False

    environment: Environment
    partner_id: UUID
    user_id: UUID
    key: str
    at: datetime

    @property
    def slot(self) -> tuple[UUID, UUID, str]:
        """Where the receipt of this order lies."""
        return (self.user_id, self.partner_id, self.key)

    @property
    def fingerprint(self) -> str:
        """A digest of what is asked: the same key with another fingerprint is a conflict."""
        content = [self.operation, self.environment, self.asked()]
        return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()

    @abstractmethod
    def asked(self) -> dict[str, Any]:
        """Return the input that a repetition has to repeat."""

    @classmethod
    @abstractmethod
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, "Book"]) -> None:
        """Read what these orders need into the users' books."""

    @abstractmethod
    def decide(self, book: "Book") -> UUID:
        """Write the consequences into the book and return the id of the result.

        Raises: Refusal, before anything was written.
        """


@dataclass(frozen=True, kw_only=True)
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


@dataclass
class Written:
    """The rows that a batch adds."""

    actions: list[Action] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    outbox: list[Outbox] = field(default_factory=list)
    others: list[Model] = field(default_factory=list)
    #: Rows of which an order changes the few columns that may change, or that it removes.
    changed: list[tuple[Model, tuple[str, ...]]] = field(default_factory=list)
    removed: list[Model] = field(default_factory=list)


@dataclass
class Book:
    """A user's page while a batch is decided: the account, moved order by order, and what `prepare` has read."""

    account: Account
    written: Written
    gaps: list[Range] = field(default_factory=list)
    trips: list[Action] = field(default_factory=list)
    used_refs: set[Claim] = field(default_factory=set)
    projects: dict[UUID, Project] = field(default_factory=dict)
    links: list[UserLink] = field(default_factory=list)
    codes: dict[str, LinkCode] = field(default_factory=dict)
    #: For a reversed action: what it earned, and where its unspent grams stand.
    action: Action | None = None
    earned: Transfer | None = None
    unspent: list[Range] = field(default_factory=list)
    #: For a reversed donation: whether it was reversed before, and its grams' origins that are themselves reversed,
    #: as offsets into the donation.
    donation: Transfer | None = None
    reversal: Transfer | None = None
    void: dict[UUID, list[Range]] = field(default_factory=dict)

    def credit(self, order: Order, kind: TransferKind, amount_g: int, **refs: Any) -> Transfer:
        """Put grams at the end of the user's queue."""
        self.account.credited += amount_g
        return self._record(order, kind, amount_g, refs)

    def debit(self, order: Order, kind: TransferKind, amount_g: int, **refs: Any) -> Transfer:
        """Take grams from the front of the user's queue, stepping over the gaps."""
        self.account.debited, stepped_over = step(self.account.debited, amount_g, self.gaps)
        self.account.held -= stepped_over
        return self._record(order, kind, amount_g, refs)

    def cut(self, order: Order, kind: TransferKind, ranges: Sequence[Range], **refs: Any) -> Transfer:
        """Take these very grams out of the middle of the user's queue: they become gaps."""
        amount_g = sum(one.grams for one in ranges)
        self.account.held += amount_g
        transfer = self._record(order, kind, amount_g, refs)
        self.written.gaps += [
            Gap(id=new_id(order.at), user_id=order.user_id, transfer_id=transfer.id, starts=one.starts, ends=one.ends)
            for one in ranges
        ]
        self.gaps = sorted([*self.gaps, *ranges])
        return transfer

    def _record(self, order: Order, kind: TransferKind, amount_g: int, refs: dict[str, Any]) -> Transfer:
        transfer = Transfer(
            id=new_id(order.at),
            environment=order.environment,
            user_id=order.user_id,
            partner_id=order.partner_id,
            kind=kind,
            amount_g=amount_g,
            credited_after=self.account.credited,
            debited_after=self.account.debited,
            effective_at=order.at,
            created_at=order.at,
            **refs,
        )
        self.written.transfers.append(transfer)
        return transfer
