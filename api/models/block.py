"""Blocks: what the sealer numbered in one go, chained by hashes so that no event can be changed unseen."""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.environment import Environment


class Block(Model):
    """A run of a project's events. Never updated, never deleted."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    project_id = fields.UUIDField()
    number = fields.BigIntField()
    first_sequence = fields.BigIntField()
    count = fields.IntField()
    total_after_g = fields.BigIntField()
    merkle_root = fields.CharField(max_length=64)
    previous_hash = fields.CharField(max_length=64)
    hash = fields.CharField(max_length=64)
    epoch = fields.BigIntField()
    sealed_at = fields.DatetimeField()

    class Meta:
        table = "block"
        unique_together = (("project_id", "environment", "number"),)

    @classmethod
    async def of_project(cls, project_id: UUID, environment: Environment) -> "list[Block]":
        """Return a project's blocks in order."""
        return await cls.filter(project_id=project_id, environment=environment).order_by("number")


class BlockRow(NamedTuple):
    """A block that is being written."""

    id: UUID
    environment: Environment
    project_id: UUID
    number: int
    first_sequence: int
    count: int  # type: ignore[assignment]  # it hides a method of tuples that nobody needs
    total_after_g: int
    merkle_root: str
    previous_hash: str
    hash: str
    epoch: int
    sealed_at: datetime


ADD_BLOCKS = insert(Block, *BlockRow._fields, row_type="closed_block")
