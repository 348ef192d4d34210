"""Recording actions, reversing them, estimating what they would give, and finding them again."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from api import models
from api.access import Scope
from api.ledger import BULK_MAX, TEXT_MAX, Leg, Outcome, Recording, Refusal
from api.ledger.errors import InvalidInput
from api.models import ActionStatus
from api.resolvers.arguments import OfPartner, OfUser, Since, Until, asked_user, balance_of, known_balance, user_by
from api.schema import node
from api.schema.action import (
    Action,
    ActionEstimate,
    LegInput,
    RecordActionInput,
    RecordActionPayload,
    RecordActionsInput,
    RecordActionsItem,
    RecordActionsPayload,
    ReverseActionInput,
    ReverseActionPayload,
)
from api.schema.action_type import ActionType
from api.schema.calculation import Calculation
from api.schema.context import Info, Later
from api.schema.enums import ListOrder
from api.schema.errors import show, show_failure
from api.schema.paging import After, Before, Connection, First, Last, Order, connection, window
from api.schema.permissions import guarded, public
from api.schema.user import UserBy
from api.stepping import begin

#: Its items' keys are this long at most: `<key>#999`.
BULK_KEY_MAX = TEXT_MAX - len(f"#{BULK_MAX - 1}")


@strawberry.type
class ActionQueries:
    """What can be asked of actions."""

    @strawberry.field(description="Every kind of green action that can be recorded, by code.", extensions=public())
    async def action_types(self, info: Info) -> list[ActionType]:
        """List the catalogue."""
        catalogue = info.context.ledger.catalogue
        await catalogue.refresh()
        return [ActionType.of(kind) for kind in catalogue.types.values() if kind.active]

    @strawberry.field(
        description="What an action would give if it were recorded now. Nothing is recorded.", extensions=public()
    )
    async def estimate_action(
        self,
        info: Info,
        legs: Annotated[list[LegInput], strawberry.argument(description="1 to 20 legs in order of time.")],
        user: Annotated[
            UserBy | None,
            strawberry.argument(description="A user of yours, whose day may have used up some of a cap already."),
        ] = None,
        methodology: Annotated[
            str | None, strawberry.argument(description="Version of the methodology; the default if unsaid.")
        ] = None,
    ) -> ActionEstimate:
        """Calculate without recording."""
        context = info.context
        try:
            estimate = await context.ledger.estimate(
                context.caller.partnership, _legs(legs), user_by(user) if user else None, methodology
            )
        except Refusal as refusal:
            return ActionEstimate(calculation=None, errors=show(refusal))
        return ActionEstimate(calculation=Calculation.of(estimate.calculation), errors=[])

    @strawberry.field(
        description="Actions that you have recorded, newest first; for operators everybody's.",
        extensions=guarded(Scope.ACTIONS_READ),
    )
    async def actions(
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        order: Order = ListOrder.NEWEST,
        user_id: OfUser = None,
        partner_id: OfPartner = None,
        type: Annotated[  # noqa: A002 - it is the word of the schema
            str | None, strawberry.argument(description="Only of this type, by its code; or JOURNEY.")
        ] = None,
        status: Annotated[ActionStatus | None, strawberry.argument(description="Only of this status.")] = None,
        since: Since = None,
        until: Until = None,
    ) -> Connection[Action]:
        """Page through actions; the period is that of their start."""
        caller = info.context.caller
        asked = node.require_id(partner_id, node.PARTNER) if partner_id is not None else None
        if caller.owner_id is not None and asked not in {None, caller.owner_id}:
            asked = models.NOBODY
        page = await models.Action.page(
            window(first, after, last, before, order),
            environment=caller.environment,
            partner_id=asked or caller.owner_id,
            user_id=asked_user(info, user_id),
            type=type,
            status=status,
            since=since,
            until=until,
        )
        return connection(page, Action.of)

    @strawberry.field(description="An action that you have recorded.", extensions=guarded(Scope.ACTIONS_READ))
    def action(self, info: Info, id: node.IdArgument) -> Later[Action | None]:  # noqa: A002 - it is the word of the schema
        """Find an action."""
        return visible_action(info, id)


@strawberry.type
class ActionMutations:
    """What can be done with actions."""

    @strawberry.mutation(
        description="Record a green action of a user and credit its energy.", extensions=guarded(Scope.ACTIONS_WRITE)
    )
    def record_action(
        self,
        info: Info,
        input: Annotated[RecordActionInput, strawberry.argument(description="The action.")],  # noqa: A002
    ) -> Later[RecordActionPayload]:
        """Record one."""
        return begin(_record(info, _recording(input, input.idempotency_key)))

    @strawberry.mutation(
        description=(
            "Record up to 1,000 actions. Each is decided by itself: one that is refused never stops another. "
            "Call again with the same keys as often as you like."
        ),
        extensions=guarded(Scope.ACTIONS_WRITE),
    )
    async def record_actions(
        self,
        info: Info,
        input: Annotated[RecordActionsInput, strawberry.argument(description="The actions.")],  # noqa: A002
    ) -> RecordActionsPayload:
        """Record many."""
        if not 1 <= len(input.actions) <= BULK_MAX:
            too_many = InvalidInput(
                path=("actions",),
                reason="One call records 1 to {most:,} actions, not {count:,}.",
                case={"most": BULK_MAX, "count": len(input.actions)},
            )
            return RecordActionsPayload(results=[], errors=show(too_many))
        if not 1 <= len(input.idempotency_key) <= BULK_KEY_MAX:
            bad_key = InvalidInput(
                path=("idempotencyKey",),
                reason="Expected 1 to {most} characters, which leaves room for the index of an item.",
                case={"most": BULK_KEY_MAX},
            )
            return RecordActionsPayload(results=[], errors=show(bad_key))
        recordings = [
            _recording(item, item.idempotency_key or f"{input.idempotency_key}#{index}")
            for index, item in enumerate(input.actions)
        ]
        outcomes = await info.context.ledger.record(info.context.partnership, recordings)
        rows = await _rows(info, outcomes)
        return RecordActionsPayload(results=[_recorded(info, one, rows) for one in outcomes], errors=[])

    @strawberry.mutation(
        description="Declare an action of yours void. Its grams are taken back as far as they are unspent.",
        extensions=guarded(Scope.ACTIONS_WRITE),
    )
    async def reverse_action(
        self,
        info: Info,
        input: Annotated[ReverseActionInput, strawberry.argument(description="The action.")],  # noqa: A002
    ) -> ReverseActionPayload:
        """Reverse one."""
        context = info.context
        try:
            outcome = await context.ledger.reverse_action(
                context.partnership, node.id_or_nobody(input.action_id, node.ACTION), input.idempotency_key
            )
        except Refusal as refusal:
            outcome = Outcome(refusal=refusal)
        reversed_id = outcome.result_id
        return ReverseActionPayload(
            action=await context.loaders.actions.load(reversed_id, Action.found) if reversed_id else None,
            balance=await known_balance(info, outcome),
            replayed=outcome.replayed,
            errors=show(outcome.refusal),
        )


def visible_action(info: Info, text: str) -> Awaitable[Action | None]:
    """Return an action that is the caller's to see."""
    caller = info.context.caller

    def visible(row: models.Action | None) -> Action | None:
        if row is None or row.environment is not caller.environment or not caller.sees(row.user_id):
            return None
        return Action.of(row) if caller.owner_id in {None, row.partner_id} else None

    return info.context.loaders.actions.load(node.id_or_nobody(text, node.ACTION), visible)


