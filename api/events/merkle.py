"""Hashes that make the past tamper-evident: Merkle trees after RFC 9162 (section 2.1), and the chain of blocks."""

from collections.abc import Sequence
from hashlib import sha256

import orjson

from api.models import Block, Event

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
    """Return the leaf hash of an event in canonical form: JSON, keys sorted, no spaces, times in ms since 1970 UTC.

    It holds no person: the donor's commitment is a salted hash that says nothing once the salt is forgotten.
    """
    content = {
        "project": str(event.project_id),
        "environment": event.environment,
        "sequence": event.sequence,
        "kind": event.kind,
        "transfer": str(event.transfer_id),
        "amount_g": event.amount_g,
        "total_after_g": event.total_after_g,
        "donor": event.donor_commitment,
        "occurred_at_ms": int(event.occurred_at.timestamp() * 1000),
    }
    return leaf(orjson.dumps(content, option=orjson.OPT_SORT_KEYS))


def block_hash(block: Block) -> str:
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
