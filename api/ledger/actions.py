"""Actions: from a trip to grams, and back when the trip turns out not to have been one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from typing_extensions import override

from api.ledger import trace, trips
from api.ledger.days import day_of
from api.ledger.errors import ActionNotFound, ActionTypeNotFound, AlreadyReversed, ExternalRefUsed, FactorNotFound
from api.ledger.methodology import Line, emissions_mg, reduction_g
from api.ledger.orders import Book, Decided, Order
from api.ledger.reference import Catalogue, Tariff
from api.ledger.trips import DayType, Leg, Others
from api.models import (
    Action,
    ActionRef,
    ActionStatus,
    Claim,
    TransferKind,
    moves,
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
            "external_ref": self.external_ref,
            "legs": [
                {"ended_at": one.ended_at, "quantity": one.quantity, "started_at": one.started_at, "type": one.type}
                for one in self.legs
            ],
            "methodology": self.methodology,
        }

    @override
    def content(self) -> bytes:
        # The same bytes as of what is asked, without the objects: half of the time, and each action has one.
        legs = ",".join(
            [
                f'{{"ended_at":{leg.ended_told},"quantity":{leg.quantity},"started_at":{leg.started_told},'
                f'"type":{_json(leg.type)}}}'
                for leg in self.legs
            ]
        )
        ref = "null" if self.external_ref is None else orjson.dumps(self.external_ref).decode()
        return (
            f'["{RECORD}","{self.environment.value}",{{"external_ref":{ref},"legs":[{legs}],'
            f'"methodology":{_json(self.methodology)}}}]'
        ).encode()

    @classmethod
    @override
    async def prepare(cls, orders: Sequence[Self], books: Mapping[UUID, Book], transaction: Transaction) -> None:
        zone = orders[0].zone
        times: dict[UUID, tuple[datetime, datetime]] = {}
        for order in orders:
            user_id = order.user_id
            since, until = during(order.legs, zone)
            if (known := times.get(user_id)) is not None:
                since, until = min(since, known[0]), max(until, known[1])
            else:
                books[user_id].others = Others()
            times[user_id] = since, until
        asked = [(user_id, since, until) for user_id, (since, until) in times.items()]
        for action in await Action.standing(asked, transaction):
            others = books[action.user_id].others
            assert others is not None  # noqa: S101 - it was asked for
            others.add(action)
        # One set for the whole batch: a reference that one user's action takes is taken for every other's.
        used = await ActionRef.taken(transaction, {ref for order in orders if (ref := order.ref) is not None})
        for user_id in times:
            books[user_id].used_refs = used

    @override
    def decide(self, book: Book) -> Decided:
        legs, others, used_refs = self.legs, book.others, book.used_refs
        assert others is not None  # noqa: S101 - it is prepared
        assert used_refs is not None  # noqa: S101 - so is this
        rated = rate(legs, self.methodology, self.catalogue)
        types = [tariff.kind for tariff in rated]
        trips.check_reporting_time(legs, types, self.at)
        ref = self.ref
        if ref is not None and ref in used_refs:
            raise ExternalRefUsed(external_ref=ref[2])
        exclusive = self.catalogue.exclusive
        trips.check_overlap(legs, types, others.spans(exclusive))
        lines, used = calculate(legs, rated, others, self.zone)
        action = self._post(book, lines, frozen(legs, rated, lines))
        if ref is not None:
            used_refs.add(ref)
        others.use(legs, used, exclusive)
        book.written.actions.append(action)
        return action.id, action

    def _post(self, book: Book, lines: Sequence[Line], calculated: str) -> ActionPosting:
        legs, at = self.legs, self.at
        first, last = legs[0], legs[-1]
        kind, quantity, reduction, credited = first.type, 0, 0, 0
        for leg, line in zip(legs, lines, strict=True):
            if leg.type != kind:
                kind = JOURNEY
            quantity += leg.quantity
            reduction += line.reduction_g
            credited += line.credited_g
        book.credited += credited
        return ActionPosting(
            new_id(at),
            self.environment,
            self.user_id,
            self.partner_id,
            self.key,
            self.fingerprint,
            kind,
            quantity,
            first.started_at,
            last.ended_at,
            self.external_ref,
            # A cap takes from a line and never gives, so it has taken where the sums differ.
            ActionStatus.CAPPED if credited < reduction else ActionStatus.CREDITED,
            calculated,
            reduction,
            credited,
            at,
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
            book.earned = await moves.earned_by(order.user_id, order.action_id)
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


def during(legs: Sequence[Leg], zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Return from when and until when other actions have to do with these legs: the days on which they start."""
    last = legs[-1]
    ends = day_of(last.starts, zone)
    return day_of(legs[0].starts, zone).starts_at, ends.ends_at if last.ends <= ends.ends else last.ended_at


