"""Transfers: the immutable moves of energy, each one debit and one credit, so that they balance by their shape.

`EARN` debits the programme and credits the user; `DONATE` debits the user and credits the project; the reversals go
the other way. A transfer records where the account's two counters stood after it, and these positions are the trace:
an `EARN` holds the grams up to `credited_after`, a `DONATE` those up to `debited_after`, and where the two ranges
overlap, that trip paid for that donation.
"""

from collections.abc import Collection
from enum import StrEnum
from uuid import UUID

from tortoise import fields
from tortoise.expressions import F
from tortoise.indexes import Index
from tortoise.models import Model

from api.models.environment import Environment


class TransferKind(StrEnum):
    """Which way energy moves, and why."""

    EARN = "EARN"
    DONATE = "DONATE"
    REVERSE_EARN = "REVERSE_EARN"
    REVERSE_DONATE = "REVERSE_DONATE"
    RECLAIM = "RECLAIM"


#: Kinds that add grams at the end of the user's queue.
CREDITS = (TransferKind.EARN, TransferKind.REVERSE_DONATE)


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
        unique_together = (("user_id", "reverses"),)
        indexes = (
            Index(fields=("user_id", "id")),
            Index(fields=("user_id", "credited_after")),
            Index(fields=("user_id", "debited_after")),
            Index(fields=("user_id", "action_id")),
            Index(fields=("partner_id", "id")),
            Index(fields=("project_id", "id")),
        )

    @property
    def credit_starts(self) -> int:
        """Position of the first gram of a credit."""
        return int(self.credited_after - self.amount_g)

    @classmethod
    async def by_ids(cls, ids: Collection[UUID]) -> dict[UUID, "Transfer"]:
        """Return the transfers of these ids, by id."""
        return {transfer.id: transfer for transfer in await cls.filter(id__in=list(ids))}

    @classmethod
    async def credits_between(cls, user_id: UUID, starts: int, ends: int) -> "list[Transfer]":
        """Return the user's credits that hold any gram at the positions from `starts` to before `ends`, in order."""
        overlap = cls.filter(user_id=user_id, kind__in=CREDITS, credited_after__gt=starts)
        overlap = overlap.annotate(credit_starts_at=F("credited_after") - F("amount_g"))
        return await overlap.filter(credit_starts_at__lt=ends).order_by("credited_after")

    @classmethod
    async def debits_between(cls, user_id: UUID, starts: int, ends: int) -> "list[Transfer]":
        """Return the user's donations that may hold any gram at the positions from `starts` to before `ends`, in order.

        A donation's grams end at `debited_after`; where they start depends on the gaps it stepped over, so the
        donation after the last one that ends in the range is returned as well.
        """
        donations = cls.filter(user_id=user_id, kind=TransferKind.DONATE, debited_after__gt=starts)
        inside = await donations.filter(debited_after__lte=ends).order_by("debited_after")
        beyond = await donations.filter(debited_after__gt=ends).order_by("debited_after").first()
        return [*inside, beyond] if beyond else inside

    @classmethod
    async def of_action(cls, user_id: UUID, action_id: UUID, kind: TransferKind) -> "Transfer | None":
        """Return the transfer of one kind that belongs to an action."""
        return await cls.filter(user_id=user_id, action_id=action_id, kind=kind).first()

    @classmethod
    async def reversals_of(cls, ids: Collection[UUID]) -> dict[UUID, "Transfer"]:
        """Return the transfers that reverse these ones, by the id of what they reverse."""
        rows = await cls.filter(reverses__in=list(ids))
        return {row.reverses: row for row in rows if row.reverses is not None}
