"""Reference data: action types and emission factors, loaded from `reference.toml` and kept in memory while serving."""

import time
import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from api.models import (
    ActionCategory,
    ActionType,
    BaselineKind,
    EmissionFactor,
    QuantityUnit,
    ScenarioChannel,
    new_id,
)
from api.models.database import transaction

FILE = Path(__file__).with_name("reference.toml")
#: How long a change of reference data in the database may go unseen by a running server.
REFRESH_S = 30.0


class Catalogue:
    """The action types and factors in force. A few hundred rows, read from the database now and then."""

    def __init__(self) -> None:
        self.types: dict[str, ActionType] = {}
        #: Codes of the types of which a person does one at a time.
        self.exclusive: set[str] = set()
        self._factors: dict[tuple[str, str], list[EmissionFactor]] = {}
        self._read_at = float("-inf")

    async def refresh(self) -> None:
        """Read the tables again where the last reading is old."""
        if time.monotonic() - self._read_at < REFRESH_S:
            return
        types = {row.code: row for row in await ActionType.everything()}
        factors: dict[tuple[str, str], list[EmissionFactor]] = {}
        for factor in await EmissionFactor.everything():
            factors.setdefault((factor.methodology, factor.action_type), []).append(factor)
        self.exclusive = {code for code, kind in types.items() if kind.excludes_overlap}
        self.types, self._factors, self._read_at = types, factors, time.monotonic()

    def factor(self, methodology: str, action_type: str, at: datetime) -> EmissionFactor | None:
        """Return the factor of a methodology that is valid at a moment: never one of another methodology."""
        valid = [one for one in self._factors.get((methodology, action_type), ()) if one.is_valid(at)]
        return valid[-1] if valid else None


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))


async def load_reference() -> int:
    """Add the action types and factors that the database lacks, and return how many; what is there is left as it is."""
    content = _file()
    async with transaction():
        known_types = {row.code for row in await ActionType.everything()}
        types = [_action_type(row) for row in content["action_type"] if row["code"] not in known_types]
        known = {(one.methodology, one.action_type, one.valid_from) for one in await EmissionFactor.everything()}
        factors = [
            factor
            for row in content["methodology"]
            for factor in _factors(row)
            if (factor.methodology, factor.action_type, factor.valid_from) not in known
        ]
        await ActionType.bulk_create(types)
        await EmissionFactor.bulk_create(factors)
    return len(types) + len(factors)


def _action_type(row: dict[str, Any]) -> ActionType:
    enums = {
        "category": ActionCategory(row["category"]),
        "channel": ScenarioChannel(row["channel"]),
        "unit": QuantityUnit(row["unit"]),
    }
    return ActionType(id=new_id(), **{**row, **enums})


def _factors(row: dict[str, Any]) -> list[EmissionFactor]:
    return [
        EmissionFactor(
            id=new_id(),
            methodology=row["code"],
            action_type=action_type,
            baseline_kind=BaselineKind(row["baseline_kind"]),
            baseline_mg=row["baseline_mg"][action_type],
            project_mg=project_mg,
            per_quantity=row["per_quantity"],
            per_label=row["per_label"],
            valid_from=row["valid_from"],
            valid_to=row.get("valid_to"),
            source=row["source"],
        )
        for action_type, project_mg in row["project_mg"].items()
    ]
