"""Where rows alone tell what is shown of them no view is made, on either database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Never

import strawberry
from graphql import ExecutionResult, OperationDefinitionNode, execute_sync, parse
from strawberry.schema.config import StrawberryConfig
from typing_extensions import override

from api.execution.compiler import Compiled
from api.ledger import Ledger, UserBy
from api.models import Page, Project, Transfer, UserLink, Window
from api.models.loaders import UserPage, loaders
from api.models.rows import ALL
from api.schema.action import Action
from api.schema.donation import Donation
from api.schema.scalars import SCALARS, format_moment
from api.schema.views import Views
from tests.conftest import Actor, bus, recording

ACTIONS = """{ actions {
  id type quantity startedAt endedAt status credited takenBack externalRef createdAt reversedAt
} }"""
DONATIONS = "{ donations { id amount createdAt project { id code createdAt status name { zh en } } } }"


@strawberry.type
class Query:
    @strawberry.field
    def actions(self, info: strawberry.Info[Any, Any]) -> list[Action]:
        found: list[Action] = info.root_value
        return found

    @strawberry.field
    def donations(self, info: strawberry.Info[Any, Any]) -> list[Donation]:
        found: list[Donation] = info.root_value
        return found


SCHEMA = strawberry.Schema(Query, config=StrawberryConfig(scalar_map=SCALARS))._schema


class Unseen(Views[Any]):
    """Views that nobody may look at one by one."""

    __slots__ = ()

    @override
    def __iter__(self) -> Iterator[Any]:
        raise AssertionError("a view was made")

    @override
    def __getitem__(self, index: object) -> Never:
        raise AssertionError("a view was made")


def read_by_rows(document: str, kind: type, page: Page[Any]) -> list[dict[str, Any]]:
    """Execute a document on a page's rows alone, and as graphql-core does on its views, with the same answer."""
    ast = parse(document)
    operation = ast.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    execution, data = Compiled(SCHEMA, ast, operation, {}).begin(None, Unseen(kind, page), {}, {})
    expected = execute_sync(SCHEMA, ast, Views(kind, page))
    assert isinstance(expected, ExecutionResult)
    assert (execution.errors, expected.errors) == ([], None)
    assert data == expected.data
    (found,) = data.values()
    return list(found)


async def models_of(page: Page[Any]) -> list[Transfer]:
    """Return what the ORM finds of the rows of a page, in their order."""
    found = await Transfer.by_ids([row.id for row in page.rows])
    return [found[row.id] for row in page.rows]


async def test_no_view_is_made_of_what_rows_tell(ledger: Ledger, app_partner: Actor, project: Project) -> None:
    caller, user = app_partner.partnership, UserBy(external_ref="u1")
    whole = bus().ended_at.replace(microsecond=0)
    trips = [bus(at=whole), bus(at=whole - timedelta(hours=3, microseconds=5)), bus(at=whole - timedelta(hours=6))]
    recorded = []
    for number, trip in enumerate(trips):
        (outcome,) = await ledger.record(caller, [recording("u1", f"trip-{number}", trip)])
        assert not isinstance(outcome, Exception)
        assert outcome.result_id is not None
        recorded.append(outcome.result_id)
    await ledger.reverse_action(caller, recorded[0], "void")
    for key in ("a", "b"):
        await ledger.donate(caller, user, project.id, 10, key)
    (link,) = await UserLink.all()

    found = loaders()
    asked = UserPage(link.user_id, caller.partner_id, caller.environment, Window(limit=10), ALL, ALL)
    actions = await found.action_pages.load(asked)
    donations = await found.donation_pages.load(asked)
    assert actions is not None
    assert donations is not None
    assert [len(page.rows) for page in (actions, donations)] == [3, 2]

    shown = read_by_rows(ACTIONS, Action, actions)
    assert [one["startedAt"] for one in shown] == [format_moment(trip.started_at) for trip in reversed(trips)]
    assert len({len(one["startedAt"]) for one in shown}) == 2  # whole seconds, and with microseconds
    for given, row in zip(read_by_rows(DONATIONS, Donation, donations), await models_of(donations), strict=True):
        assert given["createdAt"] == format_moment(row.created_at)
