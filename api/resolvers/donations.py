"""Donating energy, taking a donation back, finding donations again, and following them for ever."""

from collections.abc import AsyncIterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from api import models
from api.access import Scope
from api.events.following import Updates
from api.ledger import Outcome, Refusal
from api.resolvers.arguments import (
    OfPartner,
    OfProject,
    OfUser,
    Since,
    Until,
    asked_user,
    bad_input,
    balance_of,
    known_balance,
    some,
    user_by,
)
from api.schema import node
from api.schema.catalogue import error
from api.schema.context import Info, Later
from api.schema.donation import (
    DonateEnergyInput,
    DonateEnergyPayload,
    Donation,
    ReverseDonationInput,
    ReverseDonationPayload,
)
from api.schema.enums import ListOrder, StartPosition
from api.schema.errors import show
from api.schema.event import (
    Checkpoint,
    DonationEvent,
    DonationUpdate,
    ProjectPosition,
    read_cursor,
    write_cursor,
)
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import guarded
from api.schema.user import UserBy
from api.stepping import begin

#: Projects in one subscription.
FOLLOWED_MAX = 50


@strawberry.type
class DonationQueries:
    """What can be asked of donations."""

    @strawberry.field(
        description="Donations made through you and to projects that you take part in, newest first.",
        extensions=guarded(Scope.DONATIONS_READ),
    )
    async def donations(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
        project_id: OfProject = None,
        user_id: OfUser = None,
        partner_id: OfPartner = None,
        since: Since = None,
        until: Until = None,
    ) -> Connection[Donation]:
        """Page through donations."""
        caller = info.context.caller
        audience = None
        if caller.owner_id is not None:
            # A user may be asked for only by who knows the user: an NGO knows pseudonyms.
            audience = (caller.owner_id, set() if user_id is not None else await caller.projects())
        page = await models.Transfer.donations(
            window(first, after, last, before, order),
            environment=caller.environment,
            audience=audience,
            project_id=node.require_id(project_id, node.PROJECT) if project_id is not None else None,
            user_id=asked_user(info, user_id),
            partner_id=node.require_id(partner_id, node.PARTNER) if partner_id is not None else None,
            since=since,
            until=until,
        )
        return connection(page, Donation.of)

    @strawberry.field(
        description=(
            "A donation, by its id; or by user and idempotency key, the answer to whether your call landed: "
            "null says that no donation was made under this key."
        ),
        extensions=guarded(Scope.DONATIONS_READ),
    )
    async def donation(
        self,
        info: Info,
        id: Annotated[strawberry.ID | None, strawberry.argument(description="Global id.")] = None,  # noqa: A002
        idempotency_key: Annotated[
            str | None, strawberry.argument(description="The key of your call, together with its user.")
        ] = None,
        user: Annotated[
            UserBy | None, strawberry.argument(description="The user of your call, together with its key.")
        ] = None,
    ) -> Donation | None:
        """Find a donation."""
        if id is not None and idempotency_key is None and user is None:
            return await visible_donation(info, id)
        if id is not None or idempotency_key is None or user is None:
            raise bad_input("Say either id, or idempotencyKey and user.")
        context = info.context
        try:
            row = await context.ledger.donation_of_key(context.partnership, user_by(user), idempotency_key)
        except Refusal:
            return None
        return Donation.of(row) if row is not None else None


@strawberry.type
class DonationMutations:
    """What can be done with donations."""

    @strawberry.mutation(description="Donate energy of a user to a project.", extensions=guarded(Scope.DONATIONS_WRITE))
    def donate_energy(
        self,
        info: Info,
        input: Annotated[DonateEnergyInput, strawberry.argument(description="The donation.")],  # noqa: A002
    ) -> Later[DonateEnergyPayload]:
        """Donate."""
        return begin(_donate(info, input))

    @strawberry.mutation(
        description="Take a donation back while its window is open: its grams return to the user.",
        extensions=guarded(Scope.DONATIONS_WRITE),
    )
    async def reverse_donation(
        self,
        info: Info,
        input: Annotated[ReverseDonationInput, strawberry.argument(description="The donation.")],  # noqa: A002
    ) -> ReverseDonationPayload:
        """Reverse."""
        context = info.context
        try:
            outcome = await context.ledger.reverse_donation(
                context.partnership, node.id_or_nobody(input.donation_id, node.DONATION), input.idempotency_key
            )
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        return ReverseDonationPayload(
            donation=await _donation(info, outcome),
            balance=await known_balance(info, outcome),
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )


