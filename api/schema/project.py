"""Projects, their place, their organisations, and how far they have come."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

import strawberry

from api import models
from api.models import Along, OrganisationRole, ProjectCategory, ProjectStatus
from api.models.project import Organisation
from api.schema import node
from api.schema.context import Info, Later
from api.schema.node import Node
from api.schema.partner import Partner
from api.schema.scalars import Grams
from api.schema.text import Text, text_of
from api.schema.views import OF_ROW_ALONE, ReadOnce, of_columns, shown, view


@strawberry.type(description="A place on Earth, as a GeoJSON Point.")
class GeoPoint:
    """A GeoJSON Point."""

    type: str = strawberry.field(description="Always Point.")
    coordinates: list[float] = strawberry.field(description="Longitude and latitude in degrees (WGS 84).")


@strawberry.type(description="An organisation's part in a project.")
class ProjectOrganisation:
    """An organisation's part in a project."""

    role: OrganisationRole = strawberry.field(description="Its role.")
    partner: Partner = strawberry.field(description="The organisation.")


@strawberry.type(description="How far a project has come, as of its last sealed event.")
class ProjectProgress:
    """How far a project has come."""

    project_id: strawberry.ID = strawberry.field(description="Global id of the project.")
    energy_raised: Grams = strawberry.field(description="Energy donated, less reversals.")
    donations: int = strawberry.field(description="Donations that stand.")
    donors: int = strawberry.field(description="People who have given.")
    sequence: int = strawberry.field(description="Number of the last event that is counted in.")
    updated_at: datetime | None = strawberry.field(description="When that event was sealed; null before the first.")

    @classmethod
    def of(cls, project_id: UUID, head: models.ProjectHead | None) -> Self:
        """Show a head; a project without events has none."""
        return cls(
            project_id=node.global_id(node.PROJECT, project_id),
            energy_raised=Grams(head.energy_g if head else 0),
            donations=head.donations if head else 0,
            donors=head.donors if head else 0,
            sequence=head.sequence if head else 0,
            updated_at=head.updated_at if head else None,
        )


def _place(shown: "Project") -> GeoPoint | None:
    row = shown.row
    if row.longitude is None or row.latitude is None:
        return None
    return GeoPoint(type="Point", coordinates=[row.longitude, row.latitude])


@view(
    id=node.id_of(node.PROJECT),
    name=text_of("name"),
    description=text_of("description"),
    location=ReadOnce(_place, "longitude", "latitude"),
    goal="goal_g",
)
@strawberry.type(description="An environmental project that energy can be donated to.")
class Project(Node):
    """An environmental project."""

    row: strawberry.Private[models.Project]
    #: The organisations of all projects that were loaded with it, if they were.
    along: strawberry.Private[Along | None] = None
    #: What was completed of it, for all requests that share it: the executor's.
    completed: strawberry.Private[dict[Any, Any] | None] = None
    code: str = strawberry.field(description="Short name in addresses, never changed.")
    name: Text = strawberry.field(description="Name.")
    description: Text = strawberry.field(description="What is done, and why.")
    category: ProjectCategory = strawberry.field(description="What the project is for.")
    sector: str = strawberry.field(description="OECD-DAC sector code, for example 14015 water conservation.")
    sdgs: list[int] = strawberry.field(description="UN Sustainable Development Goals that it serves, by number.")
    location: GeoPoint | None = strawberry.field(description="Where it is.")
    goal: Grams | None = strawberry.field(description="Energy that it hopes for; null if it has no goal.")
    status: ProjectStatus = strawberry.field(description="Its stage.")
    created_at: datetime = strawberry.field(description="When it was entered.")

    @strawberry.field(description="Who takes part, and how.", metadata=OF_ROW_ALONE | of_columns("id"))
    def organisations(self, info: Info) -> Later[list[ProjectOrganisation]]:
        """Load who takes part, if they did not come along."""
        if self.along is not None:
            return self.along.show(self.row.id, _organisations)
        return info.context.loaders.organisations.load(self.row.id, _organisations)

    @strawberry.field(description="How far it has come, in the caller's world.", metadata=of_columns("id"))
    def progress(self, info: Info) -> Later[ProjectProgress]:
        """Load its head."""
        context, project_id = info.context, self.row.id
        return context.loaders.heads.load(
            (project_id, context.caller.environment), lambda head: ProjectProgress.of(project_id, head)
        )

    @classmethod
    def there(cls, row: models.Project | None) -> Self:
        """Show a row that something refers to."""
        assert row is not None  # noqa: S101 - projects are never deleted
        return cls.of(row)

    @classmethod
    def found(cls, row: models.Project | None) -> Self | None:
        """Show a row, if there is one."""
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: models.Project) -> Self:
        """Show a row."""
        made = shown(cls, row)
        made.completed = {}
        return made


def _organisations(rows: list[Organisation] | None) -> list[ProjectOrganisation]:
    return [ProjectOrganisation(role=row.role, partner=Partner.of(row)) for row in rows or ()]
