"""Transfers: the immutable moves of energy, each one debit and one credit, so that they balance by their shape.

`EARN` debits the programme and credits the user; `DONATE` debits the user and credits the project; the reversals go
the other way. A transfer records where the account's two counters stood after it, and these positions are the trace:
an `EARN` holds the grams up to `credited_after`, a `DONATE` those up to `debited_after`, and where the two ranges
overlap, that trip paid for that donation.
"""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, Required, TypedDict, Unpack
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model

from api.models.changes import insert
from api.models.environment import Environment
from api.models.paging import Page, PageStatement, Window, page_of
from api.models.project import PROJECT
from api.models.rows import Shape
from api.models.statements import Statement


class TransferKind(StrEnum):
    """Which way energy moves, and why."""

    EARN = "EARN"
    DONATE = "DONATE"
    REVERSE_EARN = "REVERSE_EARN"
    REVERSE_DONATE = "REVERSE_DONATE"
    RECLAIM = "RECLAIM"


#: Kinds that add grams at the end of the user's queue.
CREDITS = (TransferKind.EARN, TransferKind.REVERSE_DONATE)


class DonationFilter(TypedDict, total=False):
    """Which donations are asked for; what is left out or None does not matter.

    `audience` is a partner and the projects in which it takes part: it sees what was donated through it or to them.
    """

    environment: Required[Environment]
    audience: tuple[UUID, Collection[UUID]] | None
    partner_id: UUID | None
    user_id: UUID | None
    project_id: UUID | None
    since: datetime | None
    until: datetime | None


class Transfer(Model):
    """A move of energy. Never updated, never deleted: triggers refuse it."""

    id = fields.UUIDField(primary_key=True)
    environment = fields.CharEnumField(Environment, max_length=8)
    user_id = fields.UUIDField()
    partner_id = fields.UUIDField()
    kind = fields.CharEnumField(TransferKind, max_length=16)
    amount_g = fields.BigIntField()
    project_id = fields.UUIDField(null=True)
    action_id = fields.UUIDField(null=True)
    reverses = fields.UUIDField(null=True)
    credited_after = fields.BigIntField()
    debited_after = fields.BigIntField()
    effective_at = fields.DatetimeField()
    created_at = fields.DatetimeField()

    class Meta:
        table = "transfer"
        # Its indexes hold a part of the rows each, or more than they are sorted by: see the migrations 0003 and 0005.

    @property
    def credit_starts(self) -> int:
        """Position of the first gram of a credit."""
        return int(self.credited_after - self.amount_g)

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Transfer"]:
        """Return the transfers of these ids, by id."""
        return {transfer.id: transfer for transfer in await cls.filter(id__in=list(ids))}

    @classmethod
    async def donations(cls, window: Window, **wanted: Unpack[DonationFilter]) -> "Page[Transfer]":
        """Return the donations of one world that match, newest first unless the window says otherwise."""
        rows = cls.filter(environment=wanted["environment"], kind=TransferKind.DONATE)
        audience = wanted.get("audience")
        if audience is not None:
            partner_id, project_ids = audience
            rows = rows.filter(Q(partner_id=partner_id) | Q(project_id__in=list(project_ids)))
        for column in ("user_id", "project_id", "partner_id"):
            if (value := wanted.get(column)) is not None:
                rows = rows.filter(**{column: value})
        if (since := wanted.get("since")) is not None:
            rows = rows.filter(created_at__gte=since)
        if (until := wanted.get("until")) is not None:
            rows = rows.filter(created_at__lt=until)
        return await page_of(rows, window)

    @classmethod
    async def returns_of(cls, user_id: UUID) -> "list[Transfer]":
        """Return the credits by which reversed donations came back to a user, in order."""
        returns = cls.filter(user_id=user_id, reverses__isnull=False, kind=TransferKind.REVERSE_DONATE)
        return await returns.order_by("credited_after")

    @classmethod
    async def reversals_of(cls, ids: Collection[UUID]) -> dict[UUID, "Transfer"]:
        """Return the transfers that reverse these ones, by the id of what they reverse."""
        rows = await cls.filter(reverses__in=list(ids))
        return {row.reverses: row for row in rows if row.reverses is not None}


TRANSFER = Shape.of(Transfer)
TRANSFERS_BY_ID = Statement.by("transfers by id", TRANSFER, "transfer")
REVERSALS = Statement.by("reversals of transfers", TRANSFER, "transfer", "reverses")

#: What is shown of a donation, and asked of it to trace its grams.
DONATION = Shape.of(
    Transfer, "id", "user_id", "partner_id", "amount_g", "project_id", "debited_after", "created_at"
).shown()

#: Keys: user, partner, environment; then the bounds.
DONATION_PAGES = PageStatement(
    "pages of donations of users",
    DONATION,
    beside={"project_id": ("project", PROJECT)},
    rows="t",
    keys="""
unnest($1::page_key[]) WITH ORDINALITY AS k (user_id, partner_id, environment, low, high, n)
""",
    page="""
  SELECT {t.stored} FROM transfer t
  WHERE t.user_id = k.user_id AND t.partner_id = k.partner_id AND t.environment = k.environment
    AND t.id > k.low AND t.id < k.high AND t.kind = 'DONATE'
  ORDER BY t.id DESC LIMIT $2
""",
    sqlite="""
SELECT {t}, k.key AS n
FROM json_each(?1) k CROSS JOIN transfer t ON t.id IN (
  SELECT s.id FROM transfer s
  WHERE s.user_id = k.value ->> 0 AND s.partner_id = k.value ->> 1 AND s.environment = k.value ->> 2
    AND s.id > k.value ->> 3 AND s.id < k.value ->> 4 AND s.kind = 'DONATE'
  ORDER BY s.id DESC LIMIT ?2)
ORDER BY k.key, t.id DESC
""",
)


class TransferRow(NamedTuple):
    """A transfer that is being written."""

    id: UUID
    environment: Environment
    user_id: UUID
    partner_id: UUID
    kind: TransferKind
    amount_g: int
    project_id: UUID | None
    action_id: UUID | None
    reverses: UUID | None
    credited_after: int
    debited_after: int
    effective_at: datetime
    created_at: datetime

    @property
    def credit_starts(self) -> int:
        """Position of the first gram of a credit."""
        return self.credited_after - self.amount_g


ADD_TRANSFERS = insert(Transfer, *TransferRow._fields)
