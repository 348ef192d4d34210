"""Identifiers: UUIDv7 in the database, TypeID text (`don_01h…`) towards partners.

A UUIDv7 starts with its time, so rows made later sort later and new rows land at the end of an index. The prefix
says what an id names, so that an id pasted into a ticket explains itself. Encoding after the TypeID specification 0.3:
the 128 bits as 26 digits of Crockford's base 32, lower case: a ULID's digits, but for their case.

Ids are asyncpg's UUIDs: equal to Python's own and of the same hash, but made, compared and written several times as
fast, and a batch of writes handles thousands.
"""

import itertools
import os
import re
import secrets
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from uuid import UUID

from asyncpg.pgproto import pgproto
from ulid_transform import bytes_to_ulid, ulid_to_bytes

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
TYPEID = re.compile(rf"([a-z](?:[a-z_]{{0,61}}[a-z])?)_([0-7][{DIGITS}]{{25}})")
DIGIT_BYTES = DIGITS.encode()
#: Digits of an id, of which the first has but three bits.
SUFFIX, LARGEST_FIRST = 26, "7"
#: Bytes of an id.
ID = 16
COUNTER_BITS = 32
RANDOMS = struct.Struct(">512Q")
HALVES = struct.Struct(">QQ")

# From anywhere in the lower half, so that the ids of two processes do not begin alike and the end is far.
_counter = itertools.count(secrets.randbits(COUNTER_BITS - 1))


def now() -> datetime:
    """Return the present moment in UTC: the only clock of the service."""
    return datetime.now(UTC)


def _random() -> Iterator[int]:
    """Return random numbers of 64 bits: asking the system for many at once takes a tenth of the time."""
    return itertools.chain.from_iterable(RANDOMS.unpack(os.urandom(RANDOMS.size)) for _ in itertools.repeat(None))


_randoms = [_random()]
# A forked process must not draw what its parent draws.
os.register_at_fork(after_in_child=lambda: _randoms.__setitem__(0, _random()))


def new_id(at: datetime | None = None) -> UUID:
    """Return a fresh UUIDv7, of this moment or of the moment `at`.

    Of the ids that a process makes for one millisecond, the later is the larger: after the time comes a counter
    (RFC 9562, 6.2, method 1), so that what one call wrote is listed in the order in which it was written.
    """
    return new_ids(at or now())()


def new_ids(at: datetime) -> Callable[[], UUID]:
    """Return what makes fresh ids of one moment, one with each call, as `new_id` does."""
    first = _first_half(at)
    randoms = _randoms[0]

    def new() -> UUID:
        count = next(_counter)
        high = first | count >> 20 & 0xFFF
        return pgproto.UUID(HALVES.pack(high, 1 << 63 | (count & 0xFFFFF) << 42 | next(randoms) >> 22))

    return new


@lru_cache(64)
def _first_half(at: datetime) -> int:
    """Return what ids of a moment begin with: those of a batch are of few moments."""
    return int(at.timestamp() * 1000) << 16 | 0x7 << 12


#: The id of no row at all.
NOBODY = UUID(int=0)


def first_id(at: datetime) -> UUID:
    """Return the smallest UUIDv7 of the moment `at`: every id made at or after `at` is not below it."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))


def encoder(prefix: str) -> Callable[[UUID], str]:
    """Return what makes TypeID texts with a prefix, for example `usr_01h455vb4pex5vsknk084sn02q`.

    Its attribute `packed` returns those of ids whose bytes come one after another, and how many they are.
    """
    start = f"{prefix}_"

    def encode(value: UUID) -> str:
        return start + bytes_to_ulid(value.bytes).lower()

    def packed(ids: bytes, count: int) -> list[str]:
        return [start + text.lower() for text in map(bytes_to_ulid, _cut(count).unpack(ids))]

    encode.packed = packed  # type: ignore[attr-defined]
    return encode


@cache
def _cut(count: int) -> struct.Struct:
    """Return what cuts so many ids apart: a page has 100 at most."""
    return struct.Struct(f"{ID}s" * count)


_encoder = cache(encoder)


def encode_id(prefix: str, value: UUID) -> str:
    """Return the TypeID text of `value`."""
    return _encoder(prefix)(value)


def decode_id(text: str) -> tuple[str, UUID] | None:
    """Return prefix and UUID of a TypeID text, or None when it is not one."""
    match = TYPEID.fullmatch(text)
    if match is None:
        return None
    prefix, suffix = match.groups()
    return prefix, _decoded(suffix)


def decoder(prefix: str) -> Callable[[str], UUID | None]:
    """Return what reads TypeID texts with a prefix, and returns None for any other text, as `decode_id` would."""
    start, length = f"{prefix}_", len(prefix) + 1 + SUFFIX

    def decode(text: str) -> UUID | None:
        if len(text) != length or not text.startswith(start) or not text.isascii():
            return None
        digits = text[-SUFFIX:]
        # What is left when digits are taken out is what is none.
        return None if digits[0] > LARGEST_FIRST or digits.encode().translate(None, DIGIT_BYTES) else _decoded(digits)

    return decode


def _decoded(digits: str) -> UUID:
    return pgproto.UUID(ulid_to_bytes(digits))
