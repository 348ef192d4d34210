"""Events: facts with their contiguous number in their project, which is how a follower proves that it missed none."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import Change
from api.models.environment import Environment
from api.models.rows import Shape, columns_of
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
    async def by_transfers(cls, ids: Collection[UUID]) -> dict[UUID, "Event"]:
        """Return the events of these transfers, by transfer id."""
        return {event.transfer_id: event for event in await cls.filter(transfer_id__in=list(ids))}


EVENT = Shape.of(Event)
#: An event has the id of its transfer, and is found by that; only those of the first versions have one of their own.
EVENTS_BY_ID = Statement(
    "events by id",
    EVENT,
    postgres="""
SELECT {t} FROM event t WHERE t.transfer_id = ANY($1) AND t.id = t.transfer_id
UNION ALL SELECT {t} FROM event t WHERE t.id = ANY($1) AND t.id <> t.transfer_id
""",
    sqlite="SELECT {t} FROM event t WHERE t.id IN (SELECT value FROM json_each(?1))",
)
EVENTS_BY_TRANSFER = Statement.by("events by transfer", EVENT, "event", "transfer_id")


class NumberedRow(NamedTuple):
    """A fact of the outbox that becomes an event: its transfer, and what the sealer says of it."""

    transfer_id: UUID
    sequence: int
    total_after_g: int
    donor: str
    donor_commitment: str
    leaf_hash: str
    block_number: int
    sealed_at: datetime


#: What the outbox knows of an event is not sent again. An event's id says nothing by itself, so it is its transfer's.
KNOWN = ("environment", "project_id", "kind", "donation_id", "amount_g", "occurred_at")
INTO_EVENT = f"INSERT INTO event (id, {', '.join([*NumberedRow._fields, *KNOWN])})"
TOLD = ", ".join([*(f"v.{one}" for one in NumberedRow._fields), *(f"o.{one}" for one in KNOWN)])
NUMBER_FACTS = Change(
    "numbering facts",
    columns_of(Event, *NumberedRow._fields),
    # Neither is a join that may be turned round. The outbox is mostly empty when it is vacuumed, and who then plans to
    # join it goes over all of it for each fact, however many have come since.
    postgres=(
        "DELETE FROM outbox o WHERE o.transfer_id = ANY (ARRAY(SELECT v.transfer_id FROM {rows}))",
        f"{INTO_EVENT} SELECT v.transfer_id, {TOLD} FROM {{rows}} "  # noqa: S608
        "CROSS JOIN LATERAL (SELECT * FROM outbox i WHERE i.transfer_id = v.transfer_id OFFSET 0) o",
    ),
    sqlite=(
        f"{INTO_EVENT} SELECT v.transfer_id, {TOLD} FROM {{rows}} "  # noqa: S608
        "JOIN outbox o ON o.transfer_id = v.transfer_id",
        "DELETE FROM outbox WHERE transfer_id IN (SELECT v.transfer_id FROM {rows})",
    ),
    row_type="numbered_fact",
)
