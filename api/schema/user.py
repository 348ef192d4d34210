"""Users: pseudonyms with a balance, and everything that one partner may see of them."""

from collections.abc import Awaitable
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from api import models
from api.access import Scope
from api.models import Environment, moves
from api.models.loaders import UserPage
from api.models.user import UserWithBalance
from api.models.user_link import LinkedUser
from api.schema import node
from api.schema.balance import Balance
from api.schema.context import Info, Later, later
from api.schema.enums import ListOrder
from api.schema.errors import CreateUserTokenError, IssueLinkCodeError, LinkUserError, UnlinkUserError
from api.schema.node import Node
from api.schema.paging import After, Before, Connection, First, Last, Order, PagedAs, window
from api.schema.permissions import guarded
from api.schema.project import Project
from api.schema.transfer import Transfer
from api.schema.views import OF_KEY_ALONE, ReadParts, parts_of, shown, view

if TYPE_CHECKING:
    from api.schema.action import Action
    from api.schema.donation import Donation


@cache
def _actions() -> "PagedAs[Action]":
    from api.schema.action import Action  # noqa: PLC0415 - actions have users, users have actions

    return PagedAs(Action)


@cache
def _donations() -> "PagedAs[Donation]":
    from api.schema.donation import Donation  # noqa: PLC0415 - donations have users, users have donations

    return PagedAs(Donation)


_transfers = PagedAs(Transfer)


_BALANCE = ReadParts(Balance, user_id="id", available="available")


def _reference(row: LinkedUser | None) -> str | None:
    return row.external_ref if row is not None else None


@view(id=node.id_of(node.USER))
@strawberry.type(description="A pseudonymous person who owns energy. No name, no address, no e-mail.")
class User(Node):
    """A pseudonymous person."""

    row: strawberry.Private[UserWithBalance]
    environment: Environment = strawberry.field(description="The world that the user belongs to.")
    created_at: datetime = strawberry.field(description="When the user was first named.")

    @strawberry.field(description="Your own reference of the user; null for operators.")
    def external_ref(self, info: Info) -> Later[str | None]:
        """Tell it, or load the caller's link."""
        caller = info.context.caller
        if caller.partner is None:
            return None
        known: str | None = getattr(self.row, "external_ref", None)  # there when the user was found by the link
        if known is not None:
            return known
        return info.context.loaders.linked_users.load((caller.partner.id, caller.environment, self.row.id), _reference)

    @strawberry.field(description="The user's energy, whoever recorded it.", metadata=parts_of(_BALANCE))
    def balance(self) -> Balance:
        """Show it: it comes with the user."""
        balance: Balance = _BALANCE.read(self)
        return balance

    @strawberry.field(
        description="Actions that you have recorded for the user.",
        extensions=guarded(Scope.ACTIONS_READ),
        metadata=OF_KEY_ALONE,
    )
    def actions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
    ) -> Later[Connection[Annotated["Action", strawberry.lazy("api.schema.action")]] | None]:
        """Page through the user's actions."""
        caller, user_id = info.context.caller, self.row.id
        wanted = window(first, after, last, before, order)
        if caller.owner_id is None:
            every = models.Action.page(wanted, environment=caller.environment, user_id=user_id)
            return later(every, _actions())
        shown = _actions()
        columns, form = shown.columns(info), shown.form(info)
        own = UserPage(user_id, caller.owner_id, caller.environment, wanted, columns, form=form)
        return info.context.loaders.action_pages.load(own, shown)

    @strawberry.field(
        description="Donations that were made through you by the user.",
        extensions=guarded(Scope.DONATIONS_READ),
        metadata=OF_KEY_ALONE,
    )
    def donations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
    ) -> Later[Connection[Annotated["Donation", strawberry.lazy("api.schema.donation")]] | None]:
        """Page through the user's donations."""
        caller, user_id = info.context.caller, self.row.id
        wanted = window(first, after, last, before, order)
        if caller.owner_id is None:
            every = models.Transfer.donations(wanted, environment=caller.environment, user_id=user_id)
            return later(every, _donations())
        shown = _donations()
        columns, projects, form = shown.columns(info), shown.along(info, "project", Project), shown.form(info)
        own = UserPage(user_id, caller.owner_id, caller.environment, wanted, columns, projects, form)
        return info.context.loaders.donation_pages.load(own, shown)

    @strawberry.field(
        description="Every move of the user's energy through you, newest first.",
        extensions=guarded(Scope.DONATIONS_READ),
        metadata=OF_KEY_ALONE,
    )
    def transfers(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Later[Connection[Transfer] | None]:
        """Page through the user's ledger."""
        caller, user_id = info.context.caller, self.row.id
        wanted = window(first, after, last, before)
        if caller.owner_id is None:
            return later(moves.history(wanted, user_id), _transfers)
        columns, form = _transfers.columns(info), _transfers.form(info)
        own = UserPage(user_id, caller.owner_id, caller.environment, wanted, columns, form=form)
        return info.context.loaders.move_pages.load(own, _transfers)

    @classmethod
    def readable(cls, info: Info, user_id: UUID) -> "Later[Self | None]":
        """Show a user below something else that is the caller's: only to a caller that may read users as well."""
        if Scope.USERS_READ not in info.context.caller.scopes:
            return None
        return cls.known(info, user_id)

    @classmethod
    def known(cls, info: Info, user_id: UUID) -> "Awaitable[Self | None]":
        """Show a user to a caller that is linked with it, or that sees everybody; to one that unlinked it, no more."""
        context = info.context
        owner = context.caller.owner_id
        if owner is None:
            return context.loaders.users.load(user_id, cls.found)
        return context.loaders.linked_users.load((owner, context.caller.environment, user_id), cls.found)

    @classmethod
    def found(cls, row: UserWithBalance | None) -> Self | None:
        """Show a row, if there is one."""
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: UserWithBalance) -> Self:
        """Show a row."""
        return shown(cls, row)


