"""Actions: from a trip to grams, and back when the trip turns out not to have been one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from typing_extensions import override

from api.ledger import trace, trips
from api.ledger.errors import ActionNotFound, ActionTypeNotFound, AlreadyReversed, ExternalRefUsed, FactorNotFound
from api.ledger.methodology import Line, emissions_mg, formula, reduction_g
from api.ledger.orders import Book, Decided, Order
from api.ledger.reference import Catalogue
from api.ledger.trips import Leg
from api.models import (
    REVERSE_ACTIONS,
    Action,
    ActionRef,
    ActionRefRow,
    ActionRow,
    ActionStatus,
    ActionType,
    Claim,
    EmissionFactor,
    Transfer,
    TransferKind,
    new_id,
)
from api.models.statements import Transaction

#: The type of an action whose legs are of several types.
JOURNEY = "JOURNEY"


@dataclass(kw_only=True, eq=False)
class RecordAction(Order):
    """Record a green action of a user and credit its energy."""

    operation: ClassVar[str] = "recordAction"

    legs: tuple[Leg, ...]
    external_ref: str | None
    methodology: str
    catalogue: Catalogue
    zone: ZoneInfo

    @property
    def ref(self) -> Claim | None:
        """What the partner calls the action, if it calls it anything; each world has its own references."""
        return None if self.external_ref is None else (self.partner_id, self.environment, self.external_ref)

    @override
    def asked(self) -> dict[str, Any]:
        return {
            "legs": [
                {"type": one.type, "quantity": one.quantity, "started_at": one.started_at, "ended_at": one.ended_at}
                for one in self.legs
            ],
            "external_ref": self.external_ref,
            "methodology": self.methodology,
        }

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        times: dict[UUID, tuple[UUID, datetime, datetime]] = {}
        for order in orders:
            since, until = order.times
            _, first, last = times.get(order.user_id, (None, since, until))
            times[order.user_id] = (order.user_id, min(first, since), max(last, until))
        for action in await Action.standing(times.values(), transaction):
            books[action.user_id].trips.append(action.calculation)
        # One set for the whole batch: a reference that one user's action takes is taken for every other's.
        used = await ActionRef.taken(transaction, {order.ref for order in orders if order.ref is not None})
        for order in orders:
            books[order.user_id].used_refs = used

    @property
    def times(self) -> tuple[datetime, datetime]:
        """From when to when other actions have to do with this one: the days on which its legs start, to its end."""
        days = [day for leg in self.legs for day in trips.day_of(leg.started_at, self.zone)]
        return min(days), max(*days, self.legs[-1].ended_at)

    @override
    def decide(self, book: Book) -> Decided:
        rated = rate(self.legs, self.methodology, self.catalogue)
        types = [kind for kind, _ in rated]
        trips.check_reporting_time(self.legs, types, self.at)
        ref, used_refs = self.ref, book.used_refs
        if ref is not None and used_refs is not None and ref in used_refs:
            raise ExternalRefUsed(external_ref=ref[2])
        trips.check_overlap(self.legs, types, book.trips, self.catalogue.exclusive)
        lines = calculate(self.legs, rated, book.trips, self.zone)
        action = self._action(lines, rated)
        if ref is not None and used_refs is not None:
            used_refs.add(ref)
            book.written.claims.append(ActionRefRow(action.id, *ref))
        book.trips.append(action.calculation)
        book.written.actions.append(action)
        if action.credited_g:
            book.credit(self, TransferKind.EARN, action.credited_g, action_id=action.id)
        return action.id, action

    def _action(self, lines: Sequence[Line], rated: Sequence[tuple[ActionType, EmissionFactor]]) -> ActionRow:
        legs = self.legs
        is_capped = any(line.is_capped for line in lines)
        return ActionRow(
            new_id(self.at),
            self.environment,
            self.user_id,
            self.partner_id,
            legs[0].type if len(legs) == 1 or len({leg.type for leg in legs}) == 1 else JOURNEY,
            sum([leg.quantity for leg in legs]),
            legs[0].started_at,
            legs[-1].ended_at,
            self.external_ref,
            ActionStatus.CAPPED if is_capped else ActionStatus.CREDITED,
            frozen(lines, rated),
            sum([line.reduction_g for line in lines]),
            sum([line.credited_g for line in lines]),
            None,
            self.at,
            None,
        )


@dataclass(kw_only=True, eq=False)
class ReverseAction(Order):
    """Declare a recorded action void and take back its grams as far as they are unspent."""

    operation: ClassVar[str] = "reverseAction"
    alone: ClassVar[bool] = True

    action_id: UUID

    @override
    def asked(self) -> dict[str, Any]:
        return {"action_id": str(self.action_id)}

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        for order in orders:
            book = books[order.user_id]
            book.action = (await Action.by_ids([order.action_id])).get(order.action_id)
            book.gaps = await trace.gaps_of(order.user_id)
            book.earned = await Transfer.of_action(order.user_id, order.action_id, TransferKind.EARN)
            if book.earned is not None:
                book.unspent = await trace.unspent_of(book.account, book.earned, book.gaps)

    @override
    def decide(self, book: Book) -> Decided:
        action = book.action
        if action is None or (action.partner_id, action.user_id) != (self.partner_id, self.user_id):
            raise ActionNotFound
        if action.status is ActionStatus.REVERSED:
            raise AlreadyReversed(path=("actionId",))
        if book.earned is not None and book.unspent:
            book.cut(self, TransferKind.REVERSE_EARN, book.unspent, action_id=action.id, reverses=book.earned.id)
        taken_back_g = sum(where.grams for where in book.unspent)
        book.written.others.append((REVERSE_ACTIONS, (ActionStatus.REVERSED, self.at, taken_back_g, action.id)))
        return action.id, None


def rate(legs: Sequence[Leg], methodology: str, catalogue: Catalogue) -> list[tuple[ActionType, EmissionFactor]]:
    """Return type and factor of each leg, plausible by itself.

    Raises: ActionTypeNotFound, FactorNotFound, InvalidInput, ImplausibleQuantity, ImplausibleSpeed.
    """
    rated: list[tuple[ActionType, EmissionFactor]] = []
    for index, leg in enumerate(legs):
        path = ("legs", str(index), "type")
        kind = catalogue.types.get(leg.type)
        if kind is None or not kind.active:
            raise ActionTypeNotFound(path=path, type=leg.type)
        factor = catalogue.factor(methodology, leg.type, leg.started_at)
        if factor is None:
            raise FactorNotFound(path=path, type=leg.type, methodology=methodology)
        rated.append((kind, factor))
    trips.check_journey(legs, [kind for kind, _ in rated])
    for index, (leg, (kind, _)) in enumerate(zip(legs, rated, strict=True)):
        trips.check_plausible(index, leg, kind)
    return rated


def calculate(
    legs: Sequence[Leg],
    rated: Sequence[tuple[ActionType, EmissionFactor]],
    others: Iterable[Mapping[str, Any]],
    zone: ZoneInfo,
) -> list[Line]:
    """Return the calculation, leg by leg, with what the user's other actions left of each day.

    Raises: DailyQuantityExceeded.
    """
    used: dict[tuple[str, datetime], tuple[int, int]] = {}
    for calculation in others:
        for line in calculation["lines"]:
            started_at = datetime.fromisoformat(line["started_at"])
            _use(used, line["type"], started_at, zone, line["quantity"], line["credited_g"])
    lines: list[Line] = []
    for index, (leg, (kind, factor)) in enumerate(zip(legs, rated, strict=True)):
        day = trips.day_of(leg.started_at, zone)[0]
        quantity, credited = used.get((leg.type, day), (0, 0))
        trips.check_day(index, leg, kind, quantity)
        reduction = reduction_g(leg.quantity, factor)
        cap_remaining = max(0, kind.grams_day_max - credited)
        credited = min(reduction, cap_remaining)
        line = Line(
            type=leg.type,
            quantity=leg.quantity,
            started_at=leg.started_at,
            ended_at=leg.ended_at,
            methodology=factor.methodology,
            factor_id=str(factor.id),
            baseline_mg=emissions_mg(leg.quantity, factor.baseline_mg, factor),
            project_mg=emissions_mg(leg.quantity, factor.project_mg, factor),
            reduction_g=reduction,
            credited_g=credited,
            cap_remaining_g=cap_remaining,
        )
        _use(used, leg.type, leg.started_at, zone, leg.quantity, credited)
        lines.append(line)
    return lines


def frozen(lines: Sequence[Line], rated: Sequence[tuple[ActionType, EmissionFactor]]) -> dict[str, Any]:
    """Return the calculation as it is stored: complete, to be checked when the factors are long replaced."""
    return {
        "rounding": "FLOOR_EACH_LEG",
        "lines": [
            {
                "type": line.type,
                "quantity": line.quantity,
                "started_at": line.started_at.isoformat(),
                "ended_at": line.ended_at.isoformat(),
                "methodology": line.methodology,
                "factor_id": line.factor_id,
                "baseline_mg": line.baseline_mg,
                "project_mg": line.project_mg,
                "reduction_g": line.reduction_g,
                "credited_g": line.credited_g,
                "cap_remaining_g": line.cap_remaining_g,
                "unit": kind.unit.value,
                "baseline_kind": factor.baseline_kind.value,
                "factor_baseline_mg": factor.baseline_mg,
                "factor_project_mg": factor.project_mg,
                "per_quantity": factor.per_quantity,
                "per_label": factor.per_label,
                "formula": formula(factor),
                "source": factor.source,
                "grams_day_max": kind.grams_day_max,
            }
            for line, (kind, factor) in zip(lines, rated, strict=True)
        ],
    }


def _use(
    used: dict[tuple[str, datetime], tuple[int, int]],
    kind: str,
    at: datetime,
    zone: ZoneInfo,
    quantity: int,
    credited_g: int,
) -> None:
    slot = (kind, trips.day_of(at, zone)[0])
    before = used.get(slot, (0, 0))
    used[slot] = (before[0] + quantity, before[1] + credited_g)