async def _record(info: Info, recording: Recording) -> RecordActionPayload:
    """Record one; what is awaited are answers of batches alone."""
    (outcome,) = await info.context.ledger.record(info.context.partnership, [recording])
    if isinstance(outcome, Exception):
        raise outcome
    return _recorded(info, outcome, await _rows(info, [outcome]))


async def _rows(info: Info, outcomes: Sequence[Outcome | Exception]) -> Mapping[UUID, models.Action | None]:
    """Load the actions of calls that are repeated, all at once; those of new ones come with their outcomes."""
    ids = [
        one.result_id for one in outcomes if isinstance(one, Outcome) and one.row is None and one.result_id is not None
    ]
    return dict(zip(ids, await info.context.loaders.actions.load_many(ids), strict=True)) if ids else {}


def _recorded(
    info: Info, outcome: Outcome | Exception, rows: Mapping[UUID, models.Action | None]
) -> RecordActionPayload:
    if isinstance(outcome, Exception):
        failure = show_failure(outcome, info.context.request_id)
        return RecordActionPayload(action=None, balance=None, replayed=False, errors=failure)
    return RecordActionPayload(
        action=Action.found(outcome.row or rows.get(outcome.result_id)) if outcome.result_id is not None else None,
        balance=balance_of(outcome),
        replayed=outcome.replayed,
        errors=show(outcome.refusal),
    )


def _recording(given: RecordActionInput | RecordActionsItem, key: str) -> Recording:
    return Recording(
        user=user_by(given.user),
        key=key,
        legs=_legs(given.legs),
        external_ref=given.external_ref,
        methodology=given.methodology,
    )


def _legs(given: list[LegInput]) -> tuple[Leg, ...]:
    return tuple([Leg(leg.type, leg.quantity, leg.started_at, leg.ended_at) for leg in given])
