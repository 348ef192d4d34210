"""The changes of a project, as they are decided: entered, described, taken from stage to stage, in whose hands.

Whoever carries a project (its implementing or accountable organisation) describes it and may stop it. What opens it for
donations, and who takes part, is for operators: it decides which donations an organisation sees.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID

from typing_extensions import override

from api.ledger.errors import (
    InvalidInput,
    PartnerNotFound,
    ProjectCodeUsed,
    ProjectNotFound,
    ProjectNotYours,
    ProjectStatusNotAllowed,
)
from api.ledger.once import Request
from api.models import (
    AuditEntry,
    AuditKind,
    Environment,
    OrganisationRole,
    Partner,
    Project,
    ProjectCategory,
    ProjectOrganisation,
    ProjectStatus,
    new_id,
)

NAME_MAX = 200
DESCRIPTION_MAX = 5_000
GOALS_OF_SDG = range(1, 18)
CARRIERS = frozenset({OrganisationRole.IMPLEMENTING, OrganisationRole.ACCOUNTABLE})

#: Which stages follow a stage. What is closed or cancelled stays so.
NEXT: Mapping[ProjectStatus, frozenset[ProjectStatus]] = {
    ProjectStatus.PIPELINE: frozenset({ProjectStatus.IMPLEMENTATION, ProjectStatus.CANCELLED}),
    ProjectStatus.IMPLEMENTATION: frozenset(
        {ProjectStatus.FINALISATION, ProjectStatus.SUSPENDED, ProjectStatus.CANCELLED}
    ),
    ProjectStatus.SUSPENDED: frozenset(
        {ProjectStatus.IMPLEMENTATION, ProjectStatus.FINALISATION, ProjectStatus.CANCELLED}
    ),
    ProjectStatus.FINALISATION: frozenset({ProjectStatus.IMPLEMENTATION, ProjectStatus.CLOSED}),
    ProjectStatus.CLOSED: frozenset(),
    ProjectStatus.CANCELLED: frozenset(),
}

Organisations = tuple[tuple[UUID, OrganisationRole], ...]


@dataclass(frozen=True, kw_only=True)
class Steward:
    """Who changes projects; `actor` is what the audit log calls it."""

    partner_id: UUID
    environment: Environment
    is_operator: bool
    actor: str


@dataclass(frozen=True, kw_only=True)
class Description:
    """What is said of a project: the columns by their names. None removes what may be missing."""

    columns: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Refuse what can never be right.

        Raises: InvalidInput.
        """
        for name, most in (("name", NAME_MAX), ("description", DESCRIPTION_MAX)):
            for language in ("zh", "en"):
                text = self.columns.get(f"{name}_{language}")
                if text is not None and not (1 <= len(text) <= most and text.replace("\n", "").isprintable()):
                    path = (name, language)
                    raise InvalidInput(
                        path=path, reason="Expected 1 to {most} printable characters.", case={"most": most}
                    )
        sector = self.columns.get("sector")
        if sector is not None and not (len(sector) == 5 and sector.isascii() and sector.isdecimal()):
            raise InvalidInput(path=("sector",), reason="A sector is a code of five digits (OECD-DAC).")
        sdgs: Sequence[int] | None = self.columns.get("sdgs")
        if sdgs is not None and not (sdgs and len(set(sdgs)) == len(sdgs) and set(sdgs) <= set(GOALS_OF_SDG)):
            raise InvalidInput(path=("sdgs",), reason="Name goals from 1 to 17, each once.")
        longitude, latitude = self.columns.get("longitude"), self.columns.get("latitude")
        if longitude is not None and latitude is not None and not (abs(longitude) <= 180 and abs(latitude) <= 90):
            raise InvalidInput(
                path=("location",), reason="A longitude is from -180 to 180 degrees, a latitude from -90 to 90."
            )
        if self.columns.get("goal_g") == 0:
            raise InvalidInput(path=("goal",), reason="A goal is at least 1 gram; leave it out if there is none.")


@dataclass(frozen=True, kw_only=True)
class _Change(Request):
    """A change of projects, asked for by a steward."""

    steward: Steward

    async def note(self, kind: AuditKind, project_id: UUID, **details: Any) -> None:
        """Add to the audit log."""
        steward = self.steward
        await AuditEntry.note(kind, steward.actor, partner_id=steward.partner_id, project_id=project_id, **details)


