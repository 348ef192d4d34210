"""The sealer: gives the facts of the outbox their contiguous numbers, project by project, and keeps the totals.

A serial number drawn at insert is not the order of commit, and a reader with a cursor on it loses events. So writers
only append to the outbox, and one sealer at a time numbers what is there. Which process that is, a lease says; a
process that was paused and believes itself still the sealer is shut out by the lease's epoch, which every sealing
transaction proves first. Only after the commit are followers told, and that is a hint: they poll as well.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import TypeVar
from uuid import UUID, uuid4

from tortoise.exceptions import IntegrityError

from api.events import merkle
from api.models import Environment, EventKind, SealerLease, new_id, new_ids, now
from api.models.block import ADD_BLOCKS, BlockRow
from api.models.database import transaction
from api.models.event import NUMBER_FACTS, NumberedRow
from api.models.outbox import OLDEST, Fact
from api.models.project_head import GIVE, HEADS, PUT_HEADS, GiftRow, HeadRow, ProjectHead
from api.models.sealer_lease import RENEW
from api.models.statements import Transaction, kept
from api.models.user import commitment, pseudonym

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
#: So many facts are numbered before others of the process have a turn, and are written before others of the database's
#: have one: a statement for a thousand keeps a core of it for 20 ms, which whoever posts then waits for.
AT_ONCE = 100
LEASE = "sealer"
LEASE_S = 10.0
#: The outbox is looked at this often even when nobody hints: another process may have written.
POLL_S = 0.25
#: At most 20 rounds a second: a busy project's events are sealed, and followers woken, together.
ROUND_S = 0.05
#: And a rest of so many times what the round took, so that sealing leaves most of the time to those who write; but
#: followers wait no longer than this.
REST = 4.0
REST_MAX_S = 0.25

Stream = tuple[UUID, Environment]
Row = TypeVar("Row")


class LeaseLost(Exception):
    """Another process is the sealer now."""


@dataclass(slots=True)
class _Page:
    """A project's head while a batch is sealed, and what the batch adds."""

    id: UUID
    project_id: UUID
    environment: Environment
    sequence: int = 0
    energy_g: int = 0
    donations: int = 0
    donors: int = 0
    block_number: int = 0
    block_hash: str = merkle.GENESIS
    events: list[NumberedRow] = field(default_factory=list)
    leaves: list[bytes] = field(default_factory=list)
    #: The project as leaves name it.
    name: str = field(init=False)

    def __post_init__(self) -> None:
        self.name = str(self.project_id)

    @classmethod
    def of(cls, head: ProjectHead) -> "_Page":
        """Return the page that goes on from a head."""
        return cls(
            head.id,
            head.project_id,
            head.environment,
            head.sequence,
            head.energy_g,
            head.donations,
            head.donors,
            head.block_number,
            head.block_hash,
        )


