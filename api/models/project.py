"""Environmental projects: what energy is donated to."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.ids import new_id
from api.models.paging import Page, PageStatement, Window, page_of
from api.models.partner import Partner
from api.models.rows import Shape
from api.models.statements import Statement
from api.models.texts import can_hold


class ProjectCategory(StrEnum):
    """What a project is for."""

    ECOLOGICAL_RESTORATION = "ECOLOGICAL_RESTORATION"
    WATER = "WATER"
    BIODIVERSITY = "BIODIVERSITY"
    EDUCATION = "EDUCATION"
    LOW_CARBON = "LOW_CARBON"


class ProjectStatus(StrEnum):
    """Stage of a project, in IATI's words."""

    PIPELINE = "PIPELINE"
    IMPLEMENTATION = "IMPLEMENTATION"
    FINALISATION = "FINALISATION"
    CLOSED = "CLOSED"
    CANCELLED = "CANCELLED"
    SUSPENDED = "SUSPENDED"


#: The one stage in which a project takes donations.
TAKES_DONATIONS = ProjectStatus.IMPLEMENTATION


class OrganisationRole(StrEnum):
    """Part of an organisation in a project, in IATI's words."""

    FUNDING = "FUNDING"
    ACCOUNTABLE = "ACCOUNTABLE"
    EXTENDING = "EXTENDING"
    IMPLEMENTING = "IMPLEMENTING"


class Project(Model):
    """An environmental project."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(max_length=64, unique=True)
    name_zh = fields.CharField(max_length=200)
    name_en = fields.CharField(max_length=200)
    description_zh = fields.TextField()
    description_en = fields.TextField()
    category = fields.CharEnumField(ProjectCategory, max_length=24)
    sector = fields.CharField(max_length=5)
    sdgs: list[int] = fields.JSONField()
    longitude = fields.FloatField(null=True)
    latitude = fields.FloatField(null=True)
    goal_g = fields.BigIntField(null=True)
    status = fields.CharEnumField(ProjectStatus, max_length=16)
    created_at = fields.DatetimeField()

    class Meta:
        table = "project"

    @property
    def is_open(self) -> bool:
        """Whether the project takes donations."""
        return self.status is TAKES_DONATIONS

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Project"]:
        """Return the projects of these ids, by id."""
        return {project.id: project for project in await cls.filter(id__in=list(ids))}

    @classmethod
    async def locked(cls, project_id: UUID) -> "Project | None":
        """Return a project, locked until the transaction at hand ends."""
        return await cls.filter(id=project_id).select_for_update().first()

    @classmethod
    async def page(
        cls, window: Window, category: ProjectCategory | None, status: ProjectStatus | None, partner_id: UUID | None
    ) -> "Page[Project]":
        """Return the projects that match, oldest first unless the window says otherwise."""
        rows = cls.all()
        if category is not None:
            rows = rows.filter(category=category)
        if status is not None:
            rows = rows.filter(status=status)
        if partner_id is not None:
            rows = rows.filter(id__in=list(await ProjectOrganisation.projects_of(partner_id)))
        return await page_of(rows, window)

    @classmethod
    async def by_code(cls, code: str) -> "Project | None":
        """Return the project of this code."""
        return await cls.get_or_none(code=code) if can_hold(cls, "code", code) else None


class ProjectOrganisation(Model):
    """An organisation's role in a project."""

    id = fields.UUIDField(primary_key=True)
    project: fields.ForeignKeyRelation[Project] = fields.ForeignKeyField("lucid.Project", on_delete=fields.RESTRICT)
    project_id: UUID
    partner: fields.ForeignKeyRelation[Partner] = fields.ForeignKeyField("lucid.Partner", on_delete=fields.RESTRICT)
    partner_id: UUID
    role = fields.CharEnumField(OrganisationRole, max_length=16)

    class Meta:
        table = "project_organisation"
        unique_together = (("project_id", "partner_id", "role"),)

    @classmethod
    async def by_projects(cls, project_ids: Collection[UUID]) -> "dict[UUID, list[ProjectOrganisation]]":
        """Return who takes part in these projects, by project id."""
        rows: dict[UUID, list[ProjectOrganisation]] = {}
        for row in await cls.filter(project_id__in=list(project_ids)).order_by("id"):
            rows.setdefault(row.project_id, []).append(row)
        return rows

    @classmethod
    async def projects_of(cls, partner_id: UUID, roles: Collection[OrganisationRole] | None = None) -> set[UUID]:
        """Return the ids of the projects that a partner takes part in: in one of these roles, or in whatever role."""
        parts = cls.filter(partner_id=partner_id)
        if roles is not None:
            parts = parts.filter(role__in=list(roles))
        rows: list[Any] = await parts.values_list("project_id", flat=True)
        return set(rows)

    @classmethod
    async def put(cls, project_id: UUID, parts: Collection[tuple[UUID, OrganisationRole]]) -> None:
        """Let these organisations take part in a project, and no others."""
        await cls.filter(project_id=project_id).delete()
        await cls.bulk_create(
            cls(id=new_id(), project_id=project_id, partner_id=partner_id, role=role) for partner_id, role in parts
        )


