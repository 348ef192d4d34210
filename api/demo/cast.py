"""The organisations and projects of the demo data, from `cast.toml` into the database."""

import tomllib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from api.models import (
    OrganisationRole,
    Partner,
    PartnerKind,
    Project,
    ProjectCategory,
    ProjectOrganisation,
    ProjectStatus,
    new_id,
    now,
)
from api.models.database import transaction

FILE = Path(__file__).with_name("cast.toml")
OPERATOR = "lucid-operator"


@dataclass(frozen=True, kw_only=True)
class Cast:
    """Partners by slug, projects by code."""

    partners: dict[str, Partner]
    projects: dict[str, Project]

    @property
    def entered_at(self) -> datetime:
        """When the cast entered this database: every other time of the demo data goes by it."""
        return self.partners[OPERATOR].created_at


async def enter_cast() -> Cast:
    """Add the organisations and projects that the database lacks, all or none, and return them all."""
    content = tomllib.loads(FILE.read_text(encoding="utf-8"))
    cast = Cast(partners={}, projects={})
    async with transaction():
        for row in content["partner"]:
            partner = await Partner.by_slug(row["slug"])
            cast.partners[row["slug"]] = partner or await _add_partner(row)
        for row in content["project"]:
            project = await Project.by_code(row["code"])
            cast.projects[row["code"]] = project or await _add_project(row, cast.partners)
    return cast


async def _add_partner(row: dict[str, Any]) -> Partner:
    kinds = [PartnerKind(kind).value for kind in row["kinds"]]
    partner = Partner(id=new_id(), **{**row, "kinds": kinds}, created_at=now())
    await partner.save(force_create=True)
    return partner


async def _add_project(row: dict[str, Any], partners: dict[str, Partner]) -> Project:
    columns = {name: value for name, value in row.items() if name != "roles"}
    enums = {"category": ProjectCategory(row["category"]), "status": ProjectStatus(row["status"])}
    project = Project(id=new_id(), **{**columns, **enums}, created_at=now())
    await project.save(force_create=True)
    await ProjectOrganisation.bulk_create(
        ProjectOrganisation(id=new_id(), project=project, partner=partners[slug], role=OrganisationRole(role))
        for role, slugs in row["roles"].items()
        for slug in slugs
    )
    return project
