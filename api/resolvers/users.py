"""Users of a partner, and the codes by which another partner comes to know them."""

from typing import Annotated, Any

import strawberry

from api import models
from api.access import Scope, UserToken, create_user_token
from api.ledger import Outcome, Refusal, is_text
from api.resolvers.arguments import balance_of, known_balance, user_by
from api.schema import node
from api.schema.context import Ahead, Info, Later
from api.schema.enums import ListOrder
from api.schema.errors import show
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import guarded
from api.schema.user import (
    CreateUserTokenInput,
    CreateUserTokenPayload,
    IssueLinkCodeInput,
    IssueLinkCodePayload,
    LinkCode,
    LinkUserInput,
    LinkUserPayload,
    UnlinkUserInput,
    UnlinkUserPayload,
    User,
    UserBy,
)
from api.schema.views import expected


@strawberry.type
class UserQueries:
    """What can be asked of users."""

    @strawberry.field(
        description="A user that is linked with you; for operators any user, by id.",
        extensions=guarded(Scope.USERS_READ),
    )
    def user(
        self, info: Info, by: Annotated[UserBy, strawberry.argument(description="Which one.")]
    ) -> Later[User | None]:
        """Find a user."""
        return visible_user(info, by)

    @strawberry.field(
        description="Users that are linked with you, newest first; for operators all.",
        extensions=guarded(Scope.USERS_READ),
    )
    async def users(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
    ) -> Connection[User]:
        """Page through users."""
        caller = info.context.caller
        wanted = window(first, after, last, before, order)
        loaders, owner = info.context.loaders, caller.owner_id
        page: models.Page[Any]
        if owner is None:
            page = await models.User.page(wanted, caller.environment)
            rows: list[Any] = await loaders.users.load_many([user.id for user in page.rows])
        else:
            page = await models.UserLink.page(wanted, owner, caller.environment, caller.user_id)
            keys = [(owner, caller.environment, link.user_id) for link in page.rows]
            rows = list(await loaders.linked_users.load_many(keys))
        # Whoever was unlinked in between is not there any more.
        users = [row for row in rows if row is not None]
        return connection(models.Page(users, page.has_next, page.has_previous), User.of)


@strawberry.type
class UserMutations:
    """What can be done with users."""

    @strawberry.mutation(
        description=(
            "Make a token for a front-end: bound to one user and to some of your scopes, for at most an hour. "
            "It goes into the browser, your key never does. A repeated call is answered with the same token."
        ),
        extensions=guarded(Scope.USERS_WRITE),
    )
    async def create_user_token(
        self,
        info: Info,
        input: Annotated[CreateUserTokenInput, strawberry.argument(description="User and rights.")],  # noqa: A002
    ) -> CreateUserTokenPayload:
        """Make a token."""
        context = info.context
        token: UserToken | None = None
        try:
            outcome, token = await create_user_token(
                context.ledger,
                context.signer,
                context.caller,
                user_by(input.user),
                input.scopes,
                input.ttl_s,
                input.idempotency_key,
            )
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        return CreateUserTokenPayload(
            token=token.text if token is not None else None,
            scopes=list(token.scopes) if token is not None else [],
            expires_at=token.expires_at if token is not None else None,
            balance=balance_of(outcome),
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )

    @strawberry.mutation(
        description="Issue a code, good once and for 15 minutes, with which another partner can link the user.",
        extensions=guarded(Scope.USERS_WRITE),
    )
    async def issue_link_code(
        self,
        info: Info,
        input: Annotated[IssueLinkCodeInput, strawberry.argument(description="The user.")],  # noqa: A002
    ) -> IssueLinkCodePayload:
        """Issue a code."""
        context = info.context
        try:
            outcome = await context.ledger.issue_link_code(
                context.partnership, user_by(input.user), input.idempotency_key
            )
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        row = None
        if outcome.result_id is not None:
            row = (await models.LinkCode.by_ids([outcome.result_id])).get(outcome.result_id)
        return IssueLinkCodePayload(
            link_code=LinkCode.of(row) if row is not None else None,
            balance=balance_of(outcome),
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )

    @strawberry.mutation(
        description="Redeem a link code: the user is now linked with you too, one user with one balance.",
        extensions=guarded(Scope.USERS_WRITE),
    )
    async def link_user(
        self,
        info: Info,
        input: Annotated[LinkUserInput, strawberry.argument(description="Code and reference.")],  # noqa: A002
    ) -> LinkUserPayload:
        """Redeem a code."""
        context = info.context
        try:
            outcome = await context.ledger.link_user(
                context.partnership, input.code, input.external_ref, input.idempotency_key
            )
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        return LinkUserPayload(
            user=await User.known(info, outcome.result_id) if outcome.result_id is not None else None,
            # Whoever has not linked the user, or has unlinked the user since, is told nothing of the user's energy.
            balance=await known_balance(info, outcome) if outcome.result_id is not None else None,
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )

    @strawberry.mutation(
        description="Forget a user on your side. User and energy stay with the other partners.",
        extensions=guarded(Scope.USERS_WRITE),
    )
    async def unlink_user(
        self,
        info: Info,
        input: Annotated[UnlinkUserInput, strawberry.argument(description="The user.")],  # noqa: A002
    ) -> UnlinkUserPayload:
        """Unlink."""
        context = info.context
        try:
            outcome = await context.ledger.unlink_user(context.partnership, user_by(input.user), input.idempotency_key)
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        unlinked = outcome.result_id
        return UnlinkUserPayload(
            unlinked_id=node.global_id(node.USER, unlinked) if unlinked is not None else None,
            balance=await known_balance(info, outcome) if unlinked is None else None,
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )


def visible_user(info: Info, by: UserBy) -> Later[User | None]:
    """Return a user that is the caller's to see."""
    caller, loaders = info.context.caller, info.context.loaders
    wanted, world = user_by(by), caller.environment
    if caller.owner_id is None and wanted.id is not None:
        return loaders.users.load(
            wanted.id, lambda row: User.of(row) if row is not None and row.environment is world else None
        )
    partner_id = info.context.partnership.partner_id
    if wanted.external_ref is None:
        if wanted.id is None or not caller.sees(wanted.id):
            return None
        found = loaders.linked_users.load((partner_id, world, wanted.id), User.found)
        return Ahead(found, expected(User, wanted.id))
    if not is_text(wanted.external_ref):
        return None
    name = (partner_id, world, wanted.external_ref)
    if caller.user_id is None:
        return loaders.named_users.load(name, User.found)
    return loaders.named_users.load(name, lambda row: User.of(row) if row is not None and caller.sees(row.id) else None)
