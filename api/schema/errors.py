"""Refusals as partners see them: typed members of a payload's `errors`, all of them `UserError`.

`SHOWN` says which type shows which refusal; a test compares it with the tree in `ledger/errors.py`. A type repeats the
facts of its refusal under the same names, so showing one is copying them.
"""

import logging
from dataclasses import fields
from datetime import datetime
from typing import Annotated, Any, TypeAlias

import strawberry

from api.ledger import errors as ledger
from api.ledger.errors import Refusal
from api.models import ProjectStatus
from api.schema.catalogue import CATALOGUE, Sentence, sentence
from api.schema.context import Info
from api.schema.scalars import Grams

log = logging.getLogger(__name__)


def in_words(self: "UserError", info: Info) -> str:
    """Say in the caller's language what is the case."""
    return self.sentence.within(info.context.language)


@strawberry.interface(description="Why a call was refused. Its type says more.")
class UserError:
    """Why a call was refused."""

    sentence: strawberry.Private[Sentence]
    code: str = strawberry.field(description="Stable code, for programs.")
    message: str = strawberry.field(resolver=in_words, description="One sentence, for people. It may change.")
    path: list[str] = strawberry.field(description="Leads to the input that is to blame; empty when all of it is.")
    retryable: bool = strawberry.field(
        description="Whether the same call under a new idempotency key may succeed later."
    )


@strawberry.type(description="The input is out of bounds; it can never be right.")
class InvalidInput(UserError):
    """The input is out of bounds."""

    reason: str = strawberry.field(resolver=in_words, description="What is wrong with it.")


@strawberry.type(description="The idempotency key was used before, with another input. Nothing was done.")
class IdempotencyConflict(UserError):
    """The key was used before."""

    key: str = strawberry.field(description="The key.")
    first_used_at: datetime = strawberry.field(description="When it was used first.")


@strawberry.type(description="No such user is linked with you.")
class UserNotFound(UserError):
    """No such user."""


@strawberry.type(description="There is no such project.")
class ProjectNotFound(UserError):
    """No such project."""


@strawberry.type(description="You have recorded no such action.")
class ActionNotFound(UserError):
    """No such action."""


@strawberry.type(description="You have made no such donation.")
class DonationNotFound(UserError):
    """No such donation."""


@strawberry.type(description="There is no such action type; `actionTypes` lists them.")
class ActionTypeNotFound(UserError):
    """No such action type."""

    type: str = strawberry.field(description="The code that was sent.")


@strawberry.type(description="The methodology has no factor for this type at this time. No other one is used instead.")
class FactorNotFound(UserError):
    """No factor."""

    type: str = strawberry.field(description="Code of the action type.")
    methodology: str = strawberry.field(description="Version of the methodology.")


@strawberry.type(description="The action ends after the present moment.")
class ActionInFuture(UserError):
    """The action is not over."""

    ended_at: datetime = strawberry.field(description="When it is said to have ended.")
    received_at: datetime = strawberry.field(description="When the call arrived.")


@strawberry.type(description="The action ended before the reporting window of its type.")
class ActionTooOld(UserError):
    """The action is too old."""

    ended_at: datetime = strawberry.field(description="When it ended.")
    earliest: datetime = strawberry.field(description="The earliest end that is taken now.")


@strawberry.type(description="The trip is faster than this mode of travel can be.")
class ImplausibleSpeed(UserError):
    """The trip is too fast."""

    type: str = strawberry.field(description="Code of the action type.")
    speed_kmh: int = strawberry.field(description="Average speed of the leg, in km/h.")
    speed_kmh_max: int = strawberry.field(description="Fastest that is taken, in km/h.")


@strawberry.type(description="A single leg of this type cannot be that large.")
class ImplausibleQuantity(UserError):
    """The leg is too large."""

    type: str = strawberry.field(description="Code of the action type.")
    quantity: int = strawberry.field(description="The quantity that was sent.")
    quantity_max: int = strawberry.field(description="Largest that is taken.")


@strawberry.type(description="With this action the user would do more of this type in a day than is plausible.")
class DailyQuantityExceeded(UserError):
    """The day is too full."""

    type: str = strawberry.field(description="Code of the action type.")
    quantity: int = strawberry.field(description="The quantity that was sent.")
    remaining: int = strawberry.field(description="What the day has room for.")
    quantity_day_max: int = strawberry.field(description="Largest quantity of a day.")


@strawberry.type(description="The user was on another trip at that time. Which one is not said: it may not be yours.")
class ActionOverlaps(UserError):
    """The user was on another trip."""


@strawberry.type(description="The external reference names an action that you have recorded before.")
class ExternalRefUsed(UserError):
    """The reference is taken."""

    external_ref: str = strawberry.field(description="The reference.")


