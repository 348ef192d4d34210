"""Receipts: what each call with an idempotency key did, refusals included, for as long as the ledger lives.

A transfer can only remember an acceptance. A refusal has to be remembered too, or a retry that arrives late donates
after the user has given up. One table with one unique key for both makes it impossible to be accepted and refused.
"""

from collections import Counter
from collections.abc import Collection
from typing import Any
from uuid import UUID

from tortoise import fields
from tortoise.expressions import Q
from tortoise.models import Model


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
    async def of_keys(cls, keys: Collection[tuple[UUID, UUID, str]]) -> dict[tuple[UUID, UUID, str], "Receipt"]:
        """Return the receipts of these (user, partner, key), by the same."""
        users = list({user_id for user_id, _, _ in keys})
        partners = list({partner_id for _, partner_id, _ in keys})
        texts = list({key for _, _, key in keys})
        rows = await cls.filter(Q(user_id__in=users), Q(partner_id__in=partners), Q(key__in=texts))
        return {(row.user_id, row.partner_id, row.key): row for row in rows}

    @classmethod
    async def count_by_results(cls, user_ids: Collection[UUID], operation: str) -> Counter[UUID]:
        """Return how many calls of one operation, for these users, made each result."""
        rows: list[Any] = await cls.filter(
            user_id__in=list(user_ids), operation=operation, result_id__isnull=False
        ).values_list("result_id", flat=True)
        return Counter(rows)
