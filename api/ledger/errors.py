"""The tree of refusals: what the rules say no to, each with the facts of the case.

A refusal is an answer, not a fault. It is stored under the call's idempotency key like an acceptance, as `code` and
`facts`, and can be made again from them. It knows no words: those come from `schema/catalogue.toml`, in the language of
whoever asks.

    Refusal
    ├── InvalidInput              the call can never be right
    ├── IdempotencyConflict       the key was used for something else
    ├── UserNotFound  ProjectNotFound  ActionNotFound  DonationNotFound  ActionTypeNotFound  FactorNotFound
    ├── ActionInFuture  ActionTooOld  ImplausibleSpeed  ImplausibleQuantity  DailyQuantityExceeded
    ├── ActionOverlaps  ExternalRefUsed
    ├── ProjectClosed  InsufficientEnergy
    ├── AlreadyReversed  ReversalWindowClosed
    ├── LinkCodeInvalid  ExternalRefLinked  AlreadyLinked  LastLink
    ├── ScopeNotGranted  SandboxOnly  LiveOnly
    └── PartnerNotFound  ProjectNotYours  ProjectCodeUsed  ProjectStatusNotAllowed
"""

from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any, ClassVar, Self

from typing_extensions import override


@dataclass(eq=False, kw_only=True)
class Refusal(Exception):
    """The rules say no. `path` leads to the input that is to blame."""

    code: ClassVar[str]
    #: Whether the same call, with a new idempotency key, may succeed later without being changed.
    retryable: ClassVar[bool] = False
    path: tuple[str, ...] = ()

    @property
    def facts(self) -> dict[str, Any]:
        """The case in JSON's types, to be stored."""
        return {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(self).items()
        }

    @override
    def __str__(self) -> str:
        return f"{self.code} {self.facts}"

    @classmethod
    def from_facts(cls, facts: dict[str, Any]) -> Self:
        """Make a refusal again from what was stored of it."""
        moments = {one.name for one in fields(cls) if one.type is datetime}
        values: dict[str, Any] = {
            name: datetime.fromisoformat(value) if name in moments else value for name, value in facts.items()
        }
        values["path"] = tuple(values["path"])
        return cls(**values)


@dataclass(eq=False, kw_only=True)
class InvalidInput(Refusal):
    """The input is out of bounds. `reason` says why, in English, with places in braces for what is in `case`."""

    code = "INVALID_INPUT"
    reason: str
    case: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False, kw_only=True)
class IdempotencyConflict(Refusal):
    """This idempotency key was used before, with another input."""

    code = "IDEMPOTENCY_CONFLICT"
    path: tuple[str, ...] = ("idempotencyKey",)
    key: str
    first_used_at: datetime


@dataclass(eq=False, kw_only=True)
class UserNotFound(Refusal):
    """No such user is linked with you."""

    code = "USER_NOT_FOUND"
    path: tuple[str, ...] = ("user",)


@dataclass(eq=False, kw_only=True)
class ProjectNotFound(Refusal):
    """There is no such project."""

    code = "PROJECT_NOT_FOUND"
    path: tuple[str, ...] = ("projectId",)


@dataclass(eq=False, kw_only=True)
class ActionNotFound(Refusal):
    """You have recorded no such action."""

    code = "ACTION_NOT_FOUND"
    path: tuple[str, ...] = ("actionId",)


@dataclass(eq=False, kw_only=True)
class DonationNotFound(Refusal):
    """You have made no such donation."""

    code = "DONATION_NOT_FOUND"
    path: tuple[str, ...] = ("donationId",)


@dataclass(eq=False, kw_only=True)
class ActionTypeNotFound(Refusal):
    """There is no such action type."""

    code = "ACTION_TYPE_NOT_FOUND"
    type: str


@dataclass(eq=False, kw_only=True)
class FactorNotFound(Refusal):
    """The methodology has no emission factor for this action type at this time."""

    code = "FACTOR_NOT_FOUND"
    type: str
    methodology: str


@dataclass(eq=False, kw_only=True)
class ActionInFuture(Refusal):
    """The action ends after the present moment."""

    code = "ACTION_IN_FUTURE"
    retryable = True
    ended_at: datetime
    received_at: datetime


@dataclass(eq=False, kw_only=True)
class ActionTooOld(Refusal):
    """The action ended before the reporting window of its type."""

    code = "ACTION_TOO_OLD"
    ended_at: datetime
    earliest: datetime


@dataclass(eq=False, kw_only=True)
class ImplausibleSpeed(Refusal):
    """The trip is faster than this mode of travel can be."""

    code = "IMPLAUSIBLE_SPEED"
    type: str
    speed_kmh: int
    speed_kmh_max: int


