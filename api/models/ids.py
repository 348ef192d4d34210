"""Identifiers: UUIDv7 in the database, TypeID text (`don_01h…`) towards partners.

A UUIDv7 starts with its time, so rows made later sort later and new rows land at the end of an index. The prefix
says what an id names, so that an id pasted into a ticket explains itself. Encoding after the TypeID specification 0.3:
the 128 bits as 26 digits of Crockford's base 32, lower case.
"""

import itertools
import os
import re
import secrets
from datetime import UTC, datetime
from uuid import UUID

PREFIX = re.compile(r"[a-z](?:[a-z_]{0,61}[a-z])?")
DIGITS = "0123456789abcdefghjkmnpqrstvwxyz"
VALUES = {digit: value for value, digit in enumerate(DIGITS)}
SUFFIX_LENGTH = 26
COUNTER_BITS = 32

# From anywhere in the lower half, so that the ids of two processes do not begin alike and the end is far.
_counter = itertools.count(secrets.randbits(COUNTER_BITS - 1))


def now() -> datetime:
    """Return the present moment in UTC: the only clock of the service."""
    return datetime.now(UTC)


def new_id(at: datetime | None = None) -> UUID:
    """Return a fresh UUIDv7, of this moment or of the moment `at`.

    Of the ids that a process makes for one millisecond, the later is the larger: after the time comes a counter
    (RFC 9562, 6.2, method 1), so that what one call wrote is listed in the order in which it was written.
    """
    milliseconds = int((at or now()).timestamp() * 1000)
    count = next(_counter) & (2**COUNTER_BITS - 1)
    low = (count & (2**20 - 1)) << 42 | int.from_bytes(os.urandom(8), "big") >> 22
    return UUID(int=milliseconds << 80 | 0x7 << 76 | count >> 20 << 64 | 0b10 << 62 | low)


#: The id of no row at all.
NOBODY = UUID(int=0)


def first_id(at: datetime) -> UUID:
    """Return the smallest UUIDv7 of the moment `at`: every id made at or after `at` is not below it."""
    milliseconds = int(at.timestamp() * 1000)
    return UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))


def encode_id(prefix: str, value: UUID) -> str:
    """Return the TypeID text of `value`, for example `usr_01h455vb4pex5vsknk084sn02q`."""
    number = value.int
    digits = [DIGITS[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(digits)}"


def decode_id(text: str) -> tuple[str, UUID] | None:
    """Return prefix and UUID of a TypeID text, or None when it is not one."""
    prefix, separator, suffix = text.rpartition("_")
    if not separator or len(suffix) != SUFFIX_LENGTH or suffix[0] > "7" or not PREFIX.fullmatch(prefix):
        return None
    number = 0
    for digit in suffix:
        value = VALUES.get(digit)
        if value is None:
            return None
        number = number << 5 | value
    return prefix, UUID(int=number)
