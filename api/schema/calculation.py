"""How each gram came about, leg by leg, as it was frozen when the action was credited."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

import strawberry

from api.models import BaselineKind, QuantityUnit
from api.schema.scalars import Grams


@strawberry.type(description="The emission factor that a leg was calculated with.")
class EmissionFactor:
    """The emission factor that a leg was calculated with."""

    methodology: str = strawberry.field(description="Version of the methodology, for example BJ-2024.")
    baseline_kind: BaselineKind = strawberry.field(description="What the emissions are compared with.")
    baseline_mg: int = strawberry.field(description="Milligrams of CO2e per unit that would have been emitted.")
    project_mg: int = strawberry.field(description="Milligrams of CO2e per unit that are emitted.")
    per: str = strawberry.field(description="The unit, for example passenger-km.")
    source: str = strawberry.field(description="Where the factor comes from.")


@strawberry.type(description="A part of an action in one mode, and its share of the energy.")
class CalculationLeg:
    """A part of an action in one mode, and its share of the energy."""

    type: str = strawberry.field(description="Code of the action type.")
    quantity: int = strawberry.field(description="Quantity, in the unit of the type.")
    unit: QuantityUnit = strawberry.field(description="In what the quantity is counted.")
    started_at: datetime = strawberry.field(description="When it started.")
    ended_at: datetime = strawberry.field(description="When it ended.")
    factor: EmissionFactor = strawberry.field(description="The factor, with its version and source.")
    formula: str = strawberry.field(description="The calculation in words and numbers.")
    baseline_emissions: Grams = strawberry.field(
        description="Grams of CO2e that would have been emitted, rounded down."
    )
    project_emissions: Grams = strawberry.field(description="Grams of CO2e that were emitted, rounded down.")
    emission_reduction: Grams = strawberry.field(description="Grams of CO2e reduced: the formula's result.")
    cap_remaining: Grams = strawberry.field(description="What was left of the daily cap of this type before this leg.")
    credited: Grams = strawberry.field(description="Energy granted: the reduction, or what was left of the cap.")


@strawberry.type(description="A calculation that anybody can check: one line for each leg, and the sum.")
class Calculation:
    """A calculation that anybody can check."""

    rounding: str = strawberry.field(description="FLOOR_EACH_LEG: each leg is rounded down to whole grams by itself.")
    legs: list[CalculationLeg] = strawberry.field(description="The lines of the calculation.")
    emission_reduction: Grams = strawberry.field(description="Grams of CO2e reduced, all legs together.")
    cap_applied: bool = strawberry.field(description="Whether a daily cap took some of the energy.")
    credited: Grams = strawberry.field(description="Energy granted, all legs together.")

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """Show a stored calculation."""
        legs = [_leg(line) for line in stored["lines"]]
        return cls(
            rounding=stored["rounding"],
            legs=legs,
            emission_reduction=Grams(sum(leg.emission_reduction for leg in legs)),
            cap_applied=any(leg.credited < leg.emission_reduction for leg in legs),
            credited=Grams(sum(leg.credited for leg in legs)),
        )


def _leg(line: Mapping[str, Any]) -> CalculationLeg:
    return CalculationLeg(
        type=line["type"],
        quantity=line["quantity"],
        unit=QuantityUnit(line["unit"]),
        started_at=datetime.fromisoformat(line["started_at"]),
        ended_at=datetime.fromisoformat(line["ended_at"]),
        factor=EmissionFactor(
            methodology=line["methodology"],
            baseline_kind=BaselineKind(line["baseline_kind"]),
            baseline_mg=line["factor_baseline_mg"],
            project_mg=line["factor_project_mg"],
            per=line["per_label"],
            source=line["source"],
        ),
        formula=line["formula"],
        baseline_emissions=Grams(line["baseline_mg"] // 1000),
        project_emissions=Grams(line["project_mg"] // 1000),
        emission_reduction=Grams(line["reduction_g"]),
        cap_remaining=Grams(line["cap_remaining_g"]),
        credited=Grams(line["credited_g"]),
    )
