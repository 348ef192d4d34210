"""Actions, with the calculation that explains each gram and the donations that the grams went into."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self

import strawberry

from api import models
from api.access import Scope
from api.ledger import trace
from api.models import ActionStatus
from api.schema import node
from api.schema.action_type import ActionType
from api.schema.balance import Balance
from api.schema.calculation import Calculation
from api.schema.context import Info, Later
from api.schema.errors import EstimateActionError, RecordActionError, RecordActionsError, ReverseActionError
from api.schema.node import Node
from api.schema.partner import Partner
from api.schema.permissions import guarded
from api.schema.project import Project
from api.schema.scalars import Grams
from api.schema.user import User, UserBy
from api.schema.views import of_columns, shown, view

if TYPE_CHECKING:
    from api.schema.donation import Donation


@strawberry.type(description="Grams of an action that went into a donation.")
class Spending:
    """Grams of an action that went into a donation."""

    amount: Grams = strawberry.field(description="How much of the action's energy.")
    returned: bool = strawberry.field(description="Whether it came back because the donation was reversed.")
    project: Project = strawberry.field(description="The project that it was given to.")
    donation: Annotated["Donation", strawberry.lazy("api.schema.donation")] | None = strawberry.field(
        description="The donation; null when it was made through another partner."
    )


@view(
    id=node.id_of(node.ACTION),
    credited="credited_g",
    taken_back="taken_back_g",
)
@strawberry.type(description="A green action of a user.")
class Action(Node):
    """A green action of a user."""

    row: strawberry.Private[models.Action]
    type: str = strawberry.field(description="Code of its type; JOURNEY when its legs are of several types.")
    quantity: int = strawberry.field(description="Quantity of all legs, in metres or counts as the type says.")
    started_at: datetime = strawberry.field(description="When it started.")
    ended_at: datetime = strawberry.field(description="When it ended.")
    external_ref: str | None = strawberry.field(description="Your own reference of the action.")
    status: ActionStatus = strawberry.field(description="What became of it.")
    credited: Grams = strawberry.field(description="Energy that it was granted.")
    taken_back: Grams | None = strawberry.field(
        description="Energy taken back when it was reversed, all that was unspent by then; null while it stands."
    )
    created_at: datetime = strawberry.field(description="When it was recorded.")
    reversed_at: datetime | None = strawberry.field(description="When it was reversed; null while it stands.")

    @strawberry.field(
        description="How each gram came about, frozen when the action was credited.", metadata=of_columns("id")
    )
    def calculation(self, info: Info) -> Later[Calculation]:
        """Load the stored calculation, where it was not read with the rest."""
        if hasattr(self.row, "calculation"):
            return Calculation.of(self.row.calculation)
        return info.context.loaders.calculations.load(self.row.id, _calculation)

    @strawberry.field(
        description="The user; null since you unlinked the user, and without the scope `users:read`.",
        metadata=of_columns("user_id"),
    )
    def user(self, info: Info) -> Later[User | None]:
        """Load the user."""
        return User.readable(info, self.row.user_id)

    @strawberry.field(description="Who recorded it.", metadata=of_columns("partner_id"))
    def partner(self, info: Info) -> Later[Partner | None]:
        """Load the partner."""
        return info.context.loaders.partners.load(self.row.partner_id, Partner.found)

    @strawberry.field(description="Its type; null for a JOURNEY, whose legs have theirs.", metadata=of_columns("type"))
    async def action_type(self, info: Info) -> ActionType | None:
        """Find the type in the catalogue."""
        catalogue = info.context.ledger.catalogue
        await catalogue.refresh()
        kind = catalogue.types.get(self.row.type)
        return ActionType.of(kind) if kind is not None else None

    @strawberry.field(
        description="The donations that its grams went into, first in, first out.",
        extensions=guarded(Scope.DONATIONS_READ),
    )
    async def spent_on(self, info: Info) -> list[Spending] | None:
        """Trace the grams forward."""
        from api.schema.donation import Donation  # noqa: PLC0415 - actions know donations, donations know actions

        context = info.context
        uses = await trace.spent_on(self.row)
        donations = await context.loaders.transfers.load_many([use.donation_id for use in uses])
        rows = [row for row in donations if row is not None and row.project_id is not None]
        assert len(rows) == len(uses)  # noqa: S101 - the trace has read them, and every donation has a project
        projects = await context.loaders.projects.load_many([row.project_id for row in rows if row.project_id])
        return [
            Spending(
                amount=Grams(use.amount_g),
                returned=use.returned,
                project=Project.there(project),
                donation=Donation.of(row) if context.caller.owner_id in {None, row.partner_id} else None,
            )
            for use, row, project in zip(uses, rows, projects, strict=True)
        ]

    @classmethod
    def found(cls, row: models.Action | None) -> Self | None:
        """Show a row, if there is one."""
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: models.Action) -> Self:
        """Show a row."""
        return shown(cls, row)


def _calculation(row: models.Action | None) -> Calculation:
    assert row is not None  # noqa: S101 - actions are never deleted
    return Calculation.of(row.calculation)


@strawberry.input(description="A part of an action in one mode of travel, or a whole action that has no parts.")
class LegInput:
    """A leg."""

    type: str = strawberry.field(description="Code of an action type, for example BUS; `actionTypes` lists them.")
    quantity: int = strawberry.field(description="Whole metres or counts, as the type's unit says; at least 1.")
    started_at: datetime = strawberry.field(description="When it started.")
    ended_at: datetime = strawberry.field(description="When it ended.")


@strawberry.input(description="Record a green action of a user.")
class RecordActionInput:
    """Record an action."""

    idempotency_key: str = strawberry.field(
        description="Your key for this action, 1 to 128 characters, kept for ever: a repetition has one effect."
    )
    user: UserBy = strawberry.field(description="The user. A new external reference registers a new user.")
    legs: list[LegInput] = strawberry.field(
        description="1 to 20 legs in order of time; a journey in several modes has several. One leg needs no brackets."
    )
    external_ref: str | None = strawberry.field(
        default=None, description="Your own reference of the action, such as a trip number; each can be used once."
    )
    methodology: str | None = strawberry.field(
        default=None, description="Version of the methodology; the service's default if unsaid, BJ-2024."
    )


@strawberry.input(description="Record up to 1,000 actions in one call.")
class RecordActionsInput:
    """Record many actions."""

    idempotency_key: str = strawberry.field(
        description="Your key for this call, 1 to 124 characters. An item without a key of its own is given this one "
        "with its index."
    )
    actions: list["RecordActionsItem"] = strawberry.field(description="The actions, 1 to 1,000.")


@strawberry.input(description="One action of many.")
class RecordActionsItem:
    """One action of many."""

    user: UserBy = strawberry.field(description="The user. A new external reference registers a new user.")
    legs: list[LegInput] = strawberry.field(description="1 to 20 legs in order of time.")
    external_ref: str | None = strawberry.field(default=None, description="Your own reference of the action.")
    methodology: str | None = strawberry.field(default=None, description="Version of the methodology.")
    idempotency_key: str | None = strawberry.field(
        default=None, description="Your key for this action, so that it can be sent again in another call."
    )


@strawberry.input(description="Declare an action void.")
class ReverseActionInput:
    """Reverse an action."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    action_id: strawberry.ID = strawberry.field(description="An action that you have recorded.")


@strawberry.type(description="What became of a recorded action.")
class RecordActionPayload:
    """What became of the action."""

    action: Action | None = strawberry.field(description="The action; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[RecordActionError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of many actions.")
class RecordActionsPayload:
    """What became of the actions."""

    results: list[RecordActionPayload] = strawberry.field(description="One result for each action, in order.")
    errors: list[RecordActionsError] = strawberry.field(description="Why none was looked at; empty when they were.")


@strawberry.type(description="What became of a reverseAction call.")
class ReverseActionPayload:
    """What became of the call."""

    action: Action | None = strawberry.field(description="The action, now reversed; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[ReverseActionError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What an action would give.")
class ActionEstimate:
    """What an action would give."""

    calculation: Calculation | None = strawberry.field(description="The calculation; null when it would be refused.")
    errors: list[EstimateActionError] = strawberry.field(
        description="Why it would be refused; empty when it would not."
    )
