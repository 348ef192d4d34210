"""Connections: pages by keyset, in the shape that Relay and most clients know."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from operator import attrgetter
from typing import Annotated, Any, Generic, TypeAlias, TypeVar
from uuid import UUID

import strawberry

from api.models import Page, Window, decode_id, encode_id
from api.models.loaders import NOTHING
from api.models.rows import ALL, Columns
from api.models.written import Form, WrittenPage
from api.schema.catalogue import error
from api.schema.context import Info, found_out, selected
from api.schema.enums import ListOrder
from api.schema.views import ReadOnce, Views, WrittenViews, columns_of

PAGE_MAX = 100
PAGE_DEFAULT = 20
CURSOR = "cur"
BAD = "BAD_USER_INPUT"

#: What may be selected of a page of which there are no rows here.
OF_WRITTEN_PAGES = frozenset({"nodes", "pageInfo", "__typename"})

Item = TypeVar("Item")
_id_of = attrgetter("id")


First: TypeAlias = Annotated[
    int | None,
    strawberry.argument(description=f"How many from the start, at most {PAGE_MAX}; {PAGE_DEFAULT} if unsaid."),
]
After: TypeAlias = Annotated[str | None, strawberry.argument(description="Only items past this cursor.")]
Last: TypeAlias = Annotated[
    int | None, strawberry.argument(description=f"How many from the end, at most {PAGE_MAX}; not together with first.")
]
Before: TypeAlias = Annotated[str | None, strawberry.argument(description="Only items ahead of this cursor.")]
Order: TypeAlias = Annotated[ListOrder, strawberry.argument(description="In which order the list comes.")]


@strawberry.type(description="Where a page lies in its list.")
class PageInfo:
    """Where a page lies in its list."""

    has_next_page: bool = strawberry.field(description="Whether more items follow.")
    has_previous_page: bool = strawberry.field(description="Whether items come before.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first item of the page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last item of the page: the next `after`.")


@strawberry.type(description="An item of a list with its cursor.")
class Edge(Generic[Item]):
    """An item of a list with its cursor."""

    cursor: str = strawberry.field(description="Opaque position of the item; it stays valid.")
    node: Item = strawberry.field(description="The item.")


@strawberry.type(description="A page of a list.")
class Connection(Generic[Item]):
    """A page of a list."""

    page: strawberry.Private[Any]
    make: strawberry.Private[Callable[[Any], Sequence[Any]]]
    key: strawberry.Private[Callable[[Any], UUID]]
    #: What was completed of it, where requests share it: the executor's.
    completed: strawberry.Private[dict[Any, Any] | None] = None
    nodes: list[Item] = strawberry.field(description="The items of the page.")
    edges: list[Edge[Item]] = strawberry.field(description="The items of the page with their cursors.")
    page_info: PageInfo = strawberry.field(description="Where the page lies in its list.")


def _nodes(shown: Connection[Item]) -> Sequence[Item]:
    return shown.make(shown.page)


def _edges(shown: Connection[Item]) -> list[Edge[Item]]:
    return [
        Edge(cursor=encode_id(CURSOR, shown.key(row)), node=node)
        for row, node in zip(shown.page.rows, shown.nodes, strict=True)
    ]


def _page_info(shown: Connection[Item]) -> PageInfo:
    page, key = shown.page, shown.key
    return PageInfo(
        has_next_page=page.has_next,
        has_previous_page=page.has_previous,
        start_cursor=encode_id(CURSOR, key(page.first)) if page.first is not None else None,
        end_cursor=encode_id(CURSOR, key(page.last)) if page.last is not None else None,
    )


# Each when it is asked for, and once: most ask for the nodes alone.
for _name, _make in (("nodes", _nodes), ("edges", _edges), ("page_info", _page_info)):
    _once = ReadOnce(_make)
    _once.__set_name__(Connection, _name)
    setattr(Connection, _name, _once)


@lru_cache(1_000)
def window(
    first: int | None, after: str | None, last: int | None, before: str | None, order: ListOrder = ListOrder.NEWEST
) -> Window:
    """Return the window that the arguments describe.

    Raises: GraphQLError with code BAD_USER_INPUT when they contradict each other or are out of bounds.
    """
    if first is not None and last is not None:
        raise error(BAD, "Say first or last, not both.")
    limit = last if last is not None else first if first is not None else PAGE_DEFAULT
    if not 1 <= limit <= PAGE_MAX:
        raise error(BAD, "A page has 1 to {most} items.", most=PAGE_MAX)
    return Window(
        limit=limit,
        after=_read_cursor(after),
        before=_read_cursor(before),
        from_end=last is not None,
        oldest_first=order is ListOrder.OLDEST,
    )


def connection(page: Page[Any], make: Callable[[Any], Item], key: Callable[[Any], UUID] = _id_of) -> Connection[Item]:
    """Return a page of rows as a connection of what `make` makes of each."""
    return _connection(page, lambda page: [make(row) for row in page.rows], key)


class PagedAs(Generic[Item]):
    """Shows a page that a loader has found as a connection of one type; for `shared` ones many requests wait."""

    def __init__(self, kind: type[Item], *, shared: bool = False) -> None:
        self._kind: type = kind
        self._shared = shared
        self._views: Callable[[Any], Sequence[Item]] = partial(Views, kind)
        self._written: Callable[[Any], Any] = partial(WrittenViews, kind)

    def __call__(self, page: "Page[Any] | WrittenPage | None") -> Connection[Item]:
        """Show a page."""
        assert page is not None  # noqa: S101 - a page that has no rows is a page
        shown = _connection(page, self._written if type(page) is WrittenPage else self._views, _id_of)
        if self._shared:
            shown.completed = {}
        return shown

    def shows(self, info: Info, field: str) -> bool:
        """Tell whether a field of the items is selected below a connection."""
        return any(_below(info, field))

    def columns(self, info: Info) -> Columns:
        """Return the columns of the rows that are wanted by what is selected below a connection."""
        return found_out(info, self, lambda: self._columns(info))

    def form(self, info: Info) -> Form | None:
        """Return how the items may be written by the database, if no more is selected of the page than they are."""
        forms: Mapping[str, Form] | None = getattr(info, "forms", None)
        if not forms:
            return None
        names = selected(info)
        return forms.get("nodes") if names is not None and names <= OF_WRITTEN_PAGES else None

    def along(self, info: Info, field: str, kind: type) -> Columns:
        """Return the columns that are wanted of what a field of the items shows; none, where it need not come along."""
        return found_out(info, (self, field), lambda: self._along(info, field, kind))

    def _columns(self, info: Info) -> Columns:
        selections = _below(info)
        return columns_of(self._kind, *selections) if selections else ALL

    def _along(self, info: Info, field: str, kind: type) -> Columns:
        selections = _below(info, field)
        return columns_of(kind, *selections) if any(selections) else NOTHING


def _below(info: Info, *path: str) -> tuple[frozenset[str], ...]:
    """Return the names of the fields that are selected below the items of a connection; nothing, if it is not known."""
    nodes, edges = selected(info, "nodes", *path), selected(info, "edges", "node", *path)
    return (nodes, edges) if nodes is not None and edges is not None else ()


def _connection(
    page: "Page[Any] | WrittenPage", make: Callable[[Any], Sequence[Item]], key: Callable[[Any], UUID]
) -> Connection[Item]:
    shown: Connection[Item] = object.__new__(Connection)
    shown.page = page
    shown.make = make
    shown.key = key
    return shown


def _read_cursor(text: str | None) -> UUID | None:
    if text is None:
        return None
    decoded = decode_id(text)
    if decoded is None or decoded[0] != CURSOR:
        raise error(BAD, "The cursor is not one that this list has given out.")
    return decoded[1]
