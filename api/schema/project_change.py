"""What is sent to change projects, and what comes back."""

import strawberry

from api.models import OrganisationRole, ProjectCategory, ProjectStatus
from api.schema.errors import AddProjectError, SetProjectOrganisationsError, SetProjectStatusError, UpdateProjectError
from api.schema.project import Project
from api.schema.scalars import Grams


@strawberry.input(description="A text in Chinese and in English.")
class TextInput:
    """A text in both languages."""

    zh: str = strawberry.field(description="In simplified Chinese.")
    en: str = strawberry.field(description="In English.")


@strawberry.input(description="A place on Earth (WGS 84).")
class GeoPointInput:
    """A place on Earth."""

    longitude: float = strawberry.field(description="Degrees east, -180 to 180.")
    latitude: float = strawberry.field(description="Degrees north, -90 to 90.")


@strawberry.input(description="An organisation's part in a project.")
class ProjectOrganisationInput:
    """An organisation's part in a project."""

    partner_id: strawberry.ID = strawberry.field(description="Global id of the organisation.")
    role: OrganisationRole = strawberry.field(description="Its role.")


@strawberry.input(description="Enter a project. It takes donations when an operator opens it.")
class AddProjectInput:
    """Enter a project."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    code: str = strawberry.field(
        description="Short name in addresses, never changed: 1 to 64 small letters and digits, with single hyphens."
    )
    name: TextInput = strawberry.field(description="Name, at most 200 characters.")
    description: TextInput = strawberry.field(description="What is done, and why; at most 5,000 characters.")
    category: ProjectCategory = strawberry.field(description="What the project is for.")
    sector: str = strawberry.field(description="OECD-DAC sector code, for example 14015 water conservation.")
    sdgs: list[int] = strawberry.field(description="UN Sustainable Development Goals that it serves, by number.")
    location: GeoPointInput | None = strawberry.field(default=None, description="Where it is.")
    goal: Grams | None = strawberry.field(default=None, description="Energy that it hopes for.")
    organisations: list[ProjectOrganisationInput] | None = strawberry.field(
        default=None,
        description="Who takes part. If unsaid, an NGO itself, as implementing. Only operators name others.",
    )


@strawberry.input(description="Say something else of a project that you carry. What is left out stays.")
class UpdateProjectInput:
    """Say something else of a project."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    project_id: strawberry.ID = strawberry.field(description="The project.")
    name: TextInput | None = strawberry.field(default=None, description="Name, at most 200 characters.")
    description: TextInput | None = strawberry.field(
        default=None, description="What is done, and why; at most 5,000 characters."
    )
    category: ProjectCategory | None = strawberry.field(default=None, description="What the project is for.")
    sector: str | None = strawberry.field(default=None, description="OECD-DAC sector code.")
    sdgs: list[int] | None = strawberry.field(default=None, description="UN Sustainable Development Goals, by number.")
    location: strawberry.Maybe[GeoPointInput | None] = strawberry.field(
        description="Where it is; null for nowhere in particular."
    )
    goal: strawberry.Maybe[Grams | None] = strawberry.field(description="Energy that it hopes for; null for no goal.")


@strawberry.input(description="Take a project that you carry to another stage. Only operators open one for donations.")
class SetProjectStatusInput:
    """Take a project to another stage."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    project_id: strawberry.ID = strawberry.field(description="The project.")
    status: ProjectStatus = strawberry.field(description="The stage. A closed or cancelled project stays so.")


@strawberry.input(description="Say who takes part in a project, and so follows the donations to it. For operators.")
class SetProjectOrganisationsInput:
    """Say who takes part in a project."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    project_id: strawberry.ID = strawberry.field(description="The project.")
    organisations: list[ProjectOrganisationInput] = strawberry.field(
        description="All who take part, at most 50; who is not named takes part no longer."
    )


@strawberry.type(description="What became of an addProject call.")
class AddProjectPayload:
    """What became of the call."""

    project: Project | None = strawberry.field(description="The project; null when refused.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[AddProjectError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of an updateProject call.")
class UpdateProjectPayload:
    """What became of the call."""

    project: Project | None = strawberry.field(description="The project as it is now; null when refused.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[UpdateProjectError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of a setProjectStatus call.")
class SetProjectStatusPayload:
    """What became of the call."""

    project: Project | None = strawberry.field(description="The project as it is now; null when refused.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[SetProjectStatusError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of a setProjectOrganisations call.")
class SetProjectOrganisationsPayload:
    """What became of the call."""

    project: Project | None = strawberry.field(description="The project as it is now; null when refused.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[SetProjectOrganisationsError] = strawberry.field(
        description="Why it was refused; empty when it was not."
    )
