"""Keyset pages: rows after or before an id, never an offset, so that a page costs the same at any depth.

Ids are UUIDv7, so the order of ids is the order of time, and no row that is added shifts a page.
"""

from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from tortoise.models import Model
from tortoise.queryset import QuerySet

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, kw_only=True)
class Window:
    """Which part of a list is wanted: the first `limit` rows past `after`, or the last ones ahead of `before`."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None
    from_end: bool = False
    oldest_first: bool = False


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Some rows of a list, in the list's order, and whether there are more on either side."""

    rows: list[Row]
    has_next: bool
    has_previous: bool


async def page_of(rows: QuerySet[Row], window: Window, column: str = "id") -> Page[Row]:
    """Return a page of the rows that a question selects, by the column that orders them."""
    ascending = window.oldest_first
    past, ahead = ("gt", "lt") if ascending else ("lt", "gt")
    bounds: dict[str, Any] = {}
    if window.after is not None:
        bounds[f"{column}__{past}"] = window.after
    if window.before is not None:
        bounds[f"{column}__{ahead}"] = window.before
    order = column if ascending is not window.from_end else f"-{column}"
    found = await rows.filter(**bounds).order_by(order).limit(window.limit + 1)
    more, found = len(found) > window.limit, found[: window.limit]
    if window.from_end:
        return Page(found[::-1], has_next=window.before is not None, has_previous=more)
    return Page(found, has_next=more, has_previous=window.after is not None)
