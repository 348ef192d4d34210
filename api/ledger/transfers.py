"""The one write path: orders in, outcomes out, and the only place where energy moves.

A batch is one transaction: lock the accounts in id order, look for receipts, read what the rules need, decide in
memory, write everything with a few array statements, commit. A receipt is written for each new order, accepted or
refused, so an order has one effect however often it is sent. If anything is unexpected the whole transaction is rolled
back and the orders are tried one by one (`api.batching`).

Why locked and then decided, and not one conditional UPDATE for each donation: see docs/decisions/0002.
"""

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from itertools import groupby
from uuid import UUID

from tortoise.exceptions import IntegrityError
from tortoise.models import Model

from api.batching import Batcher
from api.ledger.errors import REFUSALS, IdempotencyConflict, Refusal, UserNotFound
from api.ledger.orders import Book, Order, Outcome, Written
from api.ledger.positions import Range
from api.models import Account, Action, Gap, Outbox, Receipt, Transfer, new_id
from api.models.database import transaction

BATCH_MAX = 200


class Writer:
    """Takes orders from every request of the process and posts them in batches.

    `lanes`: how many batches may be in flight at once; 1 on SQLite, which has one writer anyway. A user's orders always
    take the same lane, so they are decided in the order in which they came, and lanes never wait for one another's
    accounts. `committed` is called after each commit that left something in the outbox.
    """

    def __init__(self, *, lanes: int, committed: Callable[[], None]) -> None:
        self._committed = committed
        self._lanes: list[Batcher[Order, Outcome]] = [Batcher(self._post, size=BATCH_MAX) for _ in range(lanes)]

    async def post(self, order: Order) -> Outcome:
        """Post one order and return what became of it.

        A caller that is cancelled meanwhile does not stop the order.
        """
        return await self._lanes[order.user_id.int % len(self._lanes)].submit(order)

    async def close(self) -> None:
        """Finish what was submitted."""
        for lane in self._lanes:
            await lane.close()

    async def _post(self, orders: list[Order]) -> list[Outcome | Exception]:
        outcomes: list[Outcome | Exception] = []
        for alone, run in groupby(orders, key=lambda order: order.alone):
            for group in [[one] for one in run] if alone else [list(run)]:
                outcomes += await self._post_or_split(group)
        return outcomes

    async def _post_or_split(self, orders: Sequence[Order], *, again: bool = True) -> Sequence[Outcome | Exception]:
        """Post together; when that fails unexpectedly, one by one, so that only the poisoned order fails.

        Here and not in the batcher, so that a group that is committed is not posted again and called a repetition.
        """
        try:
            return await self._post_together(orders)
        except Exception as error:
            if len(orders) == 1:
                if again and isinstance(error, IntegrityError):
                    # Another lane or process has just written what was looked for in vain; now it is there to be read.
                    return await self._post_or_split(orders, again=False)
                return [error]
        return [outcome for order in orders for outcome in await self._post_or_split([order])]

    async def _post_together(self, orders: Sequence[Order]) -> list[Outcome]:
        async with transaction():
            accounts = await Account.locked({order.user_id for order in orders})
            before = {user_id: copy(account) for user_id, account in accounts.items()}
            written = Written()
            books = {user_id: Book(account=account, written=written) for user_id, account in accounts.items()}
            receipts = await Receipt.of_keys([order.slot for order in orders])
            await _prepare([order for order in orders if order.slot not in receipts], books)
            outcomes = [_decide(order, books, receipts, written) for order in orders]
            moved = [(before[user_id], account) for user_id, account in accounts.items()]
            await _write(written, [pair for pair in moved if pair[0].credited != pair[1].credited or _debit(*pair)])
        if written.outbox:
            self._committed()
        return outcomes


def _debit(before: Account, after: Account) -> bool:
    return (before.debited, before.held) != (after.debited, after.held)


async def _prepare(orders: Sequence[Order], books: dict[UUID, Book]) -> None:
    """Read the gaps that debits may meet, then whatever each kind of order needs."""
    known = [order for order in orders if order.user_id in books]
    with_gaps = [user_id for user_id, book in books.items() if book.account.held]
    if with_gaps:
        for gap in await Gap.of_users(with_gaps):
            books[gap.user_id].gaps.append(Range(gap.starts, gap.ends))
    for kind in {type(order) for order in known}:
        await kind.prepare([order for order in known if type(order) is kind], books)


def _decide(
    order: Order, books: dict[UUID, Book], receipts: dict[tuple[UUID, UUID, str], Receipt], written: Written
) -> Outcome:
    book = books.get(order.user_id)
    if book is None:
        return Outcome(refusal=UserNotFound())
    receipt = receipts.get(order.slot)
    if receipt is not None:
        return _replay(order, receipt, book)
    result_id, refusal = None, None
    try:
        result_id = order.decide(book)
    except Refusal as error:
        refusal = error
    receipts[order.slot] = receipt = Receipt(
        id=new_id(order.at),
        user_id=order.user_id,
        partner_id=order.partner_id,
        key=order.key,
        operation=order.operation,
        fingerprint=order.fingerprint,
        result_id=result_id,
        refusal={"code": refusal.code, "facts": refusal.facts} if refusal else None,
        created_at=order.at,
    )
    written.others.append(receipt)
    return Outcome(
        user_id=order.user_id,
        result_id=result_id,
        refusal=refusal,
        balance_g=book.account.available,
        decided_at=receipt.created_at,
    )


def _replay(order: Order, receipt: Receipt, book: Book) -> Outcome:
    outcome = Outcome(user_id=order.user_id, balance_g=book.account.available)
    if receipt.fingerprint != order.fingerprint:
        return replace(outcome, refusal=IdempotencyConflict(key=order.key, first_used_at=receipt.created_at))
    refusal = None
    if receipt.refusal:
        refusal = REFUSALS[receipt.refusal["code"]].from_facts(receipt.refusal["facts"])
    return replace(outcome, result_id=receipt.result_id, refusal=refusal, replayed=True, decided_at=receipt.created_at)


async def _write(written: Written, moved: list[tuple[Account, Account]]) -> None:
    await Account.move(moved)
    by_table: dict[type[Model], list[Model]] = {
        Action: [*written.actions],
        Transfer: [*written.transfers],
        Gap: [*written.gaps],
        Outbox: [*written.outbox],
    }
    for row in written.others:
        by_table.setdefault(type(row), []).append(row)
    for table, rows in by_table.items():
        if rows:
            await table.bulk_create(rows)
    for row, columns in written.changed:
        await row.save(update_fields=columns)
    for row in written.removed:
        await row.delete()