@dataclass(eq=False, kw_only=True)
class ImplausibleQuantity(Refusal):
    """A single action of this type cannot be that large."""

    code = "IMPLAUSIBLE_QUANTITY"
    type: str
    quantity: int
    quantity_max: int


@dataclass(eq=False, kw_only=True)
class DailyQuantityExceeded(Refusal):
    """With this action the user would do more of this type in a day than is plausible."""

    code = "DAILY_QUANTITY_EXCEEDED"
    type: str
    quantity: int
    remaining: int
    quantity_day_max: int


@dataclass(eq=False, kw_only=True)
class ActionOverlaps(Refusal):
    """The user was on another trip at that time."""

    # Nothing is said of the other trip: it may be another partner's.
    code = "ACTION_OVERLAPS"


@dataclass(eq=False, kw_only=True)
class ExternalRefUsed(Refusal):
    """This external reference names an action that you have recorded before."""

    code = "EXTERNAL_REF_USED"
    path: tuple[str, ...] = ("externalRef",)
    external_ref: str


@dataclass(eq=False, kw_only=True)
class ProjectClosed(Refusal):
    """The project takes no donations at its present stage."""

    code = "PROJECT_CLOSED"
    retryable = True
    path: tuple[str, ...] = ("projectId",)
    status: str


@dataclass(eq=False, kw_only=True)
class InsufficientEnergy(Refusal):
    """The user has less energy than this."""

    code = "INSUFFICIENT_ENERGY"
    retryable = True
    path: tuple[str, ...] = ("amount",)
    available: int
    required: int


@dataclass(eq=False, kw_only=True)
class AlreadyReversed(Refusal):
    """It has been reversed before."""

    code = "ALREADY_REVERSED"


@dataclass(eq=False, kw_only=True)
class ReversalWindowClosed(Refusal):
    """The time in which the donation could be reversed is over."""

    code = "REVERSAL_WINDOW_CLOSED"
    path: tuple[str, ...] = ("donationId",)
    closed_at: datetime


@dataclass(eq=False, kw_only=True)
class LinkCodeInvalid(Refusal):
    """The link code is unknown, used or expired."""

    code = "LINK_CODE_INVALID"
    path: tuple[str, ...] = ("code",)


@dataclass(eq=False, kw_only=True)
class ExternalRefLinked(Refusal):
    """This external reference names another user of yours."""

    code = "EXTERNAL_REF_LINKED"
    path: tuple[str, ...] = ("externalRef",)
    external_ref: str


@dataclass(eq=False, kw_only=True)
class AlreadyLinked(Refusal):
    """You are linked with this user already, under another reference."""

    code = "ALREADY_LINKED"
    external_ref: str


@dataclass(eq=False, kw_only=True)
class LastLink(Refusal):
    """You are the only partner linked with this user; without you nobody could reach the energy."""

    code = "LAST_LINK"
    path: tuple[str, ...] = ("user",)


@dataclass(eq=False, kw_only=True)
class ScopeNotGranted(Refusal):
    """A token cannot have this scope: your key has not, or users never do."""

    code = "SCOPE_NOT_GRANTED"
    path: tuple[str, ...] = ("scopes",)
    scope: str


@dataclass(eq=False, kw_only=True)
class SandboxOnly(Refusal):
    """Only a key of the sandbox can do this."""

    code = "SANDBOX_ONLY"


@dataclass(eq=False, kw_only=True)
class LiveOnly(Refusal):
    """Only a live key can do this: it concerns both worlds."""

    code = "LIVE_ONLY"


@dataclass(eq=False, kw_only=True)
class PartnerNotFound(Refusal):
    """There is no such organisation."""

    code = "PARTNER_NOT_FOUND"


@dataclass(eq=False, kw_only=True)
class ProjectNotYours(Refusal):
    """You do not carry this project, or only operators may change this of it."""

    code = "PROJECT_NOT_YOURS"
    path: tuple[str, ...] = ("projectId",)


@dataclass(eq=False, kw_only=True)
class ProjectCodeUsed(Refusal):
    """Another project has this code."""

    code = "PROJECT_CODE_USED"
    path: tuple[str, ...] = ("code",)
    project_code: str


@dataclass(eq=False, kw_only=True)
class ProjectStatusNotAllowed(Refusal):
    """You cannot take the project from its present stage to this one."""

    code = "PROJECT_STATUS_NOT_ALLOWED"
    retryable = True
    path: tuple[str, ...] = ("status",)
    status: str
    allowed: list[str]


#: Every refusal by its code.
REFUSALS: dict[str, type[Refusal]] = {refusal.code: refusal for refusal in Refusal.__subclasses__()}
