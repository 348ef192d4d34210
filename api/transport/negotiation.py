"""Which media type a client wants, from its `Accept` header (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from functools import lru_cache

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
EVENT_STREAM = "text/event-stream"
HTML = "text/html"


# Clients send one of a few headers; whoever sends others pays for it, and not with our memory.
REMEMBERED_LENGTH = 200


def choose_readable(accept: str) -> str | None:
    """Return the media type of a GraphQL response that the client likes best, if it can read one."""
    return _remembered_choice(accept) if len(accept) <= REMEMBERED_LENGTH else _choose_readable(accept)


def _choose_readable(accept: str) -> str | None:
    # A client that can read anything may well be one that knows only the older of the two.
    offered = (JSON, GRAPHQL_JSON) if "*/*" in accept else (GRAPHQL_JSON, JSON)
    return choose(accept, (*offered, EVENT_STREAM))


_remembered_choice = lru_cache(maxsize=256)(_choose_readable)


def choose(accept: str, offered: Sequence[str]) -> str | None:
    """Return the offered media type that the client likes best; the order of the offer breaks ties.

    Shape: without an `Accept` header the first offer, `None` when nothing suits.
    """
    if not accept.strip():
        return offered[0]
    ranges = [_read_range(part) for part in accept.split(",")]
    best: str | None = None
    best_quality = 0.0
    for media_type in offered:
        quality = _quality(media_type, ranges)
        if quality > best_quality:
            best, best_quality = media_type, quality
    return best


def _quality(media_type: str, ranges: list[tuple[str, float]]) -> float:
    """Return the quality that the most specific matching range gives."""
    kind = media_type.partition("/")[0]
    for pattern in (media_type, f"{kind}/*", "*/*"):
        qualities = [quality for name, quality in ranges if name == pattern]
        if qualities:
            return max(qualities)
    return 0.0


def _read_range(part: str) -> tuple[str, float]:
    name, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        key, _, value = parameter.partition("=")
        if key.strip().lower() == "q":
            quality = _read_quality(value.strip())
        elif key.strip().lower() == "charset" and value.strip(' "').lower() not in {"utf-8", "utf8"}:
            quality = 0.0  # we speak UTF-8 only
    return name.strip().lower(), quality


def _read_quality(value: str) -> float:
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if 0 <= quality <= 1 else 0.0