class Sealer:
    """Seals for as long as it runs, in whichever process holds the lease. `sealed` is told which streams moved."""

    def __init__(self, sealed: Callable[[Iterable[Stream]], Awaitable[None]]) -> None:
        self._sealed = sealed
        self._holder = uuid4()
        self._epoch: int | None = None
        self._hint = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to seal in the background."""
        self._task = asyncio.create_task(self._run())

    def hint(self) -> None:
        """Say that there is something in the outbox."""
        self._hint.set()

    async def close(self) -> None:
        """Seal what is there, give the lease back and stop."""
        self._stopping = True
        self._hint.set()
        if self._task is not None:
            await self._task
        await self._give_back()

    async def _run(self) -> None:
        while True:
            stopping = self._stopping
            self._hint.clear()
            began = monotonic()
            try:
                # What came in meanwhile is for the next round: sealed at once, it would be a block of few events.
                while await self.seal() == BATCH_MAX:
                    pass
            except LeaseLost:
                log.debug("another process is the sealer")
            except Exception:
                log.exception("sealing failed; it is tried again")
                self._epoch = None
            if stopping:
                return
            rest_s = REST * (monotonic() - began)
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._hint.wait()
            if not self._stopping:
                await asyncio.sleep(min(REST_MAX_S, max(ROUND_S, rest_s)))

    async def seal(self) -> int:
        """Seal one batch and return how many facts it held.

        Raises: LeaseLost when another process holds the lease.
        """
        if self._epoch is None:
            await self._take_lease()
        at = now()
        async with kept().transaction() as transaction:
            if not await transaction.fetch(RENEW, at + timedelta(seconds=LEASE_S), LEASE, self._holder, self._epoch):
                self._epoch = None
                raise LeaseLost
            facts = await transaction.fetch(OLDEST, BATCH_MAX)
            pages = await _number(transaction, facts, self._epoch or 0, at) if facts else {}
        if pages:
            await self._sealed(pages)
        return len(facts)

    async def _take_lease(self) -> None:
        at = now()
        expires_at = at + timedelta(seconds=LEASE_S)
        try:
            async with transaction():
                lease = await SealerLease.filter(name=LEASE).select_for_update().first()
                if lease is None:
                    lease = SealerLease(name=LEASE, holder=self._holder, epoch=1, expires_at=expires_at)
                    await lease.save(force_create=True)
                elif lease.holder != self._holder and lease.expires_at >= at:
                    raise LeaseLost
                else:
                    lease.holder, lease.epoch, lease.expires_at = self._holder, lease.epoch + 1, expires_at
                    await lease.save()
                self._epoch = lease.epoch
        except IntegrityError as error:  # another process made the row just now
            raise LeaseLost from error

    async def _give_back(self) -> None:
        if self._epoch is not None:
            lease = SealerLease.filter(name=LEASE, holder=self._holder, epoch=self._epoch)
            await lease.update(expires_at=now() - timedelta(seconds=1))
            self._epoch = None


async def _number(transaction: Transaction, facts: Sequence[Fact], epoch: int, at: datetime) -> "dict[Stream, _Page]":
    """Give the facts their numbers; three statements, and two more for each further hundred."""
    pages = await _open_pages(transaction, facts)
    await _count_donors(transaction, facts, pages, at)
    commitments: dict[UUID, str] = {}
    for count, fact in enumerate(_in_order(facts), start=1):
        if count % AT_ONCE == 0:
            await asyncio.sleep(0)
        user_id = fact.user_id
        donor = commitments.get(user_id)
        if donor is None:
            donor = commitments[user_id] = commitment(fact.salt, user_id)
        _append(pages[fact.project_id, fact.environment], fact, donor, at)
    blocks = [_close_page(page, epoch, at) for page in pages.values()]
    *parts, rest = _parts([event for page in pages.values() for event in page.events])
    for part in parts:
        await transaction.change((NUMBER_FACTS, part))
    await transaction.change(
        (NUMBER_FACTS, rest),
        (ADD_BLOCKS, blocks),
        (PUT_HEADS, [_head(page, at) for page in pages.values()]),
    )
    return pages


def _in_order(facts: Sequence[Fact]) -> Sequence[Fact]:
    """Return facts by time, as they come; but clocks of two machines differ, and nothing is returned before given."""
    if all(fact.transfer_id == fact.donation_id for fact in facts):
        return facts
    return sorted(facts, key=_order)


def _order(fact: Fact) -> tuple[UUID, bool]:
    return (max(fact.transfer_id, fact.donation_id), fact.kind is EventKind.DONATION_REVERSED)


async def _open_pages(transaction: Transaction, facts: Iterable[Fact]) -> "dict[Stream, _Page]":
    streams = {(fact.project_id, fact.environment) for fact in facts}
    heads = await transaction.fetch_each(HEADS, list(streams))
    pages = {(head.project_id, head.environment): _Page.of(head) for head in heads}
    for stream in streams - pages.keys():
        pages[stream] = _Page(new_id(), *stream)
    return pages


async def _count_donors(
    transaction: Transaction, facts: Iterable[Fact], pages: "dict[Stream, _Page]", at: datetime
) -> None:
    """Add to what each user has given to each project, and count who has become a donor or is none any more."""
    gifts: dict[tuple[UUID, Environment, UUID], int] = defaultdict(int)
    for fact in facts:
        donor = (fact.project_id, fact.environment, fact.user_id)
        gifts[donor] += fact.amount_g if fact.kind is EventKind.DONATION else -fact.amount_g
    new = new_ids(at)
    rows = [GiftRow(new(), *donor, grams) for donor, grams in gifts.items()]
    for part in _parts(rows):
        for row in await transaction.fetch(GIVE, part):
            project_id, environment, given_g = row.project_id, row.environment, row.energy_g
            had_g = given_g - gifts[project_id, environment, row.user_id]
            pages[project_id, environment].donors += (given_g > 0) - (had_g > 0)


def _parts(rows: Sequence[Row]) -> Iterable[Sequence[Row]]:
    return (rows[first : first + AT_ONCE] for first in range(0, len(rows), AT_ONCE))


def _append(page: _Page, fact: Fact, commitment_: str, at: datetime) -> None:
    kind, amount_g, transfer_id = fact.kind, fact.amount_g, fact.transfer_id
    sign = 1 if kind is EventKind.DONATION else -1
    page.sequence += 1
    page.energy_g += sign * amount_g
    page.donations += sign
    leaf = merkle.leaf_of(
        page.name,
        page.environment,
        page.sequence,
        kind,
        str(transfer_id),
        amount_g,
        page.energy_g,
        commitment_,
        fact.occurred_at,
    )
    page.leaves.append(leaf)
    page.events.append(
        NumberedRow(
            transfer_id,
            page.sequence,
            page.energy_g,
            pseudonym(fact.salt, page.project_id),
            commitment_,
            leaf.hex(),
            page.block_number + 1,
            at,
        )
    )


def _close_page(page: _Page, epoch: int, at: datetime) -> BlockRow:
    """Close the block that a page has begun, and let its head be that block."""
    page.block_number += 1
    block = BlockRow(
        new_id(at),
        page.environment,
        page.project_id,
        page.block_number,
        page.events[0].sequence,
        len(page.events),
        page.energy_g,
        merkle.root(page.leaves).hex(),
        page.block_hash,
        "",
        epoch,
        at,
    )
    page.block_hash = merkle.block_hash(block)
    return block._replace(hash=page.block_hash)


def _head(page: _Page, at: datetime) -> HeadRow:
    return HeadRow(
        page.id,
        page.project_id,
        page.environment,
        page.sequence,
        page.energy_g,
        page.donations,
        page.donors,
        page.block_number,
        page.block_hash,
        at,
    )
