"""Projects, open to everybody, and their progress as it happens."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

import strawberry

from api import models
from api.models import ProjectCategory, ProjectStatus
from api.resolvers.arguments import OfPartner, bad_input
from api.schema import node
from api.schema.catalogue import error
from api.schema.context import Info
from api.schema.enums import ListOrder
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import public
from api.schema.project import Project, ProjectProgress


@strawberry.type
class ProjectQueries:
    """What can be asked of projects."""

    @strawberry.field(description="Environmental projects, oldest first.", extensions=public())
    async def projects(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.OLDEST,
        category: Annotated[ProjectCategory | None, strawberry.argument(description="Only of this category.")] = None,
        status: Annotated[ProjectStatus | None, strawberry.argument(description="Only at this stage.")] = None,
        partner_id: OfPartner = None,
    ) -> Connection[Project]:
        """Page through projects."""
        page = await models.Project.page(
            window(first, after, last, before, order),
            category,
            status,
            node.require_id(partner_id, node.PARTNER) if partner_id is not None else None,
        )
        return connection(page, Project.of)

    @strawberry.field(description="A project, by its id or by its code.", extensions=public())
    async def project(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Global id.")] = None,  # noqa: A002
        code: Annotated[str | None, strawberry.argument(description="Code.")] = None,
    ) -> Project | None:
        """Find a project."""
        if (id is None) is (code is None):
            raise bad_input("Say either id or code.")
        if code is not None:
            row = await models.Project.by_code(code)
        else:
            row = await info.context.loaders.projects.load(node.id_or_nobody(id or "", node.PROJECT))
        return Project.of(row) if row is not None else None


@strawberry.type
class ProjectSubscriptions:
    """What can be followed of projects."""

    @strawberry.subscription(
        description=(
            "How far a project has come: at once, and again whenever that changes. Several changes at a time "
            "come as one; who needs each donation follows `donationUpdates`."
        ),
        extensions=public(),
    )
    async def project_progress(
        self, info: Info, project_id: Annotated[strawberry.ID, strawberry.argument(description="The project.")]
    ) -> AsyncGenerator[ProjectProgress, None]:
        """Follow a project's head."""
        context = info.context
        wanted = node.require_id(project_id, node.PROJECT)
        if not await models.Project.by_ids([wanted]):
            raise error("NOT_FOUND", "There is no such project.")
        async with aclosing(context.feed.progress(wanted, context.caller.environment)) as heads:
            async for head in heads:
                yield ProjectProgress.of(wanted, head)
