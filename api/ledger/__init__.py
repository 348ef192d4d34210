"""The ledger: the rules of energy, and the one path by which it moves."""

from api.ledger.calls import (
    BULK_MAX,
    TEXT_MAX,
    Estimate,
    Partnership,
    Recording,
    Rules,
    UserBy,
    check_key,
    is_text,
)
from api.ledger.errors import REFUSALS, Refusal
from api.ledger.ledger import Ledger
from api.ledger.orders import Outcome
from api.ledger.trips import Leg

__all__ = [
    "BULK_MAX",
    "REFUSALS",
    "TEXT_MAX",
    "Estimate",
    "Ledger",
    "Leg",
    "Outcome",
    "Partnership",
    "Recording",
    "Refusal",
    "Rules",
    "UserBy",
    "check_key",
    "is_text",
]
