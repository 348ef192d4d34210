"""The sealer: gives the facts of the outbox their contiguous numbers, project by project, and keeps the totals.

A serial number drawn at insert is not the order of commit, and a reader with a cursor on it loses events. So writers
only append to the outbox, and one sealer at a time numbers what is there. Which process that is, a lease says; a
process that was paused and believes itself still the sealer is shut out by the lease's epoch, which every sealing
transaction proves first. Only after the commit are followers told, and that is a hint: they poll as well.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from tortoise.exceptions import IntegrityError

from api.events import merkle
from api.models import (
    Block,
    Environment,
    Event,
    EventKind,
    Outbox,
    ProjectDonor,
    ProjectHead,
    SealerLease,
    User,
    new_id,
    now,
)
from api.models.database import transaction

log = logging.getLogger(__name__)

BATCH_MAX = 2_000
LEASE = "sealer"
LEASE_S = 10.0
#: The outbox is looked at this often even when nobody hints: another process may have written.
POLL_S = 0.25
#: At most 20 rounds a second: a busy project's events are sealed, and followers woken, together.
ROUND_S = 0.05

Stream = tuple[UUID, Environment]


class LeaseLost(Exception):
    """Another process is the sealer now."""


@dataclass
class _Page:
    """A project's head while a batch is sealed, and what the batch adds."""

    head: ProjectHead
    is_new: bool
    donors: dict[UUID, ProjectDonor] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)


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
            try:
                while await self.seal():
                    pass
            except LeaseLost:
                log.debug("another process is the sealer")
            except Exception:
                log.exception("sealing failed; it is tried again")
                self._epoch = None
            if stopping:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._hint.wait()
            await asyncio.sleep(ROUND_S if not self._stopping else 0)

    async def seal(self) -> int:
        """Seal one batch and return how many facts it held.

        Raises: LeaseLost when another process holds the lease.
        """
        if self._epoch is None:
            await self._take_lease()
        at = now()
        async with transaction():
            renewed = await SealerLease.filter(name=LEASE, holder=self._holder, epoch=self._epoch).update(
                expires_at=at + timedelta(seconds=LEASE_S)
            )
            if not renewed:
                self._epoch = None
                raise LeaseLost
            facts = await Outbox.oldest(BATCH_MAX)
            pages = await self._number(facts, at) if facts else {}
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

    async def _number(self, facts: list[Outbox], at: datetime) -> dict[Stream, _Page]:
        pages = await _open_pages(facts)
        users = await User.by_ids({fact.user_id for fact in facts})
        for fact in sorted(facts, key=_order):
            _append(pages[fact.project_id, fact.environment], fact, users[fact.user_id], at)
        for page in pages.values():
            await _close_page(page, self._epoch or 0, at)
        # Deleted only after their events are there: a trigger refuses to lose a fact.
        await Outbox.filter(transfer_id__in=[fact.transfer_id for fact in facts]).delete()
        return pages


def _order(fact: Outbox) -> tuple[UUID, bool]:
    """Facts by time; but clocks of two machines differ, and nothing is returned before it is given."""
    return (max(fact.transfer_id, fact.donation_id), fact.kind is EventKind.DONATION_REVERSED)


async def _open_pages(facts: Iterable[Outbox]) -> dict[Stream, _Page]:
    projects: dict[Environment, set[UUID]] = defaultdict(set)
    givers: dict[Stream, set[UUID]] = defaultdict(set)
    for fact in facts:
        projects[fact.environment].add(fact.project_id)
        givers[fact.project_id, fact.environment].add(fact.user_id)
    pages: dict[Stream, _Page] = {}
    for environment, project_ids in projects.items():
        heads = await ProjectHead.of_projects(project_ids, environment)
        for project_id in project_ids:
            head = heads.get(project_id) or ProjectHead(
                id=new_id(), project_id=project_id, environment=environment, block_hash=merkle.GENESIS
            )
            page = pages[project_id, environment] = _Page(head, is_new=project_id not in heads)
            users = list(givers[project_id, environment])
            donors = ProjectDonor.filter(project_id=project_id, environment=environment, user_id__in=users)
            page.donors = {donor.user_id: donor for donor in await donors}
    return pages


def _append(page: _Page, fact: Outbox, user: User, at: datetime) -> None:
    head = page.head
    sign = 1 if fact.kind is EventKind.DONATION else -1
    head.sequence += 1
    head.energy_g += sign * fact.amount_g
    head.donations += sign
    donor = page.donors.get(fact.user_id)
    if donor is None:
        donor = page.donors[fact.user_id] = ProjectDonor(
            id=new_id(at),
            project_id=fact.project_id,
            environment=fact.environment,
            user_id=fact.user_id,
            energy_g=0,
        )
    was_donor = donor.energy_g > 0
    donor.energy_g += sign * fact.amount_g
    head.donors += (donor.energy_g > 0) - was_donor
    event = Event(
        id=new_id(at),
        environment=fact.environment,
        project_id=fact.project_id,
        sequence=head.sequence,
        kind=fact.kind,
        transfer_id=fact.transfer_id,
        donation_id=fact.donation_id,
        amount_g=fact.amount_g,
        total_after_g=head.energy_g,
        donor=user.pseudonym(fact.project_id),
        donor_commitment=user.commitment(),
        block_number=head.block_number + 1,
        occurred_at=fact.occurred_at,
        sealed_at=at,
    )
    event.leaf_hash = merkle.event_leaf(event).hex()
    page.events.append(event)


async def _close_page(page: _Page, epoch: int, at: datetime) -> None:
    head, events = page.head, page.events
    block = Block(
        id=new_id(at),
        environment=head.environment,
        project_id=head.project_id,
        number=head.block_number + 1,
        first_sequence=events[0].sequence,
        count=len(events),
        total_after_g=head.energy_g,
        merkle_root=merkle.root([bytes.fromhex(event.leaf_hash) for event in events]).hex(),
        previous_hash=head.block_hash,
        epoch=epoch,
        sealed_at=at,
    )
    block.hash = merkle.block_hash(block)
    head.block_number, head.block_hash, head.updated_at = block.number, block.hash, at
    await Event.bulk_create(events)
    await block.save(force_create=True)
    await head.save(force_create=page.is_new)
    stream = ["project_id", "environment", "user_id"]
    await ProjectDonor.bulk_create(page.donors.values(), on_conflict=stream, update_fields=["energy_g"])
