"""Users: pseudonyms with a balance, and everything that one partner may see of them."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

import strawberry

from api import models
from api.access import Scope
from api.models import Environment
from api.schema import node
from api.schema.balance import Balance
from api.schema.context import Info
from api.schema.enums import ListOrder
from api.schema.errors import CreateUserTokenError, IssueLinkCodeError, LinkUserError, UnlinkUserError
from api.schema.node import Node
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import guarded
from api.schema.scalars import Grams
from api.schema.transfer import Transfer

if TYPE_CHECKING:
    from api.schema.action import Action
    from api.schema.donation import Donation


@strawberry.type(description="A pseudonymous person who owns energy. No name, no address, no e-mail.")
class User(Node):
    """A pseudonymous person."""

    row: strawberry.Private[models.User]
    environment: Environment = strawberry.field(description="The world that the user belongs to.")
    created_at: datetime = strawberry.field(description="When the user was first named.")

    @strawberry.field(description="Your own reference of the user; null for operators.")
    async def external_ref(self, info: Info) -> str | None:
        """Load the caller's link."""
        link = await info.context.loaders.links.load(self.row.id)
        return link.external_ref if link is not None else None

    @strawberry.field(description="The user's energy, whoever recorded it.")
    async def balance(self, info: Info) -> Balance:
        """Load the account."""
        account = await info.context.loaders.accounts.load(self.row.id)
        return Balance(user_id=self.row.id, available=Grams(account.available if account is not None else 0))

    @strawberry.field(
        description="Actions that you have recorded for the user.", extensions=guarded(Scope.ACTIONS_READ)
    )
    async def actions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
    ) -> Connection[Annotated["Action", strawberry.lazy("api.schema.action")]] | None:
        """Page through the user's actions."""
        from api.schema.action import Action  # noqa: PLC0415 - actions have users, users have actions

        caller = info.context.caller
        page = await models.Action.page(
            window(first, after, last, before, order),
            environment=caller.environment,
            partner_id=caller.owner_id,
            user_id=self.row.id,
        )
        return connection(page, Action.of)

    @strawberry.field(
        description="Donations that were made through you by the user.", extensions=guarded(Scope.DONATIONS_READ)
    )
    async def donations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
    ) -> Connection[Annotated["Donation", strawberry.lazy("api.schema.donation")]] | None:
        """Page through the user's donations."""
        from api.schema.donation import Donation  # noqa: PLC0415 - donations have users, users have donations

        caller = info.context.caller
        page = await models.Transfer.donations(
            window(first, after, last, before, order),
            environment=caller.environment,
            partner_id=caller.owner_id,
            user_id=self.row.id,
        )
        return connection(page, Donation.of)

    @strawberry.field(
        description="Every move of the user's energy through you, newest first.",
        extensions=guarded(Scope.DONATIONS_READ),
    )
    async def transfers(
        self, info: Info, first: First = None, after: After = None, last: Last = None, before: Before = None
    ) -> Connection[Transfer] | None:
        """Page through the user's ledger."""
        page = await models.Transfer.history(
            window(first, after, last, before), self.row.id, info.context.caller.owner_id
        )
        return connection(page, Transfer.of)

    @classmethod
    async def readable(cls, info: Info, user_id: UUID) -> Self | None:
        """Show a user below something else that is the caller's: only to a caller that may read users as well."""
        if Scope.USERS_READ not in info.context.caller.scopes:
            return None
        return await cls.known(info, user_id)

    @classmethod
    async def known(cls, info: Info, user_id: UUID) -> Self | None:
        """Show a user to a caller that is linked with it, or that sees everybody; to one that unlinked it, no more."""
        loaders = info.context.loaders
        if info.context.caller.owner_id is not None and await loaders.links.load(user_id) is None:
            return None
        row = await loaders.users.load(user_id)
        return cls.of(row) if row is not None else None

    @classmethod
    def of(cls, row: models.User) -> Self:
        """Show a row."""
        return cls(
            id=node.global_id(node.USER, row.id), row=row, environment=row.environment, created_at=row.created_at
        )


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
