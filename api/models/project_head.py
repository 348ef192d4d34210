"""Where a project stands: its last number, its last block and its totals, one row for each world."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.environment import Environment
from api.models.rows import Shape
from api.models.statements import Statement


class ProjectHead(Model):
    """A project's totals, written by the sealer alone."""

    id = fields.UUIDField(primary_key=True)
    project_id = fields.UUIDField()
    environment = fields.CharEnumField(Environment, max_length=8)
    sequence = fields.BigIntField(default=0)
    energy_g = fields.BigIntField(default=0)
    donations = fields.BigIntField(default=0)
    donors = fields.BigIntField(default=0)
    block_number = fields.BigIntField(default=0)
    block_hash = fields.CharField(max_length=64)
    updated_at = fields.DatetimeField()

    class Meta:
        table = "project_head"
        unique_together = (("project_id", "environment"),)

    @classmethod
    async def everything(cls) -> "list[ProjectHead]":
        """Return all heads."""
        return await cls.all().order_by("project_id", "environment")

    @classmethod
    async def of_projects(cls, project_ids: Collection[UUID], environment: Environment) -> dict[UUID, "ProjectHead"]:
        """Return the heads of these projects in one world, by project id; a project without events has none."""
        rows = await cls.filter(project_id__in=list(project_ids), environment=environment)
        return {row.project_id: row for row in rows}


class ProjectDonor(Model):
    """What a user has given to a project, net of reversals, so that donors are counted once."""

    id = fields.UUIDField(primary_key=True)
    project_id = fields.UUIDField()
    environment = fields.CharEnumField(Environment, max_length=8)
    user_id = fields.UUIDField()
    energy_g = fields.BigIntField()

    class Meta:
        table = "project_donor"
        unique_together = (("project_id", "environment", "user_id"),)

    @classmethod
    async def count_of(cls, project_id: UUID, environment: Environment) -> int:
        """Return how many people have given to a project, net of reversals."""
        return await cls.filter(project_id=project_id, environment=environment, energy_g__gt=0).count()


HEAD = Shape.of(ProjectHead, n=fields.BigIntField())
#: Keys: project, environment.
HEADS = Statement(
    "heads of projects",
    HEAD,
    postgres="""
SELECT {h}, k.n - 1 AS n FROM unnest($1::uuid[], $2::varchar[]) WITH ORDINALITY AS k (project_id, environment, n)
JOIN project_head h ON h.project_id = k.project_id AND h.environment = k.environment
""",
    sqlite="""
SELECT {h}, k.key AS n FROM json_each(?1) k
CROSS JOIN project_head h ON h.project_id = k.value ->> 0 AND h.environment = k.value ->> 1
""",
)


class HeadRow(NamedTuple):
    """A head that is being written."""

    id: UUID
    project_id: UUID
    environment: Environment
    sequence: int
    energy_g: int
    donations: int
    donors: int
    block_number: int
    block_hash: str
    updated_at: datetime


PUT_HEADS = insert(ProjectHead, *HeadRow._fields, or_update=("project_id", "environment"), row_type="moved_head")


class GiftRow(NamedTuple):
    """What a user gives to a project, less than nothing where more is returned; `id` for the row of a new donor."""

    id: UUID
    project_id: UUID
    environment: Environment
    user_id: UUID
    energy_g: int


#: Adds gifts, of which each donor of a project has one, and returns what each has given now.
GIVE = Statement(
    "gifts of donors",
    Shape.of(ProjectDonor, "project_id", "environment", "user_id", "energy_g"),
    postgres="""
INSERT INTO project_donor AS d (id, project_id, environment, user_id, energy_g)
SELECT * FROM unnest($1::gift[])
ON CONFLICT (project_id, environment, user_id) DO UPDATE SET energy_g = d.energy_g + excluded.energy_g
RETURNING {d}
""",
    sqlite="""
INSERT INTO project_donor AS d (id, project_id, environment, user_id, energy_g)
SELECT k.value ->> 0, k.value ->> 1, k.value ->> 2, k.value ->> 3, k.value ->> 4 FROM json_each(?1) k WHERE true
ON CONFLICT (project_id, environment, user_id) DO UPDATE SET energy_g = d.energy_g + excluded.energy_g
RETURNING project_id, environment, user_id, energy_g
""",
)