@strawberry.type(description="The project takes no donations at its present stage.")
class ProjectClosed(UserError):
    """The project is closed."""

    status: str = strawberry.field(description="Its stage.")


@strawberry.type(description="The user has less energy than this.")
class InsufficientEnergy(UserError):
    """There is not enough energy."""

    available: Grams = strawberry.field(description="Energy that the user has.")
    required: Grams = strawberry.field(description="Energy that was asked for.")


@strawberry.type(description="It has been reversed before.")
class AlreadyReversed(UserError):
    """It has been reversed before."""


@strawberry.type(description="The time in which the donation could be reversed is over.")
class ReversalWindowClosed(UserError):
    """The window is closed."""

    closed_at: datetime = strawberry.field(description="When it ended.")


@strawberry.type(description="The link code is unknown, used or expired.")
class LinkCodeInvalid(UserError):
    """The code is no good."""


@strawberry.type(description="The external reference names another user of yours.")
class ExternalRefLinked(UserError):
    """The reference is taken."""

    external_ref: str = strawberry.field(description="The reference.")


@strawberry.type(description="You are linked with this user already, under another reference.")
class AlreadyLinked(UserError):
    """The link is there."""

    external_ref: str = strawberry.field(description="The reference under which you know the user.")


@strawberry.type(
    description="You are the only partner linked with the user; without you nobody could reach the energy."
)
class LastLink(UserError):
    """The link is the last."""


@strawberry.type(description="A token cannot have this scope: your key has not, or users never do.")
class ScopeNotGranted(UserError):
    """The scope cannot be given."""

    scope: str = strawberry.field(description="The scope.")


@strawberry.type(description="Only a key of the sandbox can do this.")
class SandboxOnly(UserError):
    """Only in the sandbox."""


@strawberry.type(description="Only a live key can do this: it concerns both worlds.")
class LiveOnly(UserError):
    """Only in the live world."""


@strawberry.type(description="There is no such organisation.")
class PartnerNotFound(UserError):
    """No such organisation."""


@strawberry.type(description="You do not carry this project, or only operators may change this of it.")
class ProjectNotYours(UserError):
    """The project is another's."""


@strawberry.type(description="Another project has this code.")
class ProjectCodeUsed(UserError):
    """The code is taken."""

    project_code: str = strawberry.field(description="The code.")


@strawberry.type(description="You cannot take the project from its present stage to this one.")
class ProjectStatusNotAllowed(UserError):
    """The stage does not follow."""

    status: ProjectStatus = strawberry.field(description="Its present stage.")
    allowed: list[ProjectStatus] = strawberry.field(description="Where you could take it from there.")


@strawberry.type(
    description="Something unexpected happened to this item alone. Send it again under the same idempotency key."
)
class TemporaryFailure(UserError):
    """Something unexpected happened."""


SHOWN: dict[type[Refusal], type[UserError]] = {
    ledger.InvalidInput: InvalidInput,
    ledger.IdempotencyConflict: IdempotencyConflict,
    ledger.UserNotFound: UserNotFound,
    ledger.ProjectNotFound: ProjectNotFound,
    ledger.ActionNotFound: ActionNotFound,
    ledger.DonationNotFound: DonationNotFound,
    ledger.ActionTypeNotFound: ActionTypeNotFound,
    ledger.FactorNotFound: FactorNotFound,
    ledger.ActionInFuture: ActionInFuture,
    ledger.ActionTooOld: ActionTooOld,
    ledger.ImplausibleSpeed: ImplausibleSpeed,
    ledger.ImplausibleQuantity: ImplausibleQuantity,
    ledger.DailyQuantityExceeded: DailyQuantityExceeded,
    ledger.ActionOverlaps: ActionOverlaps,
    ledger.ExternalRefUsed: ExternalRefUsed,
    ledger.ProjectClosed: ProjectClosed,
    ledger.InsufficientEnergy: InsufficientEnergy,
    ledger.AlreadyReversed: AlreadyReversed,
    ledger.ReversalWindowClosed: ReversalWindowClosed,
    ledger.LinkCodeInvalid: LinkCodeInvalid,
    ledger.ExternalRefLinked: ExternalRefLinked,
    ledger.AlreadyLinked: AlreadyLinked,
    ledger.LastLink: LastLink,
    ledger.ScopeNotGranted: ScopeNotGranted,
    ledger.SandboxOnly: SandboxOnly,
    ledger.LiveOnly: LiveOnly,
    ledger.PartnerNotFound: PartnerNotFound,
    ledger.ProjectNotYours: ProjectNotYours,
    ledger.ProjectCodeUsed: ProjectCodeUsed,
    ledger.ProjectStatusNotAllowed: ProjectStatusNotAllowed,
}


