"""Loaders: rows by key, for all requests of the process together.

What a request asks for goes out with what the others ask for at the same moment, in one statement for each kind.
Nothing is kept between batches, so an answer is never older than its question.

**Whose rows.** A batch has many callers, so a statement cannot ask for "mine". Either the key says for whom (a partner
and its world), and the statement finds nothing else; or the rows are anybody's to see (projects, partners); or they are
found by a bare id, and whoever shows them looks whose they are: `users`, `actions`, `transfers`, `reversals`, `sums`
and `events` have to be asked for with an id that the caller has been shown, or checked afterwards.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextvars import Context
from operator import attrgetter, itemgetter
from typing import Any, NamedTuple, TypeAlias, TypeVar
from uuid import UUID

from api.batching import Lanes, Loader
from api.models.action import ACTION_PAGES, ACTIONS_BY_ID, CALCULATIONS, Action
from api.models.api_key import KEYS_BY_ID, ApiKey
from api.models.environment import Environment
from api.models.event import EVENTS_BY_ID, EVENTS_BY_TRANSFER, Event
from api.models.moves import MOVE_PAGES, SUMS
from api.models.paging import Along, Page, PageStatement, Window, paged
from api.models.partner import PARTNERS_BY_ID, Partner
from api.models.project import (
    ORGANISATIONS_OF_PROJECTS,
    PROJECT_PAGES,
    PROJECTS_BY_CODE,
    PROJECTS_BY_ID,
    Organisation,
    Project,
    ProjectCategory,
    ProjectStatus,
)
from api.models.project_head import HEADS, ProjectHead
from api.models.rows import ALL, Columns
from api.models.sandbox_clock import CLOCKS, SandboxClock
from api.models.statements import Kept, Statement, kept
from api.models.transfer import (
    DONATION_PAGES,
    REVERSALS,
    TRANSFERS_BY_ID,
    Transfer,
    TransferKind,
)
from api.models.user import USERS_BY_ID, UserWithBalance
from api.models.user_link import LINKED_USERS, NAMED_USERS, LinkedUser
from api.models.written import Form, WrittenPage, parameters

Key = TypeVar("Key", bound=tuple[Any, ...])
Row = TypeVar("Row")
Ask: TypeAlias = Callable[[list[Any]], Awaitable[Mapping[Any, Any]]]
#: Takes ids that the rows of pages refer to, and returns by id these columns of what has them.
Bring: TypeAlias = Callable[[list[UUID], Columns], Awaitable[Mapping[Any, Any]]]
#: Takes a row, and returns the id that it refers to.
ReferOf: TypeAlias = Callable[[Any], UUID]

#: To which key a row belongs: it is the last column.
NUMBER = itemgetter(-1)

_id_of = attrgetter("id")
_project_of = attrgetter("project_id")

#: So many parts of a page's key name the list that it is of.
NAMING = 3
#: What does not come along with a page.
NOTHING: Columns = frozenset()

#: Rows by their keys in one statement: those of some requests, a page each.
ROWS_MAX = 256
#: Users and pages in one statement. Larger batches leave the database idle while they are answered, and this process
#: while they are read.
REQUESTS_MAX = 32


class ProjectPage(NamedTuple):
    """A page of the projects that match, with these columns, and along with them these of their organisations.

    If it can be written by the form, it comes written.
    """

    category: ProjectCategory | None
    status: ProjectStatus | None
    partner_id: UUID | None
    window: Window
    columns: Columns = ALL
    along: Columns = NOTHING
    form: Form | None = None


class UserPage(NamedTuple):
    """A page of what one partner did for one user in one world, with these columns, and along with it some of projects.

    If it can be written by the form, it comes written.
    """

    user_id: UUID
    partner_id: UUID
    environment: Environment
    window: Window
    columns: Columns = ALL
    along: Columns = NOTHING
    form: Form | None = None


class Loaders:
    """The loaders of one database."""

    def __init__(self, connections: Kept) -> None:
        self._kept = connections
        # An empty context: a request's would live as long as the loaders, and is another's business.
        lanes = Lanes(connections.lanes, Context())

        def rows(ask: Ask, size: int = ROWS_MAX) -> Loader[Any, Any]:
            return Loader(ask, size=size, lanes=lanes)

        # Anybody's to see.
        self.partners: Loader[UUID, Partner] = rows(self._by(PARTNERS_BY_ID))
        self.projects: Loader[UUID, Project] = rows(self._by(PROJECTS_BY_ID))
        self.projects_by_code: Loader[str, Project] = rows(self._by(PROJECTS_BY_CODE, "code"))
        self.organisations: Loader[UUID, list[Organisation]] = rows(
            self._lists(ORGANISATIONS_OF_PROJECTS, "project_id")
        )
        self.project_pages: Loader[ProjectPage, Page[Project]] = rows(
            self._pages(PROJECT_PAGES, self._organisations), REQUESTS_MAX
        )
        # For whom is in the key.
        self.heads: Loader[tuple[UUID, Environment], ProjectHead] = rows(self._each(HEADS))
        self.linked_users: Loader[tuple[UUID, Environment, UUID], LinkedUser] = rows(self._each(LINKED_USERS))
        self.named_users: Loader[tuple[UUID, Environment, str], LinkedUser] = rows(self._each(NAMED_USERS))
        self.action_pages: Loader[UserPage, Page[Action]] = rows(self._pages(ACTION_PAGES), REQUESTS_MAX)
        self.donation_pages: Loader[UserPage, Page[Transfer]] = rows(
            self._pages(DONATION_PAGES, self._projects, _project_of), REQUESTS_MAX
        )
        self.move_pages: Loader[UserPage, Page[Transfer]] = rows(self._pages(MOVE_PAGES), REQUESTS_MAX)
        # By a bare id: who shows them looks whose they are.
        self.users: Loader[UUID, UserWithBalance] = rows(self._by(USERS_BY_ID))
        self.actions: Loader[UUID, Action] = rows(self._by(ACTIONS_BY_ID))
        self.calculations: Loader[UUID, Action] = rows(self._by(CALCULATIONS))
        self.transfers: Loader[UUID, Transfer] = rows(self._by(TRANSFERS_BY_ID))
        self.reversals: Loader[UUID, Transfer] = rows(self._by(REVERSALS, "reverses"))
        self.sums: Loader[UUID, Mapping[TransferKind, int]] = rows(self._sums)
        self.events: Loader[UUID, Event] = rows(self._by(EVENTS_BY_ID))
        self.events_by_transfer: Loader[UUID, Event] = rows(self._by(EVENTS_BY_TRANSFER, "transfer_id"))
        self.keys: Loader[str, ApiKey] = rows(self._by(KEYS_BY_ID))
        self.clocks: Loader[UUID, SandboxClock] = rows(self._by(CLOCKS, "partner_id"))

    def _by(self, statement: Statement[Any], column: str = "id") -> Ask:
        """Ask for one row for each value of a column."""
        key_of = attrgetter(column)

        async def ask(keys: list[Any]) -> Mapping[Any, Any]:
            rows = await self._kept.fetch(statement, keys)
            return dict(zip(map(key_of, rows), rows, strict=True))

        return ask

    def _lists(self, statement: Statement[Any], column: str) -> Ask:
        """Ask for all rows with each value of a column."""
        key_of = attrgetter(column)

        async def ask(keys: list[Any]) -> Mapping[Any, Any]:
            lists: dict[Any, list[Any]] = {key: [] for key in keys}
            for row in await self._kept.fetch(statement, keys):
                lists[key_of(row)].append(row)
            return lists

        return ask

    def _each(self, statement: Statement[Any]) -> Ask:
        """Ask for one row for each key of several parts."""

        async def ask(keys: list[Any]) -> Mapping[Any, Any]:
            return {keys[row.n]: row for row in await self._kept.fetch_each(statement, keys)}

        return ask

    def _pages(self, statement: PageStatement[Any], bring: Bring | None = None, refer: ReferOf = _id_of) -> Ask:
        """Ask for a page for each key: in one statement for those that are alike.

        `bring` finds what the rows refer to, by the ids that `refer` takes of them, where a key wants it along.
        """

        async def ask(keys: list[Any]) -> Mapping[Any, Any]:
            alike: dict[tuple[Any, ...], list[Any]] = {}
            for key in keys:
                window = key.window
                form = key.form if self._kept.writes_pages and not window.from_end else None
                alike.setdefault((window.is_ascending, window.limit, key.columns, form), []).append(key)
            pages: dict[Any, Any] = {}
            for (is_ascending, limit, columns, form), group in alike.items():
                left = group
                if form is not None and (writing := statement.written(form, ascending=is_ascending)) is not None:
                    bounded = [_bounded(key) for key in group]
                    written = await self._kept.fetch_each(writing, bounded, limit + 1, *parameters(form))
                    left = []
                    for key, row in zip(group, written, strict=True):
                        if row.whole == row.count:
                            pages[key] = WrittenPage(form, limit, row, has_previous=key.window.after is not None)
                        else:
                            left.append(key)
                if left:
                    chosen = (statement.ascending if is_ascending else statement.descending).only(columns)
                    found: list[list[Any]] = [[] for _ in left]
                    rows = await self._kept.fetch_each(chosen, [_bounded(key) for key in left], limit + 1)
                    for number, row in zip(map(NUMBER, rows), rows, strict=True):
                        found[number].append(row)
                    pages |= {key: paged(one, key.window) for key, one in zip(left, found, strict=True)}
            if bring is not None:
                await _accompany(pages, bring, refer)
            return pages

        return ask

    async def _organisations(self, project_ids: list[UUID], columns: Columns) -> Mapping[Any, Any]:
        return await self._lists(ORGANISATIONS_OF_PROJECTS.only(columns), "project_id")(project_ids)

    async def _projects(self, ids: list[UUID], columns: Columns) -> Mapping[Any, Any]:
        return await self._by(PROJECTS_BY_ID.only(columns))(list(set(ids)))

    async def _sums(self, user_ids: list[UUID]) -> Mapping[UUID, Mapping[TransferKind, int]]:
        sums: dict[UUID, dict[TransferKind, int]] = {user_id: {} for user_id in user_ids}
        for row in await self._kept.fetch(SUMS, user_ids):
            sums[row.user_id][row.kind] = row.grams
        return sums


def _bounded(key: Any) -> tuple[Any, ...]:
    """Return the list that a key names, and the ids between which its page lies."""
    return (*key[:NAMING], *key.window.bounds)


async def _accompany(pages: Mapping[Any, Any], bring: Bring, refer: ReferOf) -> None:
    """Let come along what rows refer to, for the pages that ask for it: once for those that ask for the same."""
    accompanied: dict[Columns, list[Any]] = {}
    for key, page in pages.items():
        if key.along and type(page) is not WrittenPage:  # which has all in its text
            accompanied.setdefault(key.along, []).append(page)
    for columns, together in accompanied.items():
        ids: list[UUID] = []
        for page in together:
            ids += map(refer, page.rows)
        along = Along(await bring(ids, columns))
        for page in together:
            page.along = along


def loaders() -> Loaders:
    """Return the loaders of the current database."""
    connections = kept()
    if not isinstance(connections.loaders, Loaders):
        connections.loaders = Loaders(connections)
    return connections.loaders
