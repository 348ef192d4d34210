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
from api.ledger.methodology import Line, emissions_mg, reduction_g
from api.ledger.orders import Book, Decided, Order
from api.ledger.reference import Catalogue, Tariff
from api.ledger.trips import Leg
from api.models import (
    Action,
    ActionRef,
    ActionStatus,
    Claim,
    Transfer,
    TransferKind,
    new_id,
)
from api.models.action import REVERSE_ACTIONS
from api.models.postings import RECORD, ActionPosting
from api.models.statements import Transaction

#: The type of an action whose legs are of several types.
JOURNEY = "JOURNEY"


@dataclass(kw_only=True, eq=False)
class RecordAction(Order):
    """Record a green action of a user and credit its energy."""

    operation: ClassVar[str] = RECORD
    is_posted: ClassVar[bool] = True

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
        times: dict[UUID, datetime] = {}
        for order in orders:
            since = order.since
            times[order.user_id] = min(times.get(order.user_id, since), since)
        for action in await Action.standing(times.items(), transaction):
            books[action.user_id].trips.append(action.calculation)
        # One set for the whole batch: a reference that one user's action takes is taken for every other's.
        used = await ActionRef.taken(transaction, {order.ref for order in orders if order.ref is not None})
        for order in orders:
            books[order.user_id].used_refs = used

    @property
    def since(self) -> datetime:
        """From when on other actions have to do with this one: from the day on which it starts."""
        return trips.day_of(self.legs[0].started_at, self.zone)

    @override
    def decide(self, book: Book) -> Decided:
        rated = rate(self.legs, self.methodology, self.catalogue)
        types = [tariff.kind for tariff in rated]
        trips.check_reporting_time(self.legs, types, self.at)
        ref, used_refs = self.ref, book.used_refs
        if ref is not None and used_refs is not None and ref in used_refs:
            raise ExternalRefUsed(external_ref=ref[2])
        trips.check_overlap(self.legs, types, book.trips, self.catalogue.exclusive)
        lines = calculate(self.legs, rated, book.trips, self.zone)
        action = self._post(book, lines, frozen(lines, rated))
        if ref is not None and used_refs is not None:
            used_refs.add(ref)
        book.trips.append(action.calculation)
        book.written.actions.append(action)
        return action.id, action

    def _post(self, book: Book, lines: Sequence[Line], calculation: dict[str, Any]) -> ActionPosting:
        legs, at = self.legs, self.at
        credited_g = sum([line.credited_g for line in lines])
        book.credited += credited_g
        return ActionPosting(
            new_id(at),
            self.environment,
            self.user_id,
            self.partner_id,
            self.key,
            self.fingerprint,
            legs[0].type if len(legs) == 1 or len({leg.type for leg in legs}) == 1 else JOURNEY,
            sum([leg.quantity for leg in legs]),
            legs[0].started_at,
            legs[-1].ended_at,
            self.external_ref,
            ActionStatus.CAPPED if any(line.is_capped for line in lines) else ActionStatus.CREDITED,
            calculation,
            sum([line.reduction_g for line in lines]),
            credited_g,
            at,
            new_id(at),
            book.credited,
            book.debited,
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


def rate(legs: Sequence[Leg], methodology: str, catalogue: Catalogue) -> list[Tariff]:
    """Return the tariff of each leg, which is plausible by itself.

    Raises: ActionTypeNotFound, FactorNotFound, InvalidInput, ImplausibleQuantity, ImplausibleSpeed.
    """
    rated: list[Tariff] = []
    for index, leg in enumerate(legs):
        kind = catalogue.types.get(leg.type)
        if kind is None or not kind.active:
            raise ActionTypeNotFound(path=("legs", str(index), "type"), type=leg.type)
        tariff = catalogue.tariff(methodology, leg.type, leg.started_at)
        if tariff is None:
            raise FactorNotFound(path=("legs", str(index), "type"), type=leg.type, methodology=methodology)
        rated.append(tariff)
    trips.check_journey(legs, [tariff.kind for tariff in rated])
    for index, (leg, tariff) in enumerate(zip(legs, rated, strict=True)):
        trips.check_plausible(index, leg, tariff.kind)
    return rated


def calculate(
    legs: Sequence[Leg], rated: Sequence[Tariff], others: Iterable[Mapping[str, Any]], zone: ZoneInfo
) -> list[Line]:
    """Return the calculation, leg by leg, with what the user's other actions left of each day.

    Raises: DailyQuantityExceeded.
    """
    used: dict[tuple[str, datetime], tuple[int, int]] = {}
    for calculation in others:
        for line in calculation["lines"]:
            day = trips.day_of(datetime.fromisoformat(line["started_at"]), zone)
            _use(used, (line["type"], day), line["quantity"], line["credited_g"])
    lines: list[Line] = []
    for index, (leg, tariff) in enumerate(zip(legs, rated, strict=True)):
        kind, factor = tariff.kind, tariff.factor
        slot = (leg.type, trips.day_of(leg.started_at, zone))
        quantity, credited = used.get(slot, (0, 0))
        trips.check_day(index, leg, kind, quantity)
        reduction = reduction_g(leg.quantity, factor)
        cap_remaining = max(0, kind.grams_day_max - credited)
        line = Line(
            leg.type,
            leg.quantity,
            leg.started_at,
            leg.ended_at,
            emissions_mg(leg.quantity, factor.baseline_mg, factor),
            emissions_mg(leg.quantity, factor.project_mg, factor),
            reduction,
            min(reduction, cap_remaining),
            cap_remaining,
        )
        _use(used, slot, leg.quantity, line.credited_g)
        lines.append(line)
    return lines


def frozen(lines: Sequence[Line], rated: Sequence[Tariff]) -> dict[str, Any]:
    """Return the calculation as it is stored: complete, to be checked when the factors are long replaced."""
    return {
        "rounding": "FLOOR_EACH_LEG",
        "lines": [
            {
                "type": line.type,
                "quantity": line.quantity,
                "started_at": line.started_at.isoformat(),
                "ended_at": line.ended_at.isoformat(),
                "baseline_mg": line.baseline_mg,
                "project_mg": line.project_mg,
                "reduction_g": line.reduction_g,
                "credited_g": line.credited_g,
                "cap_remaining_g": line.cap_remaining_g,
                **tariff.told,
            }
            for line, tariff in zip(lines, rated, strict=True)
        ],
    }


def _use(
    used: dict[tuple[str, datetime], tuple[int, int]], slot: tuple[str, datetime], quantity: int, credited_g: int
) -> None:
    before = used.get(slot, (0, 0))
    used[slot] = (before[0] + quantity, before[1] + credited_g)
