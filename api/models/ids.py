"""Identifiers: UUIDv7 in the database, TypeID text (`don_01h…`) towards partners.

A UUIDv7 starts with its time, so rows made later sort later and new rows land at the end of an index. The prefix
says what an id names, so that an id pasted into a ticket explains itself. Encoding after the TypeID specification 0.3:
the 128 bits as 26 digits of Crockford's base 32, lower case.

Ids are asyncpg's UUIDs: equal to Python's own and of the same hash, but made, compared and written several times as
fast, and a batch of writes handles thousands.
"""

import itertools
import os
import re
import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import cache, lru_cache, partial
from uuid import UUID

from asyncpg.pgproto import pgproto

DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
TYPEID = re.compile(rf"([a-z](?:[a-z_]{{0,61}}[a-z])?)_([0-7][{DIGITS}]{{25}})")
# Two digits at a time on the way out; on the way in, Python's own digits of base 32.
PAIRS = [high + low for high in DIGITS for low in DIGITS]
DIGIT_BYTES = DIGITS.encode()
PYTHON_DIGITS = bytes.maketrans(DIGIT_BYTES, b"0123456789abcdefghijklmnopqrstuv")
#: Digits of an id, of which the first has but three bits.
SUFFIX, LARGEST_FIRST = 26, ord("7")
# Many ids are encoded in slots of 32 bytes, each id at the end of its slot.
SLOT, GAP = 32, bytes(16)
MARK, AHEAD = len(DIGITS), "\n" * (SLOT - SUFFIX)
BYTES_TO_DIGITS = DIGIT_BYTES + b"\n" + bytes(255 - MARK)
FEW, MANY_MAX = 4, 128
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

    Its attribute `many` makes those of many ids at once, in half of the time; `packed` those of ids that come as one
    text of bytes, with `GAP` between them, and how many they are.
    """
    pairs = PAIRS

    def encode(value: UUID) -> str:
        number = value.int
        # An answer has dozens of ids: no loop, tables that fit a processor's cache, and parts that are whole digits of
        # Python's own integers, of 30 bits.
        high, middle, low = number >> 60, number >> 30 & 0x3FFFFFFF, number & 0x3FFFFFFF
        first, second = high >> 40, high >> 20 & 0xFFFFF
        return (
            f"{prefix}_{pairs[first >> 20]}{pairs[first >> 10 & 1023]}{pairs[first & 1023]}"
            f"{pairs[second >> 10]}{pairs[second & 1023]}{pairs[high >> 10 & 1023]}{pairs[high & 1023]}"
            f"{pairs[middle >> 20]}{pairs[middle >> 10 & 1023]}{pairs[middle & 1023]}"
            f"{pairs[low >> 20]}{pairs[low >> 10 & 1023]}{pairs[low & 1023]}"
        )

    encode.many = partial(_encode_many, f"{prefix}_", encode)  # type: ignore[attr-defined]
    encode.packed = partial(_encode_packed, f"{prefix}_")  # type: ignore[attr-defined]
    return encode


def _encode_many(start: str, encode: Callable[[UUID], str], values: Sequence[UUID]) -> list[str]:
    """Return TypeID texts: all digits of all ids by a few operations on one large integer."""
    count = len(values)
    if not FEW <= count <= MANY_MAX:
        if count < FEW:
            return [encode(value) for value in values]
        some = (values[at : at + MANY_MAX] for at in range(0, count, MANY_MAX))
        return [text for one in some for text in _encode_many(start, encode, one)]
    return _encode_packed(start, GAP.join([value.bytes for value in values]), count)


def _encode_packed(start: str, packed: bytes, count: int) -> list[str]:
    """Return TypeID texts of ids in their slots."""
    number = int.from_bytes(packed, "big")
    for low, high, shift in _halvings(-count // 8 * -8):
        number = number & low | (number & high) << shift
    # What is ahead of the digits in a slot becomes the end of a line, and that the beginning of the next text.
    text = (number | _marks(count)).to_bytes(count * SLOT, "big").translate(BYTES_TO_DIGITS).decode()
    return text.replace(AHEAD, f"\n{start}")[1:].split("\n")


@cache
def _marks(count: int) -> int:
    """Return what makes a mark of each byte of slots that is ahead of the digits."""
    return int.from_bytes((bytes([MARK]) * len(AHEAD) + bytes(SUFFIX)) * count, "big")


@cache
def _halvings(count: int) -> list[tuple[int, int, int]]:
    """Return how ids in slots of 32 bytes become a digit a byte: what stays, and what moves up by how many bits.

    A slot is a group of 32 digits of 5 bits. Five times each group is halved, and its upper half moves to where it has
    room for as many bytes as it has digits.
    """
    return [
        (_repeated(5 * half, 16 * half, 0, count), _repeated(5 * half, 16 * half, 5 * half, count), 3 * half)
        for half in (16, 8, 4, 2, 1)
    ]


def _repeated(width: int, distance: int, start: int, slots: int) -> int:
    """Return a mask of `width` bits, again and again at a distance."""
    times = slots * SLOT * 8 // distance
    return sum((1 << width) - 1 << start + distance * at for at in range(times))


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
    return prefix, _decoded(suffix.encode())


def decoder(prefix: str) -> Callable[[str], UUID | None]:
    """Return what reads TypeID texts with a prefix, and returns None for any other text, as `decode_id` would."""
    start, length = f"{prefix}_", len(prefix) + 1 + SUFFIX

    def decode(text: str) -> UUID | None:
        if len(text) != length or not text.startswith(start) or not text.isascii():
            return None
        digits = text[-SUFFIX:].encode()
        # What is left when digits are taken out is what is none.
        return None if digits[0] > LARGEST_FIRST or digits.translate(None, DIGIT_BYTES) else _decoded(digits)

    return decode


def _decoded(digits: bytes) -> UUID:
    return pgproto.UUID(int(digits.translate(PYTHON_DIGITS), 32).to_bytes(16, "big"))
