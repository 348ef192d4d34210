"""Receipts: what each call with an idempotency key did, refusals included, for as long as the ledger lives.

A transfer can only remember an acceptance. A refusal has to be remembered too, or a retry that arrives late donates
after the user has given up. One table with one unique key for both makes it impossible to be accepted and refused.
"""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from tortoise import fields
from tortoise.models import Model

from api.models.changes import insert
from api.models.rows import Shape
from api.models.statements import Statement, kept

#: Where a receipt lies: user, partner and key.
Slot = tuple[UUID, UUID, str]


class Receipt(Model):
    """The answer that was given to a key. Never updated, never deleted."""

    id = fields.UUIDField(primary_key=True)
    user_id = fields.UUIDField()
    partner_id = fields.UUIDField()
    key = fields.CharField(max_length=128)
    operation = fields.CharField(max_length=32)
    fingerprint = fields.CharField(max_length=64)
    result_id = fields.UUIDField(null=True)
    refusal: dict[str, Any] | None = fields.JSONField(null=True)
    created_at = fields.DatetimeField()

    class Meta:
        table = "receipt"
        unique_together = (("user_id", "partner_id", "key"),)

    @classmethod
    async def of_keys(cls, slots: Collection[Slot]) -> "dict[Slot, Receipt]":
        """Return the receipts of these (user, partner, key), by the same."""
        rows = await kept().fetch_each(OF_KEYS, list(slots))
        return {(row.user_id, row.partner_id, row.key): row for row in rows}

    @classmethod
    async def count_by_results(cls, user_ids: Collection[UUID], operation: str) -> Counter[UUID]:
        """Return how many calls of one operation, for these users, made each result."""
        rows: list[Any] = await cls.filter(
            user_id__in=list(user_ids), operation=operation, result_id__isnull=False
        ).values_list("result_id", flat=True)
        return Counter(rows)


OF_KEYS = Statement(
    "receipts by key",
    Shape[Receipt].of(Receipt),
    postgres="SELECT {r} FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS k (user_id, partner_id, key) "
    "JOIN receipt r ON r.user_id = k.user_id AND r.partner_id = k.partner_id AND r.key = k.key",
    sqlite="SELECT {r} FROM json_each(?1) AS k CROSS JOIN receipt r "
    "ON r.user_id = k.value ->> 0 AND r.partner_id = k.value ->> 1 AND r.key = k.value ->> 2",
)


class ReceiptRow(NamedTuple):
    """A receipt that is being written."""

    id: UUID
    user_id: UUID
    partner_id: UUID
    key: str
    operation: str
    fingerprint: str
    result_id: UUID | None
    refusal: dict[str, Any] | None
    created_at: datetime


ADD_RECEIPTS = insert(Receipt, *ReceiptRow._fields)
