"""The language in which a caller wants to be spoken to: `Accept-Language`, RFC 9110, section 12.5.4."""

from enum import StrEnum
from functools import lru_cache

# Clients send one of a few headers; whoever sends others pays for it, and not with our memory.
REMEMBERED_LENGTH = 200


class Language(StrEnum):
    """A language that the service speaks."""

    EN = "en"
    ZH = "zh"


def preferred(accept_language: str) -> Language:
    """Return the language that a caller likes best; English when it likes none of ours, or all the same."""
    if len(accept_language) > REMEMBERED_LENGTH:
        return _preferred(accept_language[:REMEMBERED_LENGTH])
    return _remembered(accept_language)


def _preferred(accept_language: str) -> Language:
    qualities: dict[str, float] = {}
    for part in accept_language.split(","):
        tag, quality = _read(part)
        primary = tag.partition("-")[0]  # zh-CN and zh-Hans are read by who reads zh
        qualities[primary] = max(quality, qualities.get(primary, 0.0))
    anything = qualities.get("*", 0.0)
    # The first of the best: English.
    best = max(Language, key=lambda language: qualities.get(language, anything))
    return best if qualities.get(best, anything) > 0 else Language.EN


_remembered = lru_cache(maxsize=256)(_preferred)


def _read(part: str) -> tuple[str, float]:
    tag, *parameters = part.split(";")
    quality = 1.0
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                quality = float(value)
            except ValueError:
                quality = 0.0
    return tag.strip().lower(), quality if 0 <= quality <= 1 else 0.0
