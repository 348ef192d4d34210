"""Projects, their place, their organisations, and how far they have come."""

from datetime import datetime
from typing import Self
from uuid import UUID

import strawberry

from api import models
from api.models import OrganisationRole, ProjectCategory, ProjectStatus
from api.schema import node
from api.schema.context import Info
from api.schema.node import Node
from api.schema.partner import Partner
from api.schema.scalars import Grams
from api.schema.text import Text


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


@strawberry.type(description="An environmental project that energy can be donated to.")
class Project(Node):
    """An environmental project."""

    row: strawberry.Private[models.Project]
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

    @strawberry.field(description="Who takes part, and how.")
    async def organisations(self, info: Info) -> list[ProjectOrganisation]:
        """Load who takes part."""
        loaders = info.context.loaders
        rows = await loaders.organisations.load(self.row.id) or []
        partners = await loaders.partners.load_many([row.partner_id for row in rows])
        return [
            ProjectOrganisation(role=row.role, partner=Partner.of(partner))
            for row, partner in zip(rows, partners, strict=True)
            if partner is not None
        ]

    @strawberry.field(description="How far it has come, in the caller's world.")
    async def progress(self, info: Info) -> ProjectProgress:
        """Load its head."""
        return ProjectProgress.of(self.row.id, await info.context.loaders.heads.load(self.row.id))

    @classmethod
    def of(cls, row: models.Project) -> Self:
        """Show a row."""
        place = None
        if row.longitude is not None and row.latitude is not None:
            place = GeoPoint(type="Point", coordinates=[row.longitude, row.latitude])
        return cls(
            id=node.global_id(node.PROJECT, row.id),
            row=row,
            code=row.code,
            name=Text(zh=row.name_zh, en=row.name_en),
            description=Text(zh=row.description_zh, en=row.description_en),
            category=row.category,
            sector=row.sector,
            sdgs=list(row.sdgs),
            location=place,
            goal=None if row.goal_g is None else Grams(row.goal_g),
            status=row.status,
            created_at=row.created_at,
        )
