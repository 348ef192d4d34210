"""Projects, open to everybody and changed by who answers for them, and their progress as it happens."""

from collections.abc import AsyncIterable, Awaitable
from functools import partial
from typing import Annotated, Any

import strawberry

from api import models
from api.access import Scope
from api.events.following import Progress
from api.ledger import Outcome, Refusal
from api.ledger.project_changes import Description, Organisations, Steward
from api.ledger.projects import add_project, set_project_organisations, set_project_status, update_project
from api.models import ProjectCategory, ProjectStatus
from api.models.loaders import NOTHING, ProjectPage
from api.models.rows import ALL
from api.resolvers.arguments import OfPartner, bad_input
from api.schema import node
from api.schema.catalogue import error
from api.schema.context import Info, Later
from api.schema.enums import ListOrder
from api.schema.errors import show
from api.schema.paging import After, Before, Connection, First, Last, Order, PagedAs, window
from api.schema.permissions import guarded, public
from api.schema.project import Project, ProjectProgress
from api.schema.project_change import (
    AddProjectInput,
    AddProjectPayload,
    GeoPointInput,
    ProjectOrganisationInput,
    SetProjectOrganisationsInput,
    SetProjectOrganisationsPayload,
    SetProjectStatusInput,
    SetProjectStatusPayload,
    TextInput,
    UpdateProjectInput,
    UpdateProjectPayload,
)

_projects = PagedAs(Project, shared=True)


@strawberry.type
class ProjectQueries:
    """What can be asked of projects."""

    @strawberry.field(description="Environmental projects, oldest first.", extensions=public())
    def projects(
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
    ) -> Later[Connection[Project]]:
        """Page through projects."""
        partner = node.require_id(partner_id, node.PARTNER) if partner_id is not None else None
        wanted = window(first, after, last, before, order)
        organisations = ALL if _projects.shows(info, "organisations") else NOTHING
        page = ProjectPage(category, status, partner, wanted, _projects.columns(info), organisations)
        return info.context.loaders.project_pages.load(page, _projects)

    @strawberry.field(description="A project, by its id or by its code.", extensions=public())
    def project(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Global id.")] = None,  # noqa: A002
        code: Annotated[str | None, strawberry.argument(description="Code.")] = None,
    ) -> Later[Project | None]:
        """Find a project."""
        if (id is None) is (code is None):
            raise bad_input("Say either id or code.")
        loaders = info.context.loaders
        if code is not None:
            return loaders.projects_by_code.load(code, Project.found)
        return loaders.projects.load(node.id_or_nobody(id or "", node.PROJECT), Project.found)


