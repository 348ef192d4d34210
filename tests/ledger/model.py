"""The ledger as a child would keep it: each user's energy is a row of lots, each lot some grams of one trip.

No positions, no counters, no gaps: a donation takes lots from the front, what comes back goes to the end, and what a
false trip still has is thrown out wherever it stands.
"""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.ledger import errors

REPORTING_WINDOW = timedelta(days=7)
REVERSAL_WINDOW = timedelta(days=3)
METRES_MAX = 8_000
METRES_PER_SECOND = 14
#: Longer than the longest ride.
SLOT = timedelta(minutes=10)


@dataclass(frozen=True)
class Ride:
    """A bus ride of some metres in a slot of its own: it overlaps with no other slot's."""

    metres: int
    slot: datetime

    @property
    def ended_at(self) -> datetime:
        """The end, at 50 km/h."""
        return self.slot + timedelta(seconds=self.metres / METRES_PER_SECOND)


@dataclass(eq=False)
class Trip:
    """A recorded trip."""

    person: "Person"
    grams: int
    slot: datetime
    id: UUID
    taken_back: int | None = None

    @property
    def stands(self) -> bool:
        """Whether it was not reversed."""
        return self.taken_back is None


@dataclass(eq=False)
class Gift:
    """A donation, with the lots that it took."""

    person: "Person"
    project: UUID
    lots: list[tuple[Trip, int]]
    at: datetime
    id: UUID
    returned: bool = False

    @property
    def grams(self) -> int:
        """How much it was."""
        return sum(grams for _, grams in self.lots)

    def funded_by(self) -> list[tuple[UUID, int]]:
        """Return the trips that paid for it, in the order of the queue."""
        paid: dict[UUID, int] = {}
        for trip, grams in self.lots:
            paid[trip.id] = paid.get(trip.id, 0) + grams
        return list(paid.items())


@dataclass(eq=False)
class Person:
    """A user."""

    name: str
    lots: deque[tuple[Trip, int]] = field(default_factory=deque)
    trips: list[Trip] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)

    @property
    def available(self) -> int:
        """What the person can give."""
        return sum(grams for _, grams in self.lots)

    def spent_on(self, trip: Trip) -> list[tuple[UUID, int, bool]]:
        """Return the gifts that a trip paid for, in order, and whether they came back."""
        return [
            (gift.id, paid, gift.returned) for gift in self.gifts if (paid := dict(gift.funded_by()).get(trip.id, 0))
        ]


@dataclass
class Told:
    """What an answer must say."""

    result: UUID | None = None
    refusal: type[errors.Refusal] | None = None
    facts: dict[str, Any] = field(default_factory=dict)


def earn(person: Person, ride: Ride, at: datetime, new_id: UUID | None) -> Told:
    """Ride the bus; the id is the one that the ledger gave, if it said yes."""
    if ride.ended_at < at - REPORTING_WINDOW:
        return Told(refusal=errors.ActionTooOld, facts={"ended_at": ride.ended_at, "earliest": at - REPORTING_WINDOW})
    if any(trip.slot == ride.slot and trip.stands for trip in person.trips):
        return Told(refusal=errors.ActionOverlaps, facts={"path": ("legs", "0")})
    assert new_id is not None
    trip = Trip(person, ride.metres * 52 // 1_000, ride.slot, new_id)
    person.trips.append(trip)
    if trip.grams:
        person.lots.append((trip, trip.grams))
    return Told(trip.id)


def give(person: Person, project: UUID, amount: int | None, at: datetime, new_id: UUID | None) -> Told:
    """Donate; None is everything."""
    wanted = person.available if amount is None else amount
    if not 1 <= wanted <= person.available:
        facts = {"available": person.available, "required": max(1, wanted)}
        return Told(refusal=errors.InsufficientEnergy, facts=facts)
    assert new_id is not None
    gift = Gift(person, project, [], at, new_id)
    while wanted:
        trip, grams = person.lots.popleft()
        if grams > wanted:
            person.lots.appendleft((trip, grams - wanted))
            grams = wanted
        gift.lots.append((trip, grams))
        wanted -= grams
    person.gifts.append(gift)
    return Told(gift.id)


def take_back(gift: Gift, at: datetime) -> Told:
    """Reverse a donation: its lots go to the end of the row, those of false trips are thrown away."""
    if gift.returned:
        return Told(refusal=errors.AlreadyReversed, facts={"path": ("donationId",)})
    if at > gift.at + REVERSAL_WINDOW:
        return Told(refusal=errors.ReversalWindowClosed, facts={"closed_at": gift.at + REVERSAL_WINDOW})
    gift.returned = True
    gift.person.lots.extend(lot for lot in gift.lots if lot[0].stands)
    return Told(gift.id)


def declare_false(trip: Trip) -> Told:
    """Reverse an action: what is left of it is thrown out."""
    if not trip.stands:
        return Told(refusal=errors.AlreadyReversed, facts={"path": ("actionId",)})
    trip.taken_back = sum(grams for owner, grams in trip.person.lots if owner is trip)
    trip.person.lots = deque(lot for lot in trip.person.lots if lot[0] is not trip)
    return Told(trip.id)
