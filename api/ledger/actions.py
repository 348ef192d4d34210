"""Actions: from a trip to grams, and back when the trip turns out not to have been one."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from typing_extensions import override

from api.ledger import trace, trips
from api.ledger.errors import ActionNotFound, ActionTypeNotFound, AlreadyReversed, ExternalRefUsed, FactorNotFound
from api.ledger.methodology import Line, emissions_mg, formula, reduction_g
from api.ledger.orders import Book, Order
from api.ledger.reference import Catalogue
from api.ledger.trips import Leg
from api.models import (
    Action,
    ActionRef,
    ActionStatus,
    ActionType,
    Claim,
    EmissionFactor,
    Transfer,
    TransferKind,
    new_id,
)

#: The type of an action whose legs are of several types.
JOURNEY = "JOURNEY"


@dataclass(frozen=True, kw_only=True)
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
            "legs": [asdict(leg) for leg in self.legs],
            "external_ref": self.external_ref,
            "methodology": self.methodology,
        }

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book]) -> None:
        days = [day for order in orders for leg in order.legs for day in trips.day_of(leg.started_at, order.zone)]
        ends = [order.legs[-1].ended_at for order in orders]
        for action in await Action.standing({order.user_id for order in orders}, min(days), max(days + ends)):
            books[action.user_id].trips.append(action)
        refs = {order.ref for order in orders if order.ref is not None}
        # One set for the whole batch: a reference that one user's action takes is taken for every other's.
        used = await ActionRef.taken(refs)
        for order in orders:
            books[order.user_id].used_refs = used

    @override
    def decide(self, book: Book) -> UUID:
        rated = rate(self.legs, self.methodology, self.catalogue)
        types = [kind for kind, _ in rated]
        trips.check_reporting_time(self.legs, types, self.at)
        if self.external_ref is not None and self.ref in book.used_refs:
            raise ExternalRefUsed(external_ref=self.external_ref)
        exclusive = {code for code, kind in self.catalogue.types.items() if kind.excludes_overlap}
        trips.check_overlap(self.legs, types, book.trips, exclusive)
        lines = calculate(self.legs, rated, book.trips, self.zone)
        action = self._action(lines, rated)
        if self.ref is not None:
            book.used_refs.add(self.ref)
            partner_id, environment, ref = self.ref
            claim = ActionRef(action_id=action.id, partner_id=partner_id, environment=environment, ref=ref)
            book.written.others.append(claim)
        book.trips.append(action)
        book.written.actions.append(action)
        if action.credited_g:
            book.credit(self, TransferKind.EARN, action.credited_g, action_id=action.id)
        return action.id

    def _action(self, lines: Sequence[Line], rated: Sequence[tuple[ActionType, EmissionFactor]]) -> Action:
        codes = {leg.type for leg in self.legs}
        return Action(
            id=new_id(self.at),
            environment=self.environment,
            user_id=self.user_id,
            partner_id=self.partner_id,
            type=self.legs[0].type if len(codes) == 1 else JOURNEY,
            quantity=sum(leg.quantity for leg in self.legs),
            started_at=self.legs[0].started_at,
            ended_at=self.legs[-1].ended_at,
            external_ref=self.external_ref,
            status=ActionStatus.CAPPED if any(line.is_capped for line in lines) else ActionStatus.CREDITED,
            calculation=frozen(lines, rated),
            reduction_g=sum(line.reduction_g for line in lines),
            credited_g=sum(line.credited_g for line in lines),
            created_at=self.at,
        )


@dataclass(frozen=True, kw_only=True)
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
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book]) -> None:
        for order in orders:
            book = books[order.user_id]
            book.action = (await Action.by_ids([order.action_id])).get(order.action_id)
            book.gaps = await trace.gaps_of(order.user_id)
            book.earned = await Transfer.of_action(order.user_id, order.action_id, TransferKind.EARN)
            if book.earned is not None:
                book.unspent = await trace.unspent_of(book.account, book.earned, book.gaps)

    @override
    def decide(self, book: Book) -> UUID:
        action = book.action
        if action is None or (action.partner_id, action.user_id) != (self.partner_id, self.user_id):
            raise ActionNotFound
        if action.status is ActionStatus.REVERSED:
            raise AlreadyReversed(path=("actionId",))
        if book.earned is not None and book.unspent:
            book.cut(self, TransferKind.REVERSE_EARN, book.unspent, action_id=action.id, reverses=book.earned.id)
        action.status = ActionStatus.REVERSED
        action.reversed_at = self.at
        action.taken_back_g = sum(where.grams for where in book.unspent)
        book.written.changed.append((action, ("status", "reversed_at", "taken_back_g")))
        return action.id


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
    others: Sequence[Action],
    zone: ZoneInfo,
) -> list[Line]:
    """Return the calculation, leg by leg, with what the user's other actions left of each day.

    Raises: DailyQuantityExceeded.
    """
    used: dict[tuple[str, datetime], tuple[int, int]] = {}
    for action in others:
        for line in action.calculation["lines"]:
            _use(used, line["type"], datetime.fromisoformat(line["started_at"]), zone, line)
    lines: list[Line] = []
    for index, (leg, (kind, factor)) in enumerate(zip(legs, rated, strict=True)):
        day = trips.day_of(leg.started_at, zone)[0]
        quantity, credited = used.get((leg.type, day), (0, 0))
        trips.check_day(index, leg, kind, quantity)
        reduction = reduction_g(leg.quantity, factor)
        cap_remaining = max(0, kind.grams_day_max - credited)
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
            credited_g=min(reduction, cap_remaining),
            cap_remaining_g=cap_remaining,
        )
        _use(used, leg.type, leg.started_at, zone, asdict(line))
        lines.append(line)
    return lines


def frozen(lines: Sequence[Line], rated: Sequence[tuple[ActionType, EmissionFactor]]) -> dict[str, Any]:
    """Return the calculation as it is stored: complete, to be checked when the factors are long replaced."""
    stored = []
    for line, (kind, factor) in zip(lines, rated, strict=True):
        row = asdict(line)
        row["started_at"], row["ended_at"] = line.started_at.isoformat(), line.ended_at.isoformat()
        row |= {
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
        stored.append(row)
    return {"rounding": "FLOOR_EACH_LEG", "lines": stored}


def _use(
    used: dict[tuple[str, datetime], tuple[int, int]], kind: str, at: datetime, zone: ZoneInfo, line: Mapping[str, Any]
) -> None:
    slot = (kind, trips.day_of(at, zone)[0])
    quantity, credited = used.get(slot, (0, 0))
    used[slot] = (quantity + line["quantity"], credited + line["credited_g"])
