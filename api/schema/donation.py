"""Donations, and the trips that paid for them."""

from datetime import datetime
from typing import Self

import strawberry

from api import models
from api.access import Scope
from api.ledger import trace
from api.models import Along
from api.models.user import UserWithBalance
from api.schema import node
from api.schema.action import Action
from api.schema.balance import Balance
from api.schema.context import Info, Later
from api.schema.enums import AmountKeyword, DonationStatus
from api.schema.errors import DonateEnergyError, ReverseDonationError
from api.schema.event import DonationEvent
from api.schema.node import Node
from api.schema.partner import Partner
from api.schema.project import Project
from api.schema.scalars import Grams
from api.schema.user import User, UserBy
from api.schema.views import beside, of_columns, shown, view


@strawberry.type(description="Grams of a donation that one action earned.")
class Funding:
    """Grams of a donation that one action earned."""

    amount: Grams = strawberry.field(description="How much of the donation.")
    action: Action | None = strawberry.field(
        description="The action; null when another partner recorded it, and without the scope `actions:read`."
    )


@view(id=node.id_of(node.DONATION), amount="amount_g")
@strawberry.type(description="Energy that a user gave to a project.")
class Donation(Node):
    """Energy that a user gave to a project."""

    row: strawberry.Private[models.Transfer]
    #: The projects of all donations that were loaded with it, if they were.
    along: strawberry.Private[Along | None] = None
    amount: Grams = strawberry.field(description="How much.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @strawberry.field(description="The project.", metadata=beside("project_id", Project))
    def project(self, info: Info) -> Later[Project]:
        """Load the project, if it did not come along."""
        assert self.row.project_id is not None  # noqa: S101 - every donation has one
        if self.along is not None:
            return self.along.show(self.row.project_id, Project.there)
        return info.context.loaders.projects.load(self.row.project_id, Project.there)

    @strawberry.field(description="Whether it stands.", metadata=of_columns("id"))
    def status(self, info: Info) -> Later[DonationStatus]:
        """Look for a reversal."""
        return info.context.loaders.reversals.load(self.row.id, _status)

    @strawberry.field(description="When it was taken back; null while it stands.", metadata=of_columns("id"))
    def reversed_at(self, info: Info) -> Later[datetime | None]:
        """Look for a reversal."""
        return info.context.loaders.reversals.load(self.row.id, _moment)

    @strawberry.field(description="Until when it can be taken back.", metadata=of_columns("created_at"))
    def reversible_until(self, info: Info) -> datetime:
        """Add the window."""
        return self.row.created_at + info.context.ledger.rules.reversal_window

    @strawberry.field(
        description="The user; null for those who know the donor only by pseudonym, and without `users:read`.",
        metadata=of_columns("user_id", "partner_id"),
    )
    def user(self, info: Info) -> Later[User | None]:
        """Load the user for whom the user is."""
        return User.readable(info, self.row.user_id) if self._is_own(info) else None

    @strawberry.field(
        description="Pseudonym of the donor: the same for all of a person's donations to this project, and no other.",
        metadata=of_columns("user_id", "project_id"),
    )
    def donor(self, info: Info) -> Later[str]:
        """Compute the pseudonym."""
        project_id = self.row.project_id
        assert project_id is not None  # noqa: S101 - every donation has one

        def pseudonym(row: UserWithBalance | None) -> str:
            assert row is not None  # noqa: S101 - users are never deleted
            return row.pseudonym(project_id)

        return info.context.loaders.users.load(self.row.user_id, pseudonym)

    @strawberry.field(description="The partner through which it was made.", metadata=of_columns("partner_id"))
    def partner(self, info: Info) -> Later[Partner | None]:
        """Load the partner."""
        return info.context.loaders.partners.load(self.row.partner_id, Partner.found)

    @strawberry.field(
        description="The actions that paid for it, first in, first out; null for those who may not see its user."
    )
    async def funded_by(self, info: Info) -> list[Funding] | None:
        """Trace the grams back."""
        if not self._is_own(info):
            return None
        caller = info.context.caller
        funding = await trace.funded_by(self.row)
        actions = await info.context.loaders.actions.load_many([action_id for action_id, _ in funding])
        readable = Scope.ACTIONS_READ in caller.scopes
        return [
            Funding(
                amount=Grams(amount_g),
                action=Action.of(action)
                if readable and action is not None and caller.owner_id in {None, action.partner_id}
                else None,
            )
            for (_, amount_g), action in zip(funding, actions, strict=True)
        ]

    @strawberry.field(
        description="Its numbered event in the project; null for the moment until it is sealed.",
        metadata=of_columns("id"),
    )
    def event(self, info: Info) -> Later[DonationEvent | None]:
        """Load the event."""
        return info.context.loaders.events_by_transfer.load(self.row.id, DonationEvent.found)

    def _is_own(self, info: Info) -> bool:
        return info.context.caller.owner_id in {None, self.row.partner_id}

    @classmethod
    def found(cls, row: models.Transfer | None) -> Self | None:
        """Show a row, if there is one."""
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: models.Transfer) -> Self:
        """Show a row."""
        return shown(cls, row)


def _status(reversal: models.Transfer | None) -> DonationStatus:
    return DonationStatus.DONATED if reversal is None else DonationStatus.REVERSED


def _moment(reversal: models.Transfer | None) -> datetime | None:
    return reversal.created_at if reversal is not None else None


@strawberry.input(one_of=True, description="How much to donate, by exactly one of these.")
class AmountInput:
    """How much to donate."""

    grams: strawberry.Maybe[Grams] = strawberry.field(description="So many grams, at least 1.")
    all: strawberry.Maybe[AmountKeyword] = strawberry.field(description="ALL: everything that the user has.")


@strawberry.input(description="Donate energy of a user to a project.")
class DonateEnergyInput:
    """Donate energy."""

    idempotency_key: str = strawberry.field(
        description="Your key for this donation, 1 to 128 characters, kept for ever: a repetition has one effect."
    )
    user: UserBy = strawberry.field(description="A user that is linked with you.")
    project_id: strawberry.ID = strawberry.field(description="The project.")
    amount: AmountInput = strawberry.field(description="How much.")


@strawberry.input(description="Take a donation back while its window is open.")
class ReverseDonationInput:
    """Reverse a donation."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    donation_id: strawberry.ID = strawberry.field(description="A donation that was made through you.")


@strawberry.type(description="What became of a donateEnergy call.")
class DonateEnergyPayload:
    """What became of the call."""

    donation: Donation | None = strawberry.field(description="The donation; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[DonateEnergyError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of a reverseDonation call.")
class ReverseDonationPayload:
    """What became of the call."""

    donation: Donation | None = strawberry.field(description="The donation, now reversed; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[ReverseDonationError] = strawberry.field(description="Why it was refused; empty when it was not.")
