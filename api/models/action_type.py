"""Kinds of green action, with their limits of plausibility: reference data, a row each, no code."""

from collections.abc import Collection
from enum import StrEnum

from tortoise import fields
from tortoise.models import Model


class ActionCategory(StrEnum):
    """What sort of green action it is."""

    TRAVEL = "TRAVEL"
    CONSUMPTION = "CONSUMPTION"
    RECYCLING = "RECYCLING"
    EDUCATION = "EDUCATION"


class ScenarioChannel(StrEnum):
    """Where the scenario takes place."""

    ONLINE = "ONLINE"
    OFFLINE = "OFFLINE"


class QuantityUnit(StrEnum):
    """In what a quantity is counted, always whole."""

    METRE = "METRE"
    COUNT = "COUNT"


class ActionType(Model):
    """A kind of green action."""

    id = fields.UUIDField(primary_key=True)
    code = fields.CharField(max_length=32, unique=True)
    name_zh = fields.CharField(max_length=100)
    name_en = fields.CharField(max_length=100)
    category = fields.CharEnumField(ActionCategory, max_length=16)
    channel = fields.CharEnumField(ScenarioChannel, max_length=8)
    unit = fields.CharEnumField(QuantityUnit, max_length=8)
    # A person is in one vehicle at a time, but may recycle a bottle on the bus.
    excludes_overlap = fields.BooleanField()
    speed_kmh_max = fields.IntField(null=True)
    quantity_max = fields.BigIntField()
    quantity_day_max = fields.BigIntField()
    grams_day_max = fields.BigIntField()
    reporting_window_s = fields.IntField()
    active = fields.BooleanField(default=True)

    class Meta:
        table = "action_type"

    @classmethod
    async def by_codes(cls, codes: Collection[str]) -> dict[str, "ActionType"]:
        """Return the types of these codes, by code."""
        return {row.code: row for row in await cls.filter(code__in=list(codes))}

    @classmethod
    async def everything(cls) -> "list[ActionType]":
        """Return all types by code."""
        return await cls.all().order_by("code")