@strawberry.type
class DonationSubscriptions:
    """What can be followed of donations."""

    @strawberry.subscription(
        description=(
            "Every donation to these projects, from a cursor to now and on for ever: in order, numbered without gaps, "
            "none twice. After a break give the last cursor as `after`. A Checkpoint comes when the backlog is "
            "through and whenever it is quiet."
        ),
        extensions=guarded(Scope.EVENTS_READ),
    )
    async def donation_updates(
        self,
        info: Info,
        project_ids: Annotated[
            list[strawberry.ID],
            strawberry.argument(description=f"1 to {FOLLOWED_MAX} projects that you take part in."),
        ],
        after: Annotated[
            str | None, strawberry.argument(description="Cursor of the last event or checkpoint that you have.")
        ] = None,
        start_at: Annotated[
            StartPosition, strawberry.argument(description="Where projects begin that the cursor does not know.")
        ] = StartPosition.BEGINNING,
    ) -> AsyncIterable[DonationUpdate]:
        """Follow the feed."""
        context = info.context
        environment = context.caller.environment
        followed = await _followed(info, project_ids)
        heads = await context.feed.heads(followed, environment)
        known = read_cursor(after) if after is not None else {}
        start = dict.fromkeys(followed, 0) if start_at is StartPosition.BEGINNING else heads
        positions = {project_id: known.get(project_id, start[project_id]) for project_id in followed}
        if ahead := [project_id for project_id in followed if positions[project_id] > heads[project_id]]:
            names = ", ".join(node.global_id(node.PROJECT, project_id) for project_id in ahead)
            raise error(
                "BAD_CURSOR",
                "The cursor is ahead of {names}: it is from another world, or from another service.",
                names=names,
            )
        return Updates(context.feed, environment, positions, heads, idle_s=context.checkpoint_s, show=_donation_update)


async def _followed(info: Info, project_ids: list[strawberry.ID]) -> list[UUID]:
    """Return the projects' ids, all of them the caller's to follow.

    Raises: GraphQLError with code BAD_USER_INPUT or FORBIDDEN.
    """
    ids = list(dict.fromkeys(node.require_id(text, node.PROJECT) for text in project_ids))
    if not 1 <= len(ids) <= FOLLOWED_MAX:
        raise bad_input("Follow 1 to {most} projects.", most=FOLLOWED_MAX)
    caller = info.context.caller
    allowed = set(await models.Project.by_ids(ids)) if caller.is_operator else await caller.projects()
    if foreign := [one for one in ids if one not in allowed]:
        names = ", ".join(node.global_id(node.PROJECT, one) for one in foreign)
        raise error("FORBIDDEN", "You take no part in {names}.", names=names)
    return ids


def _donation_update(event: models.Event | None, positions: Mapping[UUID, int]) -> DonationEvent | Checkpoint:
    if event is not None:
        return DonationEvent.of(event, write_cursor(positions))
    return Checkpoint(
        cursor=write_cursor(positions),
        at=models.now(),
        positions=[
            ProjectPosition(project_id=node.global_id(node.PROJECT, project_id), sequence=sequence)
            for project_id, sequence in positions.items()
        ],
    )


async def visible_donation(info: Info, text: str) -> Donation | None:
    """Return a donation that is the caller's to see: made through it, or to a project that it takes part in."""
    caller = info.context.caller
    row = await info.context.loaders.transfers.load(node.id_or_nobody(text, node.DONATION))
    if row is None or row.kind is not models.TransferKind.DONATE or row.environment is not caller.environment:
        return None
    if not caller.sees(row.user_id):
        return None
    if caller.owner_id in {None, row.partner_id} or row.project_id in await caller.projects():
        return Donation.of(row)
    return None


async def _donate(info: Info, given: DonateEnergyInput) -> DonateEnergyPayload:
    """Donate; what is awaited are answers of batches alone."""
    context = info.context
    try:
        outcome = await context.ledger.donate(
            context.partnership,
            user_by(given.user),
            node.id_or_nobody(given.project_id, node.PROJECT),
            some(given.amount.grams),
            given.idempotency_key,
        )
    except Refusal as refusal:
        outcome = Outcome(refusal=refusal)
    return DonateEnergyPayload(
        donation=await _donation(info, outcome),
        balance=balance_of(outcome),
        replayed=outcome.replayed,
        errors=show(outcome.refusal),
    )


async def _donation(info: Info, outcome: Outcome) -> Donation | None:
    """Show the donation: as it was just written, or loaded where the call is a repetition."""
    if outcome.row is not None:
        return Donation.of(outcome.row)
    return await info.context.loaders.transfers.load(outcome.result_id, Donation.found) if outcome.result_id else None
