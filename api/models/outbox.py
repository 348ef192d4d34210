"""The outbox: donations and their reversals that are true but not yet numbered. The sealer empties it."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.environment import Environment
from api.models.event import EventKind
from api.models.rows import Shape
from api.models.statements import Statement


class Outbox(Model):
    """A fact that waits for its number, under the id of its transfer."""

    transfer_id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    project_id = fields.UUIDField()
    user_id = fields.UUIDField()
    kind = fields.CharEnumField(EventKind, max_length=20)
    amount_g = fields.BigIntField()
    donation_id = fields.UUIDField()
    occurred_at = fields.DatetimeField()

    class Meta:
        table = "outbox"

    @classmethod
    async def everything(cls) -> "list[Outbox]":
        """Return every fact that waits."""
        return await cls.all().order_by("transfer_id")

    @classmethod
    async def by_transfers(cls, ids: Collection[UUID]) -> "dict[UUID, Outbox]":
        """Return the waiting facts of these transfers, by transfer id."""
        return {row.transfer_id: row for row in await cls.filter(transfer_id__in=list(ids))}


class OutboxRow(NamedTuple):
    """A fact that is being written."""

    transfer_id: UUID
    environment: Environment
    project_id: UUID
    user_id: UUID
    kind: EventKind
    amount_g: int
    donation_id: UUID
    occurred_at: datetime


ADD_FACTS = insert(Outbox, *OutboxRow._fields)


class Fact(Protocol):
    """A fact, and its user's salt."""

    transfer_id: UUID
    environment: Environment
    project_id: UUID
    user_id: UUID
    kind: EventKind
    amount_g: int
    donation_id: UUID
    occurred_at: datetime
    salt: str


#: The facts that have waited longest.
OLDEST: Statement[Fact] = Statement(
    "oldest facts",
    Shape[Any].of(Outbox, salt=fields.CharField(max_length=64)),
    postgres='SELECT {o}, u.salt FROM outbox o LEFT JOIN "user" u ON u.id = o.user_id ORDER BY o.transfer_id LIMIT $1',
    sqlite='SELECT {o}, u.salt FROM outbox o LEFT JOIN "user" u ON u.id = o.user_id ORDER BY o.transfer_id LIMIT ?1',
)
