"""Whether a project's events are what the sealer promises: contiguous, adding up, and chained unchanged.

Every hash is computed anew from the rows; nothing is taken from the write path but the way in which hashes are made.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from api.events import merkle
from api.models import Block, Event, EventKind, ProjectDonor, ProjectHead

PAGE_MAX = 2_000


async def check_project(head: ProjectHead) -> AsyncIterator[str]:
    """Yield what is wrong with a project in one world; nothing, when all is well."""
    name = f"project {head.project_id} {head.environment}"
    sequence, total, donations, leaves = 0, 0, 0, list[tuple[int, bytes, int]]()
    async for event in _events(head):
        if event.sequence != sequence + 1:
            yield f"{name}: event {event.sequence} follows {sequence}"
        sequence = event.sequence
        sign = 1 if event.kind is EventKind.DONATION else -1
        total, donations = total + sign * event.amount_g, donations + sign
        if event.total_after_g != total:
            yield f"{name}: event {sequence} says {event.total_after_g} g in all, its events say {total} g"
        leaf = merkle.event_leaf(event)
        if event.leaf_hash != leaf.hex():
            yield f"{name}: event {sequence} has been changed, its leaf hash does not fit"
        leaves.append((sequence, leaf, total))
    async for fault in _check_chain(head, leaves):
        yield f"{name}: {fault}"
    donors = await ProjectDonor.count_of(head.project_id, head.environment)
    counted = (sequence, total, donations, donors)
    if counted != (head.sequence, head.energy_g, head.donations, head.donors):
        told = (head.sequence, head.energy_g, head.donations, head.donors)
        yield f"{name}: its head says {told}, its events say {counted} (last number, grams, donations, donors)"


async def _check_chain(head: ProjectHead, leaves: list[tuple[int, bytes, int]]) -> AsyncIterator[str]:
    previous, number, sealed = merkle.GENESIS, 0, 0
    for block in await Block.of_project(head.project_id, head.environment):
        number += 1
        held = leaves[sealed : sealed + block.count]
        sealed += block.count
        if (block.number, block.previous_hash) != (number, previous):
            yield f"block {block.number} is not the successor of block {number - 1}"
        if not held or (block.first_sequence, block.total_after_g) != (held[0][0], held[-1][2]):
            yield f"block {block.number} does not begin or end where its events do"
        if block.merkle_root != merkle.root([leaf for _, leaf, _ in held]).hex():
            yield f"block {block.number} does not hold the events that it sealed"
        if block.hash != merkle.block_hash(block):
            yield f"block {block.number} has been changed, its hash does not fit"
        previous = block.hash
    if (sealed, number, previous) != (len(leaves), head.block_number, head.block_hash):
        yield f"its head is not its last block: {sealed} of {len(leaves)} events are in {number} blocks"


async def _events(head: ProjectHead) -> AsyncIterator[Event]:
    project_id: UUID = head.project_id
    sequence = 0
    while page := await Event.after(project_id, head.environment, sequence, PAGE_MAX):
        for event in page:
            yield event
        sequence = page[-1].sequence
