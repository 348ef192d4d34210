"""The people of the demo data: pseudonyms, and what they are used to. Drawn from a fixed seed."""

from dataclasses import dataclass
from random import Random

from api.models import Environment

SEED = "Qingshan"
#: People of the first app alone, of both, and of the second alone; and those of the first app's sandbox.
ONLY_AMAP, BOTH, ONLY_TRANSIT, SANDBOX = 24, 8, 8, 3

#: The projects that are open, each with how many of ten people like it best.
PROJECTS = {"longwu": 4, "rare-animal-habitat": 2, "ecological-restoration": 2, "nature-education": 2}

#: A way to travel: the modes of its legs, each with its least and its greatest distance in metres.
Route = tuple[tuple[str, int, int], ...]

TRANSIT_ROUTES: tuple[Route, ...] = (
    (("WALK", 300, 900), ("SUBWAY", 5_000, 24_000), ("WALK", 200, 700)),
    (("BUS", 3_000, 12_000),),
    (("BUS", 1_500, 5_000), ("SUBWAY", 5_000, 15_000), ("WALK", 200, 600)),
)
OTHER_ROUTES: tuple[Route, ...] = (
    (("BICYCLE", 800, 1_800), ("SUBWAY", 5_000, 18_000), ("WALK", 200, 600)),
    (("BICYCLE", 2_000, 6_000),),
    (("E_BIKE", 3_000, 9_000),),
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A person by the names that apps have for them. The app that comes first registers them.

    `commute`: the way to work, leg by leg, in metres. `generosity`: how likely the person is to donate on a day.
    """

    names: dict[str, str]
    environment: Environment
    commute: tuple[tuple[str, int], ...]
    generosity: float
    favourite: str

    @property
    def app(self) -> str:
        """The app that registers the person."""
        return next(iter(self.names))

    @property
    def user(self) -> str:
        """That app's name for the person."""
        return self.names[self.app]


def people() -> list[Person]:
    """Return everybody, the users of both apps first: amap-0001 is transit-0001."""
    both = [{"amap": f"amap-{n:04}", "transit": f"transit-{n:04}"} for n in _numbers(BOTH)]
    amap = [{"amap": f"amap-{n:04}"} for n in _numbers(ONLY_AMAP, after=BOTH)]
    transit = [{"transit": f"transit-{n:04}"} for n in _numbers(ONLY_TRANSIT, after=BOTH)]
    sandbox = [{"amap": f"sandbox-{n:04}"} for n in _numbers(SANDBOX)]
    return [
        *(_person(names, Environment.LIVE) for names in [*both, *amap, *transit]),
        *(_person(names, Environment.SANDBOX) for names in sandbox),
    ]


def dice_of(name: str) -> Random:
    """Return the dice that always fall the same way for this name."""
    return Random(f"{SEED} {name}")  # noqa: S311 - a plausible life, not a secret


def favourite_of(dice: Random) -> str:
    """Return the project that the dice like best."""
    return dice.choices(list(PROJECTS), list(PROJECTS.values()))[0]


def _numbers(count: int, *, after: int = 0) -> range:
    return range(after + 1, after + count + 1)


def _person(names: dict[str, str], environment: Environment) -> Person:
    dice = dice_of(" ".join(names.values()))
    route = dice.choice(TRANSIT_ROUTES if "transit" in names else TRANSIT_ROUTES + OTHER_ROUTES)
    return Person(
        names=names,
        environment=environment,
        commute=tuple((mode, dice.randint(least, most)) for mode, least, most in route),
        generosity=0.7 if environment is Environment.SANDBOX else dice.choice((0.0, 0.15, 0.25, 0.35)),
        favourite=favourite_of(dice),
    )
