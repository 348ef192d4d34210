"""Events: facts with their contiguous number in their project, which is how a follower proves that it missed none."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.environment import Environment
from api.models.rows import Shape
from api.models.statements import Statement


class EventKind(StrEnum):
    """What happened to a project."""

    DONATION = "DONATION"
    DONATION_REVERSED = "DONATION_REVERSED"


class Event(Model):
    """A numbered fact. Never updated, never deleted."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    project_id = fields.UUIDField()
    sequence = fields.BigIntField()
    kind = fields.CharEnumField(EventKind, max_length=20)
    transfer_id = fields.UUIDField(unique=True)
    donation_id = fields.UUIDField()
    amount_g = fields.BigIntField()
    total_after_g = fields.BigIntField()
    donor = fields.CharField(max_length=20)
    donor_commitment = fields.CharField(max_length=64)
    leaf_hash = fields.CharField(max_length=64)
    block_number = fields.BigIntField()
    occurred_at = fields.DatetimeField()
    sealed_at = fields.DatetimeField()

    class Meta:
        table = "event"
        unique_together = (("project_id", "environment", "sequence"),)

    @classmethod
    async def after(cls, project_id: UUID, environment: Environment, sequence: int, limit: int) -> "list[Event]":
        """Return a project's next events past `sequence`, in order."""
        rows = cls.filter(project_id=project_id, environment=environment, sequence__gt=sequence)
        return await rows.order_by("sequence").limit(limit)

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Event"]:
        """Return the events of these ids, by id."""
        return {event.id: event for event in await cls.filter(id__in=list(ids))}

    @classmethod
    async def by_transfers(cls, ids: Collection[UUID]) -> dict[UUID, "Event"]:
        """Return the events of these transfers, by transfer id."""
        return {event.transfer_id: event for event in await cls.filter(transfer_id__in=list(ids))}


EVENT = Shape.of(Event)
EVENTS_BY_ID = Statement.by("events by id", EVENT, "event")
EVENTS_BY_TRANSFER = Statement.by("events by transfer", EVENT, "event", "transfer_id")


class EventRow(NamedTuple):
    """An event that is being written."""

    id: UUID
    environment: Environment
    project_id: UUID
    sequence: int
    kind: EventKind
    transfer_id: UUID
    donation_id: UUID
    amount_g: int
    total_after_g: int
    donor: str
    donor_commitment: str
    leaf_hash: str
    block_number: int
    occurred_at: datetime
    sealed_at: datetime


ADD_EVENTS = insert(Event, *EventRow._fields)
