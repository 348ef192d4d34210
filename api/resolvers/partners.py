"""Who is calling, and who takes part."""

from typing import Annotated

import strawberry

from api import models
from api.resolvers.arguments import bad_input
from api.schema import node
from api.schema.context import Info, Later, arrived, later
from api.schema.enums import ListOrder
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.partner import Partner
from api.schema.permissions import public
from api.schema.user import User
from api.schema.viewer import Viewer


@strawberry.type
class PartnerQueries:
    """What can be asked of partners."""

    @strawberry.field(description="You, as your key says.", extensions=public())
    async def viewer(self, info: Info) -> Viewer:
        """Show the caller."""
        caller = info.context.caller
        return Viewer(
            partner=Partner.of(caller.partner) if caller.partner is not None else None,
            key_id=caller.key_id,
            environment=caller.environment,
            scopes=sorted(scope.value for scope in caller.scopes),
            user=await arrived(User.readable(info, caller.user_id)) if caller.user_id is not None else None,
            expires_at=caller.expires_at,
            token_expires_at=caller.token_expires_at,
        )

    @strawberry.field(description="Organisations that take part, oldest first.", extensions=public())
    async def partners(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.OLDEST,
    ) -> Connection[Partner]:
        """Page through partners."""
        page = await models.Partner.page(window(first, after, last, before, order))
        return connection(page, Partner.of)

    @strawberry.field(description="An organisation, by its id or by its slug.", extensions=public())
    def partner(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Global id.")] = None,  # noqa: A002
        slug: Annotated[str | None, strawberry.argument(description="Slug.")] = None,
    ) -> Later[Partner | None]:
        """Find a partner."""
        if (id is None) is (slug is None):
            raise bad_input("Say either id or slug.")
        if slug is not None:
            return later(models.Partner.by_slug(slug), Partner.found)
        return info.context.loaders.partners.load(node.id_or_nobody(id or "", node.PARTNER), Partner.found)