def show(refusal: Refusal | None) -> list[Any]:
    """Return the payload's `errors`: none, or the refusal with its facts."""
    if refusal is None:
        return []
    facts = {one.name: getattr(refusal, one.name) for one in fields(refusal) if one.name != "path"}
    if isinstance(refusal, ledger.InvalidInput):
        words, facts = sentence(refusal.reason, refusal.case), {}
    else:
        words = Sentence(CATALOGUE[refusal.code].message, facts)
    if isinstance(refusal, ledger.ProjectStatusNotAllowed):
        facts = {"status": ProjectStatus(refusal.status), "allowed": [ProjectStatus(one) for one in refusal.allowed]}
    shown = SHOWN[type(refusal)](
        sentence=words,
        code=refusal.code,
        path=list(refusal.path),
        retryable=refusal.retryable,
        **facts,
    )
    return [shown]


def show_failure(error: Exception, request_id: str) -> list[Any]:
    """Return the payload's `errors` for an item that failed unexpectedly, and log what happened."""
    log.error("an item failed, request %s", request_id, exc_info=error)
    code = "TEMPORARY_FAILURE"
    words = Sentence(CATALOGUE[code].message, {"request_id": request_id})
    return [TemporaryFailure(sentence=words, code=code, path=[], retryable=True)]


EstimateActionError: TypeAlias = Annotated[
    InvalidInput
    | UserNotFound
    | ActionTypeNotFound
    | FactorNotFound
    | ActionInFuture
    | ActionTooOld
    | ImplausibleSpeed
    | ImplausibleQuantity
    | DailyQuantityExceeded,
    strawberry.union("EstimateActionError", description="Why an action could not be recorded like this."),
]
RecordActionError: TypeAlias = Annotated[
    InvalidInput
    | IdempotencyConflict
    | UserNotFound
    | ActionTypeNotFound
    | FactorNotFound
    | ActionInFuture
    | ActionTooOld
    | ImplausibleSpeed
    | ImplausibleQuantity
    | DailyQuantityExceeded
    | ActionOverlaps
    | ExternalRefUsed
    | TemporaryFailure,
    strawberry.union("RecordActionError", description="Why an action was not recorded."),
]
RecordActionsError: TypeAlias = Annotated[
    InvalidInput, strawberry.union("RecordActionsError", description="Why none of the actions was looked at.")
]
ReverseActionError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | ActionNotFound | AlreadyReversed,
    strawberry.union("ReverseActionError", description="Why an action was not reversed."),
]
DonateEnergyError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | UserNotFound | ProjectNotFound | ProjectClosed | InsufficientEnergy,
    strawberry.union("DonateEnergyError", description="Why energy was not donated."),
]
ReverseDonationError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | DonationNotFound | AlreadyReversed | ReversalWindowClosed,
    strawberry.union("ReverseDonationError", description="Why a donation was not reversed."),
]
IssueLinkCodeError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | UserNotFound,
    strawberry.union("IssueLinkCodeError", description="Why no link code was issued."),
]
LinkUserError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | LinkCodeInvalid | ExternalRefLinked | AlreadyLinked,
    strawberry.union("LinkUserError", description="Why a user was not linked."),
]
UnlinkUserError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | UserNotFound | LastLink,
    strawberry.union("UnlinkUserError", description="Why a user was not unlinked."),
]
CreateUserTokenError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | UserNotFound | ScopeNotGranted,
    strawberry.union("CreateUserTokenError", description="Why no token was made."),
]
AdvanceSandboxClockError: TypeAlias = Annotated[
    InvalidInput | SandboxOnly,
    strawberry.union("AdvanceSandboxClockError", description="Why the clock was not advanced."),
]
AddProjectError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | LiveOnly | PartnerNotFound | ProjectCodeUsed,
    strawberry.union("AddProjectError", description="Why a project was not entered."),
]
UpdateProjectError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | LiveOnly | ProjectNotFound | ProjectNotYours,
    strawberry.union("UpdateProjectError", description="Why a project was not changed."),
]
SetProjectStatusError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | LiveOnly | ProjectNotFound | ProjectNotYours | ProjectStatusNotAllowed,
    strawberry.union("SetProjectStatusError", description="Why a project stays at its stage."),
]
SetProjectOrganisationsError: TypeAlias = Annotated[
    InvalidInput | IdempotencyConflict | LiveOnly | ProjectNotFound | ProjectNotYours | PartnerNotFound,
    strawberry.union("SetProjectOrganisationsError", description="Why the same organisations take part as before."),
]