@strawberry.type(description="A code with which another partner can link the user, once.")
class LinkCode:
    """A one-time code."""

    code: str = strawberry.field(description="The code, for the person to carry. Capitals and digits.")
    expires_at: datetime = strawberry.field(description="When it ends, used or not.")
    redeemed_at: datetime | None = strawberry.field(description="When it was used; null while it is open.")

    @classmethod
    def of(cls, row: models.LinkCode) -> Self:
        """Show a row."""
        return cls(code=row.code, expires_at=row.expires_at, redeemed_at=row.redeemed_at)


@strawberry.input(one_of=True, description="A user, by exactly one of these.")
class UserBy:
    """A user, by exactly one of these."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="Global id.")
    external_ref: strawberry.Maybe[str] = strawberry.field(description="Your own reference of the user.")


@strawberry.input(description="Issue a code with which another partner can link the user.")
class IssueLinkCodeInput:
    """Issue a link code."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    user: UserBy = strawberry.field(description="A user that is linked with you.")


@strawberry.input(description="Redeem a link code: the user becomes yours too, under your own reference.")
class LinkUserInput:
    """Redeem a link code."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    code: str = strawberry.field(description="The code that the person carries.")
    external_ref: str = strawberry.field(description="Your own reference of the user, 1 to 128 characters.")


@strawberry.input(description="Forget a user on your side. User and energy stay with the other partners.")
class UnlinkUserInput:
    """Forget a user."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    user: UserBy = strawberry.field(description="A user that is linked with you.")


@strawberry.type(description="What became of an issueLinkCode call.")
class IssueLinkCodePayload:
    """What became of the call."""

    link_code: LinkCode | None = strawberry.field(description="The code; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[IssueLinkCodeError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of a linkUser call.")
class LinkUserPayload:
    """What became of the call."""

    user: User | None = strawberry.field(description="The user; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[LinkUserError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.type(description="What became of an unlinkUser call.")
class UnlinkUserPayload:
    """What became of the call."""

    unlinked_id: strawberry.ID | None = strawberry.field(description="Global id of the user; null when refused.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    balance: Balance | None = strawberry.field(description="Always null: the user's energy is no longer yours to see.")
    errors: list[UnlinkUserError] = strawberry.field(description="Why it was refused; empty when it was not.")


@strawberry.input(description="Make a token with which a front-end acts for one user.")
class CreateUserTokenInput:
    """Make a user token."""

    idempotency_key: str = strawberry.field(description="Your key for this call; a repetition has one effect.")
    user: UserBy = strawberry.field(description="A user that is linked with you.")
    scopes: list[str] = strawberry.field(
        description="What it opens, of what you may: actions:read or write, donations:read or write, users:read."
    )
    ttl_s: int = strawberry.field(default=900, description="Seconds that it lives, 60 to 3,600.")


@strawberry.type(description="What became of a createUserToken call.")
class CreateUserTokenPayload:
    """What became of the call."""

    token: str | None = strawberry.field(description="Send it as Authorization: Bearer …; null when refused.")
    scopes: list[str] = strawberry.field(description="What it opens.")
    expires_at: datetime | None = strawberry.field(description="When it ends; null when refused.")
    balance: Balance | None = strawberry.field(description="The user's energy; null when no user was found.")
    replayed: bool = strawberry.field(description="Whether this is the stored answer to an earlier call.")
    errors: list[CreateUserTokenError] = strawberry.field(description="Why it was refused; empty when it was not.")
