"""Hashes that make the past tamper-evident: Merkle trees after RFC 9162 (section 2.1), and the chain of blocks."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import orjson

from api.models import Block, Environment, Event, EventKind
from api.models.block import BlockRow

#: What the first block of a project points back to.
GENESIS = "0" * 64


def leaf(content: bytes) -> bytes:
    """Return the hash of a leaf."""
    return sha256(b"\x00" + content).digest()


def root(leaves: Sequence[bytes]) -> bytes:
    """Return the root of the tree over leaf hashes; of no leaves, the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\x01" + root(leaves[:split]) + root(leaves[split:])).digest()


def event_leaf(event: Event) -> bytes:
    """Return the leaf hash of an event."""
    return leaf_of(
        str(event.project_id),
        event.environment,
        event.sequence,
        event.kind,
        str(event.transfer_id),
        event.amount_g,
        event.total_after_g,
        event.donor_commitment,
        event.occurred_at,
    )


def leaf_of(  # noqa: PLR0913, PLR0917 - it is all that an event says
    project: str,
    environment: Environment,
    sequence: int,
    kind: EventKind,
    transfer: str,
    amount_g: int,
    total_after_g: int,
    donor: str,
    occurred_at: datetime,
) -> bytes:
    """Return the hash of an event in canonical form: JSON, keys sorted, no spaces, times in ms since 1970 UTC.

    It holds no person: the donor's commitment is a salted hash that says nothing once the salt is forgotten.
    """
    content = {
        "amount_g": amount_g,
        "donor": donor,
        "environment": environment,
        "kind": kind,
        "occurred_at_ms": int(occurred_at.timestamp() * 1000),
        "project": project,
        "sequence": sequence,
        "total_after_g": total_after_g,
        "transfer": transfer,
    }
    return leaf(orjson.dumps(content))


def block_hash(block: Block | BlockRow) -> str:
    """Return the hash of a block, over everything that it says and the hash of the block before it."""
    content = {
        "project": str(block.project_id),
        "environment": block.environment,
        "number": block.number,
        "first_sequence": block.first_sequence,
        "count": block.count,
        "total_after_g": block.total_after_g,
        "merkle_root": block.merkle_root,
        "previous_hash": block.previous_hash,
    }
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