PROJECT = Shape.of(Project)
PROJECTS_BY_ID = Statement.by("projects by id", PROJECT, "project")
PROJECTS_BY_CODE = Statement.by("projects by code", PROJECT, "project", "code")

#: Keys: category, status, partner, each or None; then the bounds.
PROJECT_PAGES = PageStatement(
    "pages of projects",
    PROJECT,
    rows="p",
    keys="""
unnest($1::varchar[], $2::varchar[], $3::uuid[], $4::uuid[], $5::uuid[])
  WITH ORDINALITY AS k (category, status, partner_id, low, high, n)
""",
    page="""
  SELECT {p} FROM project p
  WHERE (k.category IS NULL OR p.category = k.category) AND (k.status IS NULL OR p.status = k.status)
    AND (k.partner_id IS NULL OR EXISTS (
      SELECT FROM project_organisation o WHERE o.project_id = p.id AND o.partner_id = k.partner_id))
    AND p.id > k.low AND p.id < k.high
  ORDER BY p.id DESC LIMIT $6
""",
    sqlite="""
SELECT {p}, k.key AS n
FROM json_each(?1) k CROSS JOIN project p ON p.id IN (
  SELECT q.id FROM project q
  WHERE (k.value ->> 0 IS NULL OR q.category = k.value ->> 0) AND (k.value ->> 1 IS NULL OR q.status = k.value ->> 1)
    AND (k.value ->> 2 IS NULL OR EXISTS (
      SELECT 1 FROM project_organisation o WHERE o.project_id = q.id AND o.partner_id = k.value ->> 2))
    AND q.id > k.value ->> 3 AND q.id < k.value ->> 4
  ORDER BY q.id DESC LIMIT ?2)
ORDER BY k.key, p.id DESC
""",
)


class Organisation(Protocol):
    """A partner with its part in a project."""

    id: UUID
    slug: str
    name_zh: str
    name_en: str
    kinds: list[str]
    role: OrganisationRole
    project_id: UUID


ORGANISATION: Shape[Any] = Shape.of(
    Partner, role=fields.CharEnumField(OrganisationRole, max_length=16), project_id=fields.UUIDField()
)
ORGANISATIONS_OF_PROJECTS: Statement[Organisation] = Statement(
    "organisations of projects",
    ORGANISATION,
    postgres="""
SELECT {p}, o.role, o.project_id FROM project_organisation o JOIN partner p ON p.id = o.partner_id
WHERE o.project_id = ANY($1) ORDER BY o.id
""",
    sqlite="""
SELECT {p}, o.role, o.project_id FROM project_organisation o JOIN partner p ON p.id = o.partner_id
WHERE o.project_id IN (SELECT value FROM json_each(?1)) ORDER BY o.id
""",
)
