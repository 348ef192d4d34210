"""Texts of callers, before they are looked for.

Tortoise checks a text's length even when it only looks for it, and raises where the answer is that there is no such
row.
"""

from tortoise.models import Model


def can_hold(table: type[Model], column: str, text: str) -> bool:
    """Whether a column is wide enough for a text."""
    width: int = table._meta.fields_map[column].max_length  # type: ignore[attr-defined]  # noqa: SLF001 - it has no public name
    return len(text) <= width
