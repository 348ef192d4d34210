"""Anything by its global id. What is not the caller's to see is not found."""

import asyncio
from typing import Annotated
from uuid import UUID

import strawberry

from api import models
from api.access import Scope
from api.resolvers.actions import visible_action
from api.resolvers.arguments import bad_input
from api.resolvers.donations import visible_donation
from api.resolvers.users import visible_user
from api.schema import node
from api.schema.action_type import ActionType
from api.schema.context import Info, arrived
from api.schema.event import DonationEvent
from api.schema.node import IdArgument, Node
from api.schema.partner import Partner
from api.schema.permissions import public
from api.schema.project import Project
from api.schema.user import UserBy

NODES_MAX = 100
#: What a key must open for its caller to be shown nodes of this kind.
SCOPES = {
    node.USER: Scope.USERS_READ,
    node.ACTION: Scope.ACTIONS_READ,
    node.DONATION: Scope.DONATIONS_READ,
    node.EVENT: Scope.EVENTS_READ,
}


@strawberry.type
class NodeQueries:
    """Anything by its id."""

    @strawberry.field(
        description="Anything by its global id; null for what is not there or not yours to see.", extensions=public()
    )
    async def node(self, info: Info, id: IdArgument) -> Node | None:  # noqa: A002 - it is the word of the schema
        """Find one."""
        return await _find(info, id)

    @strawberry.field(
        description=f"Up to {NODES_MAX} things by their global ids, in the order asked for.", extensions=public()
    )
    async def nodes(
        self, info: Info, ids: Annotated[list[strawberry.ID], strawberry.argument(description="Global ids.")]
    ) -> list[Node | None]:
        """Find many."""
        if len(ids) > NODES_MAX:
            raise bad_input("Ask for at most {most} nodes.", most=NODES_MAX)
        return await asyncio.gather(*(_find(info, one) for one in ids))


async def _find(info: Info, text: str) -> Node | None:
    decoded = models.decode_id(text)
    if decoded is None:
        return None
    prefix, row_id = decoded
    needed = SCOPES.get(prefix)
    if needed is not None and needed not in info.context.caller.scopes:
        return None
    loaders = info.context.loaders
    found: Node | None = None
    if prefix == node.USER:
        by = UserBy(id=strawberry.Some(strawberry.ID(text)), external_ref=None)
        found = await arrived(visible_user(info, by))
    elif prefix == node.ACTION:
        found = await visible_action(info, text)
    elif prefix == node.DONATION:
        found = await visible_donation(info, text)
    elif prefix == node.EVENT:
        found = await _event(info, row_id)
    elif prefix == node.PROJECT:
        found = await loaders.projects.load(row_id, Project.found)
    elif prefix == node.PARTNER:
        found = await loaders.partners.load(row_id, Partner.found)
    elif prefix == node.ACTION_TYPE:
        catalogue = info.context.ledger.catalogue
        await catalogue.refresh()
        found = next((ActionType.of(one) for one in catalogue.types.values() if one.id == row_id), None)
    return found


async def _event(info: Info, row_id: UUID) -> DonationEvent | None:
    caller = info.context.caller
    row = await info.context.loaders.events.load(row_id)
    if row is None or row.environment is not caller.environment:
        return None
    if not caller.is_operator and row.project_id not in await caller.projects():
        return None
    return DonationEvent.found(row)
