"""The audit log, for operators."""

from datetime import datetime
from typing import Self

import orjson
import strawberry

from api import models
from api.models import AuditKind
from api.schema import node
from api.schema.context import Info, Later
from api.schema.partner import Partner
from api.schema.project import Project


@strawberry.type(description="A change of who may do what. Entries are never changed.")
class AuditEntry:
    """A change of who may do what."""

    row: strawberry.Private[models.AuditEntry]
    id: strawberry.ID = strawberry.field(description="Identifier of the entry.")
    kind: AuditKind = strawberry.field(description="What was changed.")
    actor: str = strawberry.field(description="Who changed it: `command line`, or the public part of a key.")
    details: str = strawberry.field(description="What it was about, as JSON. No secrets.")
    created_at: datetime = strawberry.field(description="When.")

    @strawberry.field(description="The project that it is about.")
    def project(self, info: Info) -> Later[Project | None]:
        """Load the project."""
        if self.row.project_id is None:
            return None
        return info.context.loaders.projects.load(self.row.project_id, Project.found)

    @strawberry.field(description="The partner that it is about, or that changed a project.")
    def partner(self, info: Info) -> Later[Partner | None]:
        """Load the partner."""
        if self.row.partner_id is None:
            return None
        return info.context.loaders.partners.load(self.row.partner_id, Partner.found)

    @classmethod
    def of(cls, row: models.AuditEntry) -> Self:
        """Show a row."""
        return cls(
            row=row,
            id=node.global_id(node.AUDIT_ENTRY, row.id),
            kind=row.kind,
            actor=row.actor,
            details=orjson.dumps(row.details).decode(),
            created_at=row.created_at,
        )
