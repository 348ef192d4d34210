"""Keyset pages: rows after or before an id, never an offset, so that a page costs the same at any depth.

Ids are UUIDv7, so the order of ids is the order of time, and no row that is added shifts a page.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID
from weakref import WeakKeyDictionary

from tortoise import fields
from tortoise.models import Model
from tortoise.queryset import QuerySet

from api.models.ids import NOBODY
from api.models.rows import Shape
from api.models.statements import CHOICES_MAX, COLUMNS, Statement
from api.models.written import WRITTEN, Beside, Form, Writer, columns_of, written_page

Row = TypeVar("Row", bound=Model)
Shown = TypeVar("Shown")

NOTHING_BESIDE: Beside = MappingProxyType({})
PARAMETER = re.compile(r"\$(\d+)")

#: Past every id.
LAST_ID = UUID(int=2**128 - 1)


class Window(NamedTuple):
    """Which part of a list is wanted: the first `limit` rows past `after`, or the last ones ahead of `before`."""

    limit: int
    after: UUID | None = None
    before: UUID | None = None
    from_end: bool = False
    oldest_first: bool = False

    @property
    def is_ascending(self) -> bool:
        """Whether the rows are looked for from the smallest id up."""
        return self.oldest_first is not self.from_end

    @property
    def bounds(self) -> tuple[UUID, UUID]:
        """The ids between which the rows lie."""
        low, high = (self.after, self.before) if self.oldest_first else (self.before, self.after)
        return low or NOBODY, high or LAST_ID


class Along:
    """What the rows of some pages refer to, by id, when it was loaded together with them.

    Whoever shows it makes one view of it for all pages of the batch.
    """

    __slots__ = ("_shown", "completed", "rows")

    def __init__(self, rows: Mapping[UUID, Any]) -> None:
        self.rows = rows
        self._shown: dict[UUID, Any] = {}
        #: What was completed of the rows, for all requests that share them: the executor's.
        self.completed: dict[Any, Any] = {}

    def show(self, key: UUID, make: Callable[[Any], Shown]) -> Shown:
        """Return what `make`, always the same, makes of what was found by an id; or of None."""
        shown: Shown | None = self._shown.get(key)
        if shown is None:
            shown = self._shown[key] = make(self.rows.get(key))
        return shown


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Page(Generic[Row]):
    """Some rows of a list, in the list's order, and whether there are more on either side."""

    rows: list[Row]
    has_next: bool
    has_previous: bool
    along: Along | None = None

    @property
    def first(self) -> Row | None:
        """The first row, if there is one."""
        return self.rows[0] if self.rows else None

    @property
    def last(self) -> Row | None:
        """The last row, if there is one."""
        return self.rows[-1] if self.rows else None


async def page_of(rows: QuerySet[Row], window: Window, column: str = "id") -> Page[Row]:
    """Return a page of the rows that a question selects, by the column that orders them."""
    ascending = window.oldest_first
    past, ahead = ("gt", "lt") if ascending else ("lt", "gt")
    bounds: dict[str, Any] = {}
    if window.after is not None:
        bounds[f"{column}__{past}"] = window.after
    if window.before is not None:
        bounds[f"{column}__{ahead}"] = window.before
    order = column if window.is_ascending else f"-{column}"
    return paged(await rows.filter(**bounds).order_by(order).limit(window.limit + 1), window)


class PageStatement(Generic[Row]):
    """A question for the pages of many lists at once, one list for each key, in either direction.

    The statements are written for the largest ids first. Their keys end with the two ids between which the rows lie;
    the parameter after the keys is the number of rows. `n` tells to which key a row belongs.

    For PostgreSQL `keys` is the table of keys, and `page` selects the `rows` of one of them, by that name. `beside`:
    tables and shapes of what may be written with a row, by the column that has its id.
    """

    def __init__(
        self,
        name: str,
        shape: Shape[Row],
        *,
        rows: str,
        keys: str,
        page: str,
        sqlite: str,
        beside: Beside = NOTHING_BESIDE,
    ) -> None:
        numbered = shape.and_also(n=fields.BigIntField())
        postgres = f"SELECT {{{rows}}}, k.n - 1 AS n FROM {keys} CROSS JOIN LATERAL ({page}) {rows}"  # noqa: S608 - ours
        self._name, self._shape, self._beside = name, shape, beside
        self._rows, self._keys, self._page = rows, keys, page
        # The text for each form that is in use, and the statements in both directions for each text.
        self._forms: WeakKeyDictionary[Form, str | None] = WeakKeyDictionary()
        self._written: dict[str, tuple[Statement[Any], ...]] = {}
        self.descending: Statement[Any] = Statement(name, numbered, postgres=postgres, sqlite=sqlite)
        self.ascending: Statement[Any] = Statement(
            f"{name}, from the other end",
            numbered,
            postgres=postgres.replace(" DESC", " ASC"),
            sqlite=sqlite.replace(" DESC", " ASC"),
        )

    def written(self, form: Form, *, ascending: bool) -> Statement[Any] | None:
        """Return the question for the same pages as PostgreSQL writes them; None, where it cannot write them so.

        The form's literals are parameters, after the number of rows.
        """
        if form not in self._forms:
            text = self._writing(form)
            if text is not None and text not in self._written:
                if len(self._written) < CHOICES_MAX:
                    self._written[text] = tuple(
                        Statement(f"{self._name}, written", WRITTEN, postgres=one, sqlite="")
                        for one in (text, text.replace(" DESC", " ASC"))
                    )
                else:  # and none is ever forgotten
                    text = None
            self._forms[form] = text
        text = self._forms[form]
        return self._written[text][ascending] if text is not None else None

    def _writing(self, form: Form) -> str | None:
        limit = max(map(int, PARAMETER.findall(self._keys + self._page)))
        selected = Writer(self._beside, limit + 1).select(form, self._shape, self._rows)
        if selected is None:
            return None
        shape = self._shape.only(columns_of(form))
        page = COLUMNS.sub(lambda found: shape.select(found[1]), self._page)
        return written_page(self._keys, selected, page, self._rows)


def paged(found: Sequence[Row], window: Window) -> Page[Row]:
    """Return a page of what was found: one row more than wanted, if there are so many."""
    more, found = len(found) > window.limit, list(found[: window.limit])
    if window.from_end:
        return Page(found[::-1], has_next=window.before is not None, has_previous=more)
    return Page(found, has_next=more, has_previous=window.after is not None)
