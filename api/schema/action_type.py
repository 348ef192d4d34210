"""Kinds of green action, with their limits."""

from typing import Self

import strawberry

from api import models
from api.models import ActionCategory, QuantityUnit, ScenarioChannel
from api.schema import node
from api.schema.node import Node
from api.schema.scalars import Grams
from api.schema.text import Text


@strawberry.type(description="A kind of green action, with the limits within which it is credited.")
class ActionType(Node):
    """A kind of green action."""

    code: str = strawberry.field(description="Code by which actions name it, for example BUS.")
    name: Text = strawberry.field(description="Name.")
    category: ActionCategory = strawberry.field(description="What sort of green action it is.")
    channel: ScenarioChannel = strawberry.field(description="Where it takes place.")
    unit: QuantityUnit = strawberry.field(description="In what its quantity is counted.")
    speed_max_kmh: int | None = strawberry.field(description="Fastest plausible average, in km/h; null if it has none.")
    quantity_max: int = strawberry.field(description="Largest plausible quantity of one leg.")
    quantity_day_max: int = strawberry.field(description="Largest plausible quantity of a user in a day.")
    grams_day_max: Grams = strawberry.field(description="Most energy that a user is credited for it in a day.")
    reporting_window_s: int = strawberry.field(description="Seconds after its end in which an action can be recorded.")

    @classmethod
    def of(cls, row: models.ActionType) -> Self:
        """Show a row."""
        return cls(
            id=node.global_id(node.ACTION_TYPE, row.id),
            code=row.code,
            name=Text(zh=row.name_zh, en=row.name_en),
            category=row.category,
            channel=row.channel,
            unit=row.unit,
            speed_max_kmh=row.speed_kmh_max,
            quantity_max=row.quantity_max,
            quantity_day_max=row.quantity_day_max,
            grams_day_max=Grams(row.grams_day_max),
            reporting_window_s=row.reporting_window_s,
        )
