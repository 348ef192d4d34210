"""Emission factors: how much a unit of an action emits, and how much it would have emitted otherwise.

A row is one action type in one version of one methodology. Rows are never changed: a new year is a new version, and an
action keeps the one that it was credited with.
"""

from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class BaselineKind(StrEnum):
    """What the action is compared with (DB11/T 3043-2024)."""

    MODAL_AVERAGE = "MODAL_AVERAGE"
    SUBSTITUTION = "SUBSTITUTION"


class EmissionFactor(Model):
    """Milligrams of CO2e for each `per_quantity` of an action type, baseline and actual."""

    id = fields.UUIDField(primary_key=True)
    methodology = fields.CharField(max_length=32)
    action_type = fields.CharField(max_length=32)
    baseline_kind = fields.CharEnumField(BaselineKind, max_length=16)
    baseline_mg = fields.BigIntField()
    project_mg = fields.BigIntField()
    per_quantity = fields.IntField()
    per_label = fields.CharField(max_length=32)
    valid_from = fields.DatetimeField()
    valid_to = fields.DatetimeField(null=True)
    source = fields.TextField()

    class Meta:
        table = "emission_factor"
        unique_together = (("methodology", "action_type", "valid_from"),)

    @classmethod
    async def everything(cls) -> "list[EmissionFactor]":
        """Return all factors: a few hundred rows of reference data."""
        return await cls.all().order_by("methodology", "action_type", "valid_from")
