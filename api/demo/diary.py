"""Three weeks of the demo's people: commutes, outings, donations. The same for the same day.

Pure: nothing here knows how the ledger stands, so a load that broke off is repeated word for word, under the same
idempotency keys. That is why an amount to donate is either everything or what the person is sure to have.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from random import Random

from api.demo.people import Person, dice_of, favourite_of
from api.ledger import Leg, Rules
from api.models import Environment

DAYS = 21
DAYS_SANDBOX = 5
SATURDAY = 5
AMOUNTS_G = (50, 100, 200, 500, 1_000, 2_000)

ZONE = Rules().zone
SPEED_KMH = {"WALK": 4.8, "BICYCLE": 13.0, "E_BIKE": 18.0, "BUS": 19.0, "SUBWAY": 34.0}
KMH_IN_M_PER_S = 3.6
#: Every mode saves more than this by BJ-2024. Walking is not counted on: its daily cap is low.
SURE_G_PER_KM = 50


@dataclass(frozen=True, kw_only=True)
class Trip:
    """A trip that an app reports some minutes after its end. `name` is its external reference and its key."""

    app: str
    user: str
    name: str
    legs: tuple[Leg, ...]
    at: datetime

    @property
    def sure_g(self) -> int:
        """Energy that it gives at the least."""
        return sum(leg.quantity * SURE_G_PER_KM // 1_000 for leg in self.legs if leg.type != "WALK")


@dataclass(frozen=True, kw_only=True)
class Gift:
    """A donation, of everything when `amount_g` is None. It may be taken back in the same evening."""

    app: str
    user: str
    name: str
    project: str
    amount_g: int | None
    at: datetime
    taken_back_at: datetime | None


@dataclass
class Day:
    """What the people of one world do on one day, in order of time."""

    trips: list[Trip] = field(default_factory=list)
    gifts: list[Gift] = field(default_factory=list)


def first_moment(today: date) -> datetime:
    """Return the moment at which the first person joins: on the first day, before anybody leaves home."""
    return _at(today - timedelta(days=DAYS), 5)


def diary(everybody: Sequence[Person], environment: Environment, today: date) -> list[Day]:
    """Return the days of one world from the first to yesterday."""
    dates = [today - timedelta(days=ago) for ago in range(DAYS, 0, -1)]
    if environment is Environment.SANDBOX:
        dates = dates[-DAYS_SANDBOX:]
    days = {date_: Day() for date_ in dates}
    for person in everybody:
        if person.environment is environment:
            _live(person, days)
    for day in days.values():
        day.trips.sort(key=lambda trip: (trip.at, trip.name))
        day.gifts.sort(key=lambda gift: (gift.at, gift.name))
    return list(days.values())


def _live(person: Person, days: dict[date, Day]) -> None:
    """Write a person's trips and donations into the days."""
    sure_g = 0
    for date_, day in days.items():
        dice = dice_of(f"{person.user} {date_}")
        trips = list(_outings(person, date_, dice) if date_.weekday() >= SATURDAY else _commutes(person, date_, dice))
        day.trips += trips
        sure_g += sum(trip.sure_g for trip in trips)
        if sure_g >= AMOUNTS_G[0] and dice.random() < person.generosity:
            gift = _gift(person, date_, sure_g, dice)
            day.gifts.append(gift)
            if gift.taken_back_at is None:
                sure_g -= sure_g if gift.amount_g is None else gift.amount_g


def _commutes(person: Person, date_: date, dice: Random) -> Iterator[Trip]:
    if dice.random() < 0.85:
        modes = {mode for mode, _ in person.commute}
        app = "transit" if "transit" in person.names and modes & {"BUS", "SUBWAY"} else person.app
        out = _at(date_, 7) + timedelta(seconds=dice.randrange(5_400))
        back = _at(date_, 17, 30) + timedelta(seconds=dice.randrange(7_200))
        yield _trip(person, app, person.commute, out, dice)
        yield _trip(person, app, person.commute[::-1], back, dice)


def _outings(person: Person, date_: date, dice: Random) -> Iterator[Trip]:
    morning = _at(date_, 9) + timedelta(seconds=dice.randrange(7_200))
    afternoon = _at(date_, 15) + timedelta(seconds=dice.randrange(7_200))
    if person.app == "amap":
        if dice.random() < 0.45:
            yield _trip(person, "amap", [("BICYCLE", dice.randint(6_000, 22_000))], morning, dice)
        if dice.random() < 0.5:
            yield _trip(person, "amap", [("WALK", dice.randint(1_500, 7_000))], afternoon, dice)
    elif dice.random() < 0.4:
        visit = [(dice.choice(("BUS", "SUBWAY")), dice.randint(4_000, 15_000))]
        yield _trip(person, person.app, visit, morning, dice)
        yield _trip(person, person.app, visit, afternoon, dice)


def _trip(person: Person, app: str, route: Sequence[tuple[str, int]], leaves: datetime, dice: Random) -> Trip:
    legs: list[Leg] = []
    starts = leaves
    for mode, metres in route:
        distance_m = round(metres * dice.uniform(0.97, 1.03))
        speed_kmh = SPEED_KMH[mode] * dice.uniform(0.85, 1.15)
        ends = starts + timedelta(seconds=round(distance_m / speed_kmh * KMH_IN_M_PER_S))
        legs.append(Leg(type=mode, quantity=distance_m, started_at=starts, ended_at=ends))
        starts = ends + timedelta(seconds=dice.randint(60, 300))
    return Trip(
        app=app,
        user=person.names[app],
        name=f"demo-{person.names[app]}-{leaves:%Y%m%d-%H%M}",
        legs=tuple(legs),
        at=legs[-1].ended_at + timedelta(seconds=dice.randint(30, 600)),
    )


def _gift(person: Person, date_: date, sure_g: int, dice: Random) -> Gift:
    at = _at(date_, 21) + timedelta(seconds=dice.randrange(5_400))
    return Gift(
        app=person.app,
        user=person.user,
        name=f"demo-{person.user}-{date_:%Y%m%d}",
        project=person.favourite if dice.random() < 0.7 else favourite_of(dice),
        amount_g=None if dice.random() < 0.4 else dice.choice([one for one in AMOUNTS_G if one <= sure_g]),
        at=at,
        taken_back_at=at + timedelta(seconds=dice.randint(60, 3_000)) if dice.random() < 0.06 else None,
    )


def _at(date_: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(date_, time(hour, minute), ZONE)