@strawberry.type
class ProjectMutations:
    """What can be done with projects."""

    @strawberry.mutation(
        description="Enter a project. It is in the pipeline until an operator opens it for donations.",
        extensions=guarded(Scope.PROJECTS_WRITE),
    )
    async def add_project(
        self,
        info: Info,
        input: Annotated[AddProjectInput, strawberry.argument(description="The project.")],  # noqa: A002
    ) -> AddProjectPayload:
        """Enter one."""
        columns = {
            **_texts("name", input.name),
            **_texts("description", input.description),
            **_place(input.location),
            "sector": input.sector,
            "sdgs": input.sdgs,
            "goal_g": input.goal,
        }
        parts = _organisations(input.organisations) if input.organisations is not None else None
        outcome = await _outcome(
            add_project(
                info.context.ledger.projects,
                _steward(info),
                input.code,
                input.category,
                Description(columns=columns),
                parts,
                input.idempotency_key,
            )
        )
        project = await _project(info, outcome)
        return AddProjectPayload(project=project, replayed=outcome.replayed, errors=show(outcome.refusal))

    @strawberry.mutation(
        description="Say something else of a project that you carry; operators of any.",
        extensions=guarded(Scope.PROJECTS_WRITE),
    )
    async def update_project(
        self,
        info: Info,
        input: Annotated[UpdateProjectInput, strawberry.argument(description="What changes.")],  # noqa: A002
    ) -> UpdateProjectPayload:
        """Describe one anew."""
        columns: dict[str, Any] = {}
        if input.name is not None:
            columns |= _texts("name", input.name)
        if input.description is not None:
            columns |= _texts("description", input.description)
        if input.location is not None:
            columns |= _place(input.location.value)
        if input.goal is not None:
            columns["goal_g"] = input.goal.value
        for name, given in (("sector", input.sector), ("sdgs", input.sdgs)):
            if given is not None:
                columns[name] = given
        outcome = await _outcome(
            update_project(
                info.context.ledger.projects,
                _steward(info),
                node.id_or_nobody(input.project_id, node.PROJECT),
                input.category,
                Description(columns=columns),
                input.idempotency_key,
            )
        )
        project = await _project(info, outcome)
        return UpdateProjectPayload(project=project, replayed=outcome.replayed, errors=show(outcome.refusal))

    @strawberry.mutation(
        description="Take a project that you carry to another stage; operators any, and only they open one.",
        extensions=guarded(Scope.PROJECTS_WRITE),
    )
    async def set_project_status(
        self,
        info: Info,
        input: Annotated[SetProjectStatusInput, strawberry.argument(description="Project and stage.")],  # noqa: A002
    ) -> SetProjectStatusPayload:
        """Take one to another stage."""
        project_id = node.id_or_nobody(input.project_id, node.PROJECT)
        outcome = await _outcome(
            set_project_status(
                info.context.ledger.projects, _steward(info), project_id, input.status, input.idempotency_key
            )
        )
        project = await _project(info, outcome)
        return SetProjectStatusPayload(project=project, replayed=outcome.replayed, errors=show(outcome.refusal))

    @strawberry.mutation(
        description="Say who takes part in a project, and so follows the donations to it. For operators.",
        extensions=guarded(Scope.PROJECTS_WRITE),
    )
    async def set_project_organisations(
        self,
        info: Info,
        input: Annotated[SetProjectOrganisationsInput, strawberry.argument(description="All who take part.")],  # noqa: A002
    ) -> SetProjectOrganisationsPayload:
        """Put a project into other hands."""
        project_id = node.id_or_nobody(input.project_id, node.PROJECT)
        parts = _organisations(input.organisations)
        outcome = await _outcome(
            set_project_organisations(
                info.context.ledger.projects, _steward(info), project_id, parts, input.idempotency_key
            )
        )
        project = await _project(info, outcome)
        return SetProjectOrganisationsPayload(project=project, replayed=outcome.replayed, errors=show(outcome.refusal))


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
    ) -> AsyncIterable[ProjectProgress]:
        """Follow a project's head."""
        context = info.context
        wanted = node.require_id(project_id, node.PROJECT)
        if not await models.Project.by_ids([wanted]):
            raise error("NOT_FOUND", "There is no such project.")
        return Progress(context.feed, context.caller.environment, wanted, show=partial(ProjectProgress.of, wanted))


def _steward(info: Info) -> Steward:
    caller, partnership = info.context.caller, info.context.partnership
    return Steward(
        partner_id=partnership.partner_id,
        environment=partnership.environment,
        is_operator=caller.is_operator,
        actor=f"key {caller.key_id}",
    )


async def _outcome(call: Awaitable[Outcome]) -> Outcome:
    try:
        return await call
    except Refusal as refusal:
        return Outcome(refusal=refusal)


async def _project(info: Info, outcome: Outcome) -> Project | None:
    if outcome.result_id is None:
        return None
    return await info.context.loaders.projects.load(outcome.result_id, Project.found)


def _texts(name: str, text: TextInput) -> dict[str, str]:
    return {f"{name}_zh": text.zh, f"{name}_en": text.en}


def _place(place: GeoPointInput | None) -> dict[str, float | None]:
    return {"longitude": place.longitude if place else None, "latitude": place.latitude if place else None}


def _organisations(given: list[ProjectOrganisationInput]) -> Organisations:
    return tuple((node.id_or_nobody(one.partner_id, node.PARTNER), one.role) for one in given)
