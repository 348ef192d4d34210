"""From a quantity to grams: the published methodology, in integers from end to end.

    reduction = quantity x (baseline factor - project factor)        ER = BE - PE, as in DB11/T 3043-2024
    energy    = 1 g for each whole gram of reduction, never below 0

Each leg is rounded down by itself, so an action of several legs is exactly the sum of its lines.
"""

from typing import NamedTuple

from api.models import EmissionFactor

MG_PER_G = 1000


class Line(NamedTuple):
    """What one leg comes to. Emissions in milligrams (exact, before rounding down), energy in grams."""

    baseline_mg: int
    project_mg: int
    reduction_g: int
    credited_g: int
    #: What was left of the type's daily cap before this leg.
    cap_remaining_g: int


def reduction_g(quantity: int, factor: EmissionFactor) -> int:
    """Return the whole grams of CO2e that `quantity` avoids; 0 where it avoids nothing.

    A bus trip of 8,000 m by BJ-2024: 8,000 x (104,000 - 52,000) mg/km / 1,000 m/km / 1,000 mg/g = 416 g.
    """
    saved_mg: int = quantity * (factor.baseline_mg - factor.project_mg)
    return max(0, saved_mg // (factor.per_quantity * MG_PER_G))


def emissions_mg(quantity: int, mg: int, factor: EmissionFactor) -> int:
    """Return the milligrams that `quantity` emits at `mg` for each unit of the factor, rounded down."""
    return quantity * mg // factor.per_quantity


def formula(factor: EmissionFactor) -> str:
    """Return the calculation in words that a person can check with a pencil."""
    per = f"{factor.per_quantity:,} x " if factor.per_quantity > 1 else ""
    return (
        f"floor(quantity x ({factor.baseline_mg:,} - {factor.project_mg:,}) mg per {factor.per_label} "
        f"/ ({per}1,000 mg per g))"
    )
