"""The one write path: orders in, outcomes out, and the only place where energy moves.

A batch reads what stands about its orders and what the rules need, decides in memory, and writes everything with one
statement, which is a transaction by itself: for donations that is two journeys to the database, whatever their number.
Nothing is locked meanwhile. The statement fails as a whole where anything was decided about one of the users since, or
where a key was taken; then the batch is read, decided and written again, and at last with the accounts locked.

A receipt is written for each new order, accepted or refused, so an order has one effect however often it is sent. If
anything is unexpected nothing is written and the orders are tried in halves, down to the one that is poisoned.

Why decided and then verified, and not one conditional UPDATE for each donation: see docs/decisions/0017.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Protocol
from uuid import UUID

from tortoise.exceptions import IntegrityError

from api.batching import Batcher, Unavailable
from api.ledger.errors import REFUSALS, IdempotencyConflict, Refusal, UserNotFound
from api.ledger.orders import Book, Order, Outcome, Written
from api.ledger.positions import Range
from api.models import Account, Gap, ProjectStatus, Slot, new_id
from api.models.account import MOVE_ACCOUNTS
from api.models.changes import Changed, added
from api.models.gap import ADD_GAPS
from api.models.outbox import ADD_FACTS
from api.models.postings import POST_ACTIONS, POST_DONATIONS
from api.models.receipt import ADD_RECEIPTS, ReceiptRow
from api.models.standing import STANDING
from api.models.statements import Overtaken, Transaction, kept
from api.models.transfer import ADD_TRANSFERS

#: As many as one call may bring.
BATCH_MAX = 1_000
#: So many orders are decided before others of the process have a turn.
DECIDED_AT_ONCE = 100
#: Whether the accounts are locked, one try after the other. Twice without: another process has written about one of the
#: users, or taken a key. Twice with: a reference of the partner's may be taken by another user's order all the same.
TRIES = (False, False, True, True)


class Answered(Protocol):
    """A receipt: as it was read, or as it was just made."""

    @property
    def fingerprint(self) -> str | None:
        """Of what was asked."""

    @property
    def result_id(self) -> UUID | None:
        """What came of it."""

    @property
    def refusal(self) -> dict[str, Any] | None:
        """Or why nothing did."""

    @property
    def created_at(self) -> datetime:
        """When it was decided."""


class Writer:
    """Takes orders from every request of the process and posts them in batches.

    Calls with one order are a batch at a time, and so decided in the order in which they came: one connection writes
    more than a process can ask for, and two batches of half the size cost both sides a quarter more. Calls with many
    go beside them in `lanes` of their own (1 on SQLite, which has one writer anyway), so that nobody waits for somebody
    else's thousand; there a user's orders take the same lane, and these do not overtake each other. `committed` is
    called after each commit that left something in the outbox.
    """

    def __init__(self, *, lanes: int, committed: Callable[[], None]) -> None:
        self._committed = committed
        self._single: Batcher[Order, Outcome] = Batcher(self._post, size=BATCH_MAX)
        self._lanes: list[Batcher[Order, Outcome]] = [Batcher(self._post, size=BATCH_MAX) for _ in range(lanes)]

    def post(self, order: Order) -> "asyncio.Future[Outcome]":
        """Post one order and return what became of it.

        A caller that is cancelled meanwhile does not stop the order.

        Raises: Overloaded.
        """
        return self._single.submit(order)

    async def post_together(self, orders: list[Order], *, in_turn: bool = False) -> Sequence[Outcome | Exception]:
        """Post the orders of one call, those of a lane in one batch as far as that can be; return what became of each.

        `in_turn`: all in one lane, where those of different users are to be decided in their order.

        Raises: Overloaded, before any is posted.
        """
        if len(orders) == 1:
            return await self._single.submit_many(orders)
        parts: dict[Batcher[Order, Outcome], list[int]] = {}
        for index, order in enumerate(orders):
            parts.setdefault(self._lane(orders[0] if in_turn else order), []).append(index)
        if len(parts) == 1:
            return await next(iter(parts)).submit_many(orders)
        for lane in parts:
            lane.require_room()
        answers: list[Any] = [None] * len(orders)
        posted = [(lane.submit_many([orders[index] for index in part]), part) for lane, part in parts.items()]
        for future, part in posted:
            for index, answer in zip(part, await future, strict=True):
                answers[index] = answer
        return answers

    async def close(self) -> None:
        """Finish what was submitted."""
        for lane in (self._single, *self._lanes):
            await lane.close()

    def _lane(self, order: Order) -> Batcher[Order, Outcome]:
        return self._lanes[order.user_id.int % len(self._lanes)]

    async def _post(self, orders: list[Order]) -> list[Outcome | Exception]:
        outcomes: list[Outcome | Exception] = []
        for alone, run in groupby(orders, key=lambda order: order.alone):
            for group in [[one] for one in run] if alone else [list(run)]:
                outcomes += await self._post_or_split(group)
        return outcomes

    async def _post_or_split(self, orders: Sequence[Order]) -> Sequence[Outcome | Exception]:
        """Post together; when that fails unexpectedly, in halves, so that only the poisoned order fails.

        Here and not in the batcher, so that a group that is committed is not posted again and called a repetition.
        """
        failed: Exception | None = None
        # One that is decided alone reads much, and beside the transaction: of one moment, when the account is locked.
        for is_locked in TRIES[2:] if orders[0].alone else TRIES:
            try:
                return await self._post_together(orders, is_locked=is_locked)
            except Unavailable as error:
                # The connection was lost, and whether it was committed is told by the receipts.
                if isinstance(failed, Unavailable):
                    return [error] * len(orders)
                failed = error
            except (Overtaken, IntegrityError) as error:
                # Another lane or process has just written what was looked for in vain, and now it is there to be read.
                failed = error
            except Exception as error:
                failed = error
                break
        assert failed is not None  # noqa: S101 - or something was returned
        if len(orders) == 1 or isinstance(failed, Unavailable):
            return [failed] * len(orders)
        half = len(orders) // 2
        return [*await self._post_or_split(orders[:half]), *await self._post_or_split(orders[half:])]

    async def _post_together(self, orders: Sequence[Order], *, is_locked: bool) -> list[Outcome]:
        written = Written()
        async with kept().transaction() if is_locked else kept().attempt() as transaction:
            if is_locked:
                await Account.lock(transaction, {order.user_id for order in orders})
            known, books, receipts = await _open_books(transaction, orders, written)
            await _prepare([order for order in known if order.slot not in receipts], books, transaction)
            outcomes: list[Outcome] = []
            for first in range(0, len(orders), DECIDED_AT_ONCE):
                if first:
                    await asyncio.sleep(0)
                part = orders[first : first + DECIDED_AT_ONCE]
                outcomes += [_decide(order, known.get(order), receipts, written) for order in part]
            await transaction.change(*_changes(written, books))
        if written.donations or written.facts:
            self._committed()
        return outcomes


async def _open_books(
    transaction: Transaction, orders: Sequence[Order], written: Written
) -> tuple[dict[Order, Book], dict[UUID, Book], dict[Slot, Answered]]:
    """Read what stands about orders.

    Returns the book of each order whose user is there, and is the partner's where that has to be; the books by user;
    and the receipts that there are. First of all that is read, so that a version that is still the account's says that
    the rest is still true as well.
    """
    known: dict[Order, Book] = {}
    books: dict[UUID, Book] = {}
    receipts: dict[Slot, Answered] = {}
    statuses: dict[UUID, ProjectStatus] = {}
    for row in await transaction.fetch_each(STANDING, [(*order.slot, order.about) for order in orders]):
        order = orders[row.n]
        if not order.is_linked and row.linked_in is not order.environment:
            continue
        book = books.get(order.user_id)
        if book is None:
            book = books[order.user_id] = Book.of(row, written, statuses)
        known[order] = book
        if row.fingerprint is not None:
            receipts[order.slot] = row
        if order.about is not None and row.status is not None:
            statuses[order.about] = row.status
    return known, books, receipts


async def _prepare(orders: Sequence[Order], books: dict[UUID, Book], transaction: Transaction) -> None:
    """Read the gaps that debits may meet, then whatever each kind of order needs."""
    with_gaps = [user_id for user_id, book in books.items() if book.held]
    if with_gaps:
        for gap in await Gap.standing(transaction, with_gaps):
            books[gap.user_id].gaps.append(Range(gap.starts, gap.ends))
    kinds: dict[type[Order], list[Order]] = {}
    for order in orders:
        kinds.setdefault(type(order), []).append(order)
    for kind, asked in kinds.items():
        await kind.prepare(asked, books, transaction)


def _decide(order: Order, book: Book | None, receipts: dict[Slot, Answered], written: Written) -> Outcome:
    if book is None:
        return Outcome(refusal=UserNotFound())
    slot = order.slot
    receipt = receipts.get(slot)
    if receipt is not None:
        return _replay(order, receipt, book)
    book.is_decided = True
    result_id: UUID | None = None
    row: Any = None
    refusal: Refusal | None = None
    try:
        result_id, row = order.decide(book)
    except Refusal as error:
        refusal = error
    at = order.at
    if order.is_posted and refusal is None:
        receipts[slot] = row
    else:
        stored = {"code": refusal.code, "facts": refusal.facts} if refusal is not None else None
        made = ReceiptRow(new_id(at), *slot, order.operation, order.fingerprint, result_id, stored, at)
        written.receipts.append(made)
        receipts[slot] = made
    return Outcome(
        user_id=order.user_id,
        result_id=result_id,
        refusal=refusal,
        balance_g=book.available,
        decided_at=at,
        row=row,
    )


def _replay(order: Order, receipt: Answered, book: Book) -> Outcome:
    outcome = Outcome(user_id=order.user_id, balance_g=book.available)
    if receipt.fingerprint != order.fingerprint:
        outcome.refusal = IdempotencyConflict(key=order.key, first_used_at=receipt.created_at)
        return outcome
    stored = receipt.refusal
    if stored:
        outcome.refusal = REFUSALS[stored["code"]].from_facts(stored["facts"])
    outcome.result_id, outcome.decided_at, outcome.replayed = receipt.result_id, receipt.created_at, True
    return outcome


def _changes(written: Written, books: Mapping[UUID, Book]) -> list[Changed]:
    """Return all that a batch writes: the accounts first, which fails where one does not stand where it was read.

    In id order, so that of two batches with the same users one waits for the other, and neither for each other.
    """
    return [
        (MOVE_ACCOUNTS, [books[user_id].move() for user_id in sorted(books) if books[user_id].is_decided]),
        (POST_DONATIONS, written.donations),
        (POST_ACTIONS, written.actions),
        (ADD_TRANSFERS, written.transfers),
        (ADD_GAPS, written.gaps),
        (ADD_FACTS, written.facts),
        (ADD_RECEIPTS, written.receipts),
        *added(written.models),
        *((change, [row]) for change, row in written.others),
    ]