def rate(legs: Sequence[Leg], methodology: str, catalogue: Catalogue) -> list[Tariff]:
    """Return the tariff of each leg, which is plausible by itself.

    Raises: ActionTypeNotFound, FactorNotFound, InvalidInput, ImplausibleQuantity, ImplausibleSpeed.
    """
    rated: list[Tariff] = []
    for leg in legs:
        tariff = catalogue.tariff(methodology, leg.type, leg.starts)
        if tariff is None or not tariff.kind.active:
            path = ("legs", str(len(rated)), "type")
            kind = catalogue.types.get(leg.type)
            if kind is None or not kind.active:
                raise ActionTypeNotFound(path=path, type=leg.type)
            raise FactorNotFound(path=path, type=leg.type, methodology=methodology)
        rated.append(tariff)
    if len(legs) > 1:
        trips.check_journey([tariff.kind for tariff in rated])
    for index, leg in enumerate(legs):
        trips.check_plausible(index, leg, rated[index].kind)
    return rated


def calculate(
    legs: Sequence[Leg], rated: Sequence[Tariff], others: Others, zone: ZoneInfo
) -> tuple[list[Line], dict[DayType, tuple[int, int]]]:
    """Return the calculation, leg by leg, with what the user's other trips left of each day; and what is used then.

    Raises: DailyQuantityExceeded.
    """
    used: dict[DayType, tuple[int, int]] = {}
    lines: list[Line] = []
    for index, (leg, tariff) in enumerate(zip(legs, rated, strict=True)):
        kind, factor = tariff.kind, tariff.factor
        day = day_of(leg.starts, zone)
        slot = leg.type, day.starts
        quantity, credited = used.get(slot) or others.used(leg.type, day)
        trips.check_day(index, leg, kind, quantity)
        reduction = reduction_g(leg.quantity, factor)
        cap_remaining = max(0, kind.grams_day_max - credited)
        granted = min(reduction, cap_remaining)
        used[slot] = (quantity + leg.quantity, credited + granted)
        baseline_mg = emissions_mg(leg.quantity, factor.baseline_mg, factor)
        project_mg = emissions_mg(leg.quantity, factor.project_mg, factor)
        lines.append(Line(baseline_mg, project_mg, reduction, granted, cap_remaining))
    return lines, used


def frozen(legs: Sequence[Leg], rated: Sequence[Tariff], lines: Sequence[Line]) -> str:
    """Return the calculation as it is stored, in JSON: complete, to be checked when the factors are long replaced."""
    told = ",".join(
        [
            f'{tariff.told_first},"quantity":{leg.quantity},'
            f'"started_at":{leg.started_told},"ended_at":{leg.ended_told},'
            f'"baseline_mg":{line.baseline_mg},"project_mg":{line.project_mg},"reduction_g":{line.reduction_g},'
            f'"credited_g":{line.credited_g},"cap_remaining_g":{line.cap_remaining_g},{tariff.told_last}'
            for leg, tariff, line in zip(legs, rated, lines, strict=True)
        ]
    )
    return f'{{"rounding":"FLOOR_EACH_LEG","lines":[{told}]}}'


@lru_cache(1_000)
def _json(text: str) -> str:
    """Return a name of reference data in JSON; most callers use the same few."""
    return orjson.dumps(text).decode()
