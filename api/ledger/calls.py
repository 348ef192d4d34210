"""What a call of a partner is made of, and what can never be right about one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from api.ledger import trips
from api.ledger.errors import InvalidInput, Refusal
from api.ledger.trips import Leg
from api.models import Action, Environment, Transfer

TEXT_MAX = 128
BULK_MAX = 1000


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What a deployment may choose."""

    methodology: str = "BJ-2024"
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("Asia/Shanghai"))
    reversal_window: timedelta = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Partnership:
    """On whose behalf the ledger is called, and in which world; with `user_id`, for this one user and no other."""

    partner_id: UUID
    environment: Environment
    user_id: UUID | None = None

    def owns(self, row: Action | Transfer) -> bool:
        """Whether an action or a transfer was made on this behalf."""
        return (row.partner_id, row.environment) == (self.partner_id, self.environment) and self.reaches(row.user_id)

    def reaches(self, user_id: UUID) -> bool:
        """Whether a user may be acted for."""
        return self.user_id in {None, user_id}


class UserBy(NamedTuple):
    """A user, by id or by the calling partner's own reference; by neither, when what was sent names nobody."""

    id: UUID | None = None
    external_ref: str | None = None


# Made by the thousand, and so not frozen: that would take three times as long.
@dataclass(kw_only=True, slots=True)
class Recording:
    """One action to be recorded."""

    user: UserBy
    key: str
    legs: tuple[Leg, ...]
    external_ref: str | None = None
    methodology: str | None = None


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What an action would give. `calculation` in the shape in which an action's is stored."""

    calculation: dict[str, object]
    reduction_g: int
    credited_g: int


def fault_of(recording: Recording) -> Refusal | None:
    """Return what can never be right about a recording, before anybody is registered for it."""
    try:
        check_key(recording.key)
        check_legs(recording.legs, recording.methodology)
        if recording.external_ref is not None:
            check_text(recording.external_ref, ("externalRef",))
        if recording.user.external_ref is not None:
            check_text(recording.user.external_ref, ("user", "externalRef"))
    except Refusal as refusal:
        return refusal
    return None


def check_key(key: str) -> None:
    """Refuse an idempotency key that is out of bounds.

    Raises: InvalidInput.
    """
    check_text(key, ("idempotencyKey",))


def check_legs(legs: Sequence[Leg], methodology: str | None) -> None:
    """Refuse legs that can never be right, and names that no database holds.

    Raises: InvalidInput.
    """
    trips.check_shape(legs)
    for index, leg in enumerate(legs):
        check_text(leg.type, ("legs", str(index), "type"))
    if methodology is not None:
        check_text(methodology, ("methodology",))


def is_text(text: str) -> bool:
    """Whether a text can be a key, a reference or a name: not empty, not long, and printable."""
    return 1 <= len(text) <= TEXT_MAX and text.isprintable()


def check_text(text: str, path: tuple[str, ...]) -> None:
    """Refuse a text that is empty, long, or not printable.

    Raises: InvalidInput.
    """
    if not is_text(text):
        raise InvalidInput(path=path, reason="Expected 1 to {most} printable characters.", case={"most": TEXT_MAX})
