"""Reference data: action types and emission factors, loaded from `reference.toml` and kept in memory while serving."""

import asyncio
import time
import tomllib
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from math import inf
from pathlib import Path
from typing import Any, Self

import orjson

from api.ledger.methodology import formula
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
from api.models.rows import microseconds

FILE = Path(__file__).with_name("reference.toml")
#: How long a change of reference data in the database may go unseen by a running server.
REFRESH_S = 30.0


@dataclass(frozen=True, slots=True)
class Tariff:
    """An action type with the factor that applies to it, and what a stored calculation tells of both.

    A line of a calculation is a JSON object that begins and ends with what every line by this factor says.
    """

    kind: ActionType
    factor: EmissionFactor
    #: From when the factor is valid and until when, as moments are counted.
    begins: int
    ends: float
    told_first: str
    told_last: str

    @classmethod
    def of(cls, kind: ActionType, factor: EmissionFactor) -> Self:
        """Put together what every line by this factor says."""
        first = {"type": kind.code}
        last = {
            "unit": kind.unit.value,
            "grams_day_max": kind.grams_day_max,
            "methodology": factor.methodology,
            "factor_id": str(factor.id),
            "baseline_kind": factor.baseline_kind.value,
            "factor_baseline_mg": factor.baseline_mg,
            "factor_project_mg": factor.project_mg,
            "per_quantity": factor.per_quantity,
            "per_label": factor.per_label,
            "formula": formula(factor),
            "source": factor.source,
        }
        return cls(
            kind,
            factor,
            microseconds(factor.valid_from),
            microseconds(factor.valid_to) if factor.valid_to is not None else inf,
            orjson.dumps(first).decode().removesuffix("}"),
            orjson.dumps(last).decode().removeprefix("{"),
        )


class Catalogue:
    """The action types and factors in force. A few hundred rows, read from the database now and then."""

    def __init__(self) -> None:
        self.types: dict[str, ActionType] = {}
        #: Codes of the types of which a person does one at a time.
        self.exclusive: set[str] = set()
        self._tariffs: dict[tuple[str, str], list[Tariff]] = {}
        self._read_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Read the tables again where the last reading is old; all who come meanwhile wait for one reading.

        It reads in a task of its own: whoever waits need not be one (`stepping.begin`).
        """
        if time.monotonic() - self._read_at < REFRESH_S:
            return
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def _read(self) -> None:
        types = {row.code: row for row in await ActionType.everything()}
        tariffs: dict[tuple[str, str], list[Tariff]] = {}
        for factor in await EmissionFactor.everything():
            if factor.action_type in types:
                tariff = Tariff.of(types[factor.action_type], factor)
                tariffs.setdefault((factor.methodology, factor.action_type), []).insert(0, tariff)
        self.exclusive = {code for code, kind in types.items() if kind.excludes_overlap}
        self.types, self._tariffs, self._read_at = types, tariffs, time.monotonic()

    def factor(self, methodology: str, action_type: str, at: datetime) -> EmissionFactor | None:
        """Return the factor of a methodology that is valid at a moment: never one of another methodology."""
        tariff = self.tariff(methodology, action_type, microseconds(at))
        return tariff.factor if tariff is not None else None

    def tariff(self, methodology: str, action_type: str, at_us: int) -> Tariff | None:
        """Return the factor together with its action type."""
        for tariff in self._tariffs.get((methodology, action_type), ()):  # the newest first
            if tariff.begins <= at_us < tariff.ends:
                return tariff
        return None


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
