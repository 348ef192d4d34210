"""Arguments and inputs that several subjects share, and their way into the ledger's words."""

from datetime import datetime
from typing import Annotated, Any, TypeAlias, TypeVar
from uuid import UUID

import strawberry
from graphql import GraphQLError

from api.ledger import Outcome, UserBy
from api.models import NOBODY
from api.schema import node
from api.schema.balance import Balance
from api.schema.catalogue import error
from api.schema.context import Info
from api.schema.scalars import Grams
from api.schema.user import UserBy as UserByInput

Value = TypeVar("Value")

Since: TypeAlias = Annotated[datetime | None, strawberry.argument(description="Only from this moment on.")]
Until: TypeAlias = Annotated[datetime | None, strawberry.argument(description="Only before this moment.")]
OfUser: TypeAlias = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this user.")]
OfPartner: TypeAlias = Annotated[strawberry.ID | None, strawberry.argument(description="Only of this partner.")]
OfProject: TypeAlias = Annotated[strawberry.ID | None, strawberry.argument(description="Only to this project.")]


def asked_user(info: Info, user_id: strawberry.ID | None) -> UUID | None:
    """Return the user that a list is asked for: with a user token its own user, and nobody for another's id.

    Raises: GraphQLError.
    """
    bound = info.context.caller.user_id
    asked = node.require_id(user_id, node.USER) if user_id is not None else bound
    return asked if bound in {None, asked} else NOBODY


def bad_input(english: str, **facts: Any) -> GraphQLError:
    """Return the error for arguments that can never be right: a sentence, whose facts stand in braces."""
    return error("BAD_USER_INPUT", english, **facts)


def some(value: strawberry.Maybe[Value]) -> Value | None:
    """Return the value of an optional input, None when it was left out."""
    return value.value if value is not None else None


def user_by(given: UserByInput) -> UserBy:
    """Return the ledger's name of a user; text that is not a user's id names nobody."""
    text = some(given.id)
    if text is not None:
        return UserBy(id=node.read_id(text, node.USER))
    return UserBy(external_ref=some(given.external_ref))


async def known_balance(info: Info, outcome: Outcome) -> Balance | None:
    """Return the user's energy for a call that needs no link with the user; None when there is no link any more."""
    caller = info.context.partnership
    if outcome.user_id is None:
        return None
    link = await info.context.loaders.linked_users.load((caller.partner_id, caller.environment, outcome.user_id))
    return balance_of(outcome) if link is not None else None


def balance_of(outcome: Outcome) -> Balance | None:
    """Return the user's energy as a call left it; None when no user was found."""
    if outcome.user_id is None:
        return None
    return Balance(user_id=outcome.user_id, available=Grams(outcome.balance_g))