@dataclass(frozen=True, kw_only=True)
class AddProject(_Change):
    """Enter a project; it takes donations when an operator opens it."""

    operation: ClassVar[str] = "addProject"

    code: str
    category: ProjectCategory
    description: Description
    organisations: Organisations

    @override
    def asked(self) -> dict[str, Any]:
        columns = dict(self.description.columns)
        return {"code": self.code, "category": self.category, "organisations": written(self.organisations), **columns}

    @override
    async def decide(self) -> UUID:
        if await Project.by_code(self.code) is not None:
            raise ProjectCodeUsed(project_code=self.code)
        await require_partners(self.organisations)
        project = await Project.create(
            id=new_id(self.at),
            code=self.code,
            category=self.category,
            status=ProjectStatus.PIPELINE,
            created_at=self.at,
            **self.description.columns,
        )
        await ProjectOrganisation.put(project.id, self.organisations)
        await self.note(AuditKind.PROJECT_ADDED, project.id, code=self.code, organisations=written(self.organisations))
        return project.id


@dataclass(frozen=True, kw_only=True)
class UpdateProject(_Change):
    """Say something else of a project."""

    operation: ClassVar[str] = "updateProject"

    project_id: UUID
    category: ProjectCategory | None
    description: Description

    @override
    def asked(self) -> dict[str, Any]:
        return {"project_id": str(self.project_id), "category": self.category, **self.description.columns}

    @override
    async def decide(self) -> UUID:
        project = await carried(self.steward, self.project_id)
        columns = {**self.description.columns, **({"category": self.category} if self.category is not None else {})}
        changed = {name: value for name, value in columns.items() if getattr(project, name) != value}
        if changed:
            project.update_from_dict(changed)
            await project.save(update_fields=list(changed))
            await self.note(AuditKind.PROJECT_UPDATED, project.id, code=project.code, changed=sorted(changed))
        return project.id


@dataclass(frozen=True, kw_only=True)
class SetProjectStatus(_Change):
    """Take a project to another stage."""

    operation: ClassVar[str] = "setProjectStatus"

    project_id: UUID
    status: ProjectStatus

    @override
    def asked(self) -> dict[str, Any]:
        return {"project_id": str(self.project_id), "status": self.status}

    @override
    async def decide(self) -> UUID:
        project = await carried(self.steward, self.project_id)
        before = project.status
        if self.status is before:
            return project.id
        allowed = NEXT[before] - (frozenset() if self.steward.is_operator else {ProjectStatus.IMPLEMENTATION})
        if self.status not in allowed:
            raise ProjectStatusNotAllowed(status=before.value, allowed=sorted(one.value for one in allowed))
        project.status = self.status
        await project.save(update_fields=["status"])
        stages = {"before": before.value, "after": self.status.value}
        await self.note(AuditKind.PROJECT_STATUS_CHANGED, project.id, code=project.code, **stages)
        return project.id


@dataclass(frozen=True, kw_only=True)
class SetProjectOrganisations(_Change):
    """Say who takes part in a project, and so who sees the donations to it."""

    operation: ClassVar[str] = "setProjectOrganisations"

    project_id: UUID
    organisations: Organisations

    @override
    def asked(self) -> dict[str, Any]:
        return {"project_id": str(self.project_id), "organisations": written(self.organisations)}

    @override
    async def decide(self) -> UUID:
        project = await carried(self.steward, self.project_id)
        if not self.steward.is_operator:
            raise ProjectNotYours
        await require_partners(self.organisations)
        rows = (await ProjectOrganisation.by_projects([project.id])).get(project.id, [])
        before: Organisations = tuple((row.partner_id, row.role) for row in rows)
        if set(before) != set(self.organisations):
            await ProjectOrganisation.put(project.id, self.organisations)
            parts = {"before": written(before), "after": written(self.organisations)}
            await self.note(AuditKind.PROJECT_PARTNERS_CHANGED, project.id, code=project.code, **parts)
        return project.id


async def carried(steward: Steward, project_id: UUID) -> Project:
    """Return a project that a steward may change, locked.

    Raises: ProjectNotFound, ProjectNotYours.
    """
    project = await Project.locked(project_id)
    if project is None:
        raise ProjectNotFound
    if steward.is_operator or project_id in await ProjectOrganisation.projects_of(steward.partner_id, CARRIERS):
        return project
    raise ProjectNotYours


async def require_partners(organisations: Organisations) -> None:
    """Refuse organisations that are not there.

    Raises: PartnerNotFound.
    """
    known = await Partner.by_ids({partner_id for partner_id, _ in organisations})
    for index, (partner_id, _) in enumerate(organisations):
        if partner_id not in known:
            raise PartnerNotFound(path=("organisations", str(index), "partnerId"))


def written(organisations: Organisations) -> list[str]:
    """Return organisations as the audit log holds them."""
    return [f"{partner_id} {role}" for partner_id, role in sorted(organisations)]
