"""The data of the bench: people, their trips and what they gave, made up from a seed, in Lucid's own rows.

Rows come in the order of time, people mixed, as a year of service would have left them: a user's twenty actions lie on
twenty pages. The ledger's invariants hold (`lucid check` finds no fault), and every donation is sealed. Everything is
long past, so that what the bench records today meets no old trip.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from asyncpg.pgproto import pgproto
from tortoise.models import Model

from api.events import merkle
from api.ledger.actions import RecordAction, calculate, frozen, rate
from api.ledger.donations import DonateEnergy
from api.ledger.methodology import emissions_mg, reduction_g
from api.ledger.reference import Catalogue
from api.ledger.trips import Leg, Others
from api.models import (
    Account,
    Action,
    Block,
    Environment,
    Event,
    EventKind,
    OrganisationRole,
    Partner,
    PartnerKind,
    Project,
    ProjectCategory,
    ProjectDonor,
    ProjectHead,
    ProjectOrganisation,
    ProjectStatus,
    Receipt,
    Transfer,
    TransferKind,
    User,
    UserLink,
)

SEED = 2026
ACTIONS_OF_USER = 20
ACTIONS_FOR_DONATION = 4
APPS, NGOS, SPONSORS = 4, 60, 20
PROJECTS_OPEN, PROJECTS_CLOSED = 300, 20

BEGINS = datetime(2025, 1, 1, tzinfo=UTC)
LASTS = timedelta(days=365)
METHODOLOGY = "BJ-2024"
#: Code of a type, and the quantities between which a trip of this type is drawn: none reaches a daily cap.
TRIPS = (("BUS", 2_000, 20_000), ("SUBWAY", 3_000, 40_000), ("BICYCLE", 1_000, 10_000), ("WALK", 500, 2_500))
CHUNK = 4_000

Row = Sequence[Any]


@dataclass(frozen=True)
class Rows:
    """Rows of one table, their values in the order of the columns."""

    table: type[Model]
    columns: tuple[str, ...]
    rows: Sequence[Row]


class LoaderOutdated(Exception):
    """A table has other columns than the bench fills."""


@dataclass
class People:
    """What the generator remembers of each user, by number."""

    ids: list[pgproto.UUID] = field(default_factory=list)
    apps: list[int] = field(default_factory=list)
    salts: list[bytes] = field(default_factory=list)
    credited: list[int] = field(default_factory=list)
    debited: list[int] = field(default_factory=list)


def column_names(model: type[Model]) -> tuple[str, ...]:
    """Return the columns of a table."""
    return tuple(model._meta.fields_db_projection.values())


def rows(model: type[Model], columns: tuple[str, ...], values: Sequence[Row]) -> Rows:
    """Return rows of a table.

    Raises: LoaderOutdated when the model has other columns than these.
    """
    if set(columns) != set(column_names(model)):
        missing = sorted(set(column_names(model)) - set(columns))
        gone = sorted(set(columns) - set(column_names(model)))
        raise LoaderOutdated(f"bench/data.py does not fill {model._meta.db_table}: it lacks {missing}, knows {gone}.")
    return Rows(model, columns, values)


class World:
    """Makes the rows up. The same seed and size make the same rows."""

    def __init__(self, actions: int, catalogue: Catalogue) -> None:
        self.users = max(100, actions // ACTIONS_OF_USER)
        self.actions = self.users * ACTIONS_OF_USER
        self._random = Random(SEED)  # noqa: S311 - it is to be the same each time
        self._zone = ZoneInfo("Asia/Shanghai")
        self._trips = [_Trip(code, least, most, catalogue, self._zone) for code, least, most in TRIPS]
        self.people = People()
        self.apps = [self._id(BEGINS) for _ in range(APPS)]
        self.projects = [self._id(BEGINS + timedelta(seconds=n)) for n in range(PROJECTS_OPEN + PROJECTS_CLOSED)]
        self._donors: dict[tuple[int, int], int] = {}
        self._heads = [_Head(project_id) for project_id in self.projects]

    def parts(self) -> Iterator[tuple[int, list[Rows]]]:
        """Yield rows part by part, each with how many actions it holds."""
        yield 0, self._organisations()
        yield 0, self._everybody()
        pending: list[tuple[int, int, pgproto.UUID, int, datetime]] = []
        done = 0
        pause = LASTS / self.actions
        for _ in range(ACTIONS_OF_USER):
            order = list(range(self.users))
            self._random.shuffle(order)
            for first in range(0, self.users, CHUNK):
                part = _Part()
                for user in order[first : first + CHUNK]:
                    at = BEGINS + pause * done
                    done += 1
                    self._act(part, user, at)
                    if done % ACTIONS_FOR_DONATION == 0:
                        self._give(part, at + pause / 2, pending)
                yield len(part.actions), [*part.tables(), *self._seal(pending, BEGINS + pause * done)]
                pending.clear()
        yield 0, self._standings()

    def _id(self, at: datetime) -> pgproto.UUID:
        milliseconds = int(at.timestamp() * 1000)
        chance = self._random.getrandbits(74)
        number = milliseconds << 80 | 0x7 << 76 | chance >> 62 << 64 | 0b10 << 62 | chance & (2**62 - 1)
        return pgproto.UUID(number.to_bytes(16, "big"))

    def _organisations(self) -> list[Rows]:
        def organisation(number: int, slug: str, *kinds: PartnerKind, given: pgproto.UUID | None = None) -> Row:
            text = orjson.dumps([kind.value for kind in kinds]).decode()
            at = BEGINS - timedelta(days=1) + timedelta(seconds=number)
            return (given or self._id(at), slug, f"机构 {slug}", f"Organisation {slug}", text, "ACTIVE", at)

        apps = [organisation(n, f"app-{n}", PartnerKind.ACTION_SOURCE, given=one) for n, one in enumerate(self.apps)]
        ngos = [organisation(n, f"ngo-{n}", PartnerKind.NGO) for n in range(NGOS)]
        sponsors = [organisation(n, f"sponsor-{n}", PartnerKind.SPONSOR) for n in range(SPONSORS)]
        projects, roles = [], []
        for number, project_id in enumerate(self.projects):
            open_ = number < PROJECTS_OPEN
            projects.append(
                (
                    project_id,
                    f"project-{number}",
                    f"项目 {number}",
                    f"Project {number}",
                    "保护水源地，恢复湿地。" * 6,
                    "Protect the spring, bring back the wetland. " * 6,
                    self._random.choice(list(ProjectCategory)),
                    "14015",
                    "[6, 13, 15]",
                    self._random.uniform(75, 130),
                    self._random.uniform(20, 50),
                    self._random.randrange(10**8, 10**10),
                    ProjectStatus.IMPLEMENTATION if open_ else ProjectStatus.CLOSED,
                    BEGINS + timedelta(seconds=number),
                )
            )
            for organisations, role in (
                (ngos, OrganisationRole.IMPLEMENTING),
                (sponsors, OrganisationRole.FUNDING),
            ):
                partner_id = organisations[number % len(organisations)][0]
                roles.append((self._id(BEGINS), project_id, partner_id, role))
        names = ("id", "slug", "name_zh", "name_en", "kinds", "status", "created_at")
        project_names = (
            "id", "code", "name_zh", "name_en", "description_zh", "description_en", "category", "sector", "sdgs",
            "longitude", "latitude", "goal_g", "status", "created_at",
        )  # fmt: skip
        return [
            rows(Partner, names, [*apps, *ngos, *sponsors]),
            rows(Project, project_names, projects),
            rows(ProjectOrganisation, ("id", "project_id", "partner_id", "role"), roles),
        ]

    def _everybody(self) -> list[Rows]:
        people, users, links = self.people, [], []
        for number in range(self.users):
            at = BEGINS - timedelta(days=1) + timedelta(milliseconds=number)
            user_id, app, salt = self._id(at), number % APPS, self._random.randbytes(32)
            people.ids.append(user_id)
            people.apps.append(app)
            people.salts.append(salt)
            users.append((user_id, Environment.LIVE, salt.hex(), at))
            links.append((self._id(at), Environment.LIVE, self.apps[app], user_id, f"user-{number}", at))
        people.credited = [0] * self.users
        people.debited = [0] * self.users
        link = ("id", "environment", "partner_id", "user_id", "external_ref", "created_at")
        return [
            rows(User, ("id", "environment", "salt", "created_at"), users),
            rows(UserLink, link, links),
        ]

    def _act(self, part: "_Part", user: int, at: datetime) -> None:
        trip = self._random.choice(self._trips)
        quantity = self._random.randrange(trip.least, trip.most)
        started_at, ended_at = at - timedelta(minutes=60), at - timedelta(minutes=2)
        calculation, grams = trip.calculation(quantity, started_at, ended_at)
        people, action_id = self.people, self._id(at)
        user_id, partner_id = people.ids[user], self.apps[people.apps[user]]
        people.credited[user] += grams
        part.actions.append(
            (action_id, "LIVE", user_id, partner_id, trip.code, quantity, started_at, ended_at, None, "CREDITED",
             calculation, grams, grams, None, at, None)
        )  # fmt: skip
        self._move(part, user, TransferKind.EARN, grams, at, action_id=action_id)
        self._receive(part, user, RecordAction.operation, action_id, at)

    def _give(self, part: "_Part", at: datetime, pending: list[tuple[int, int, pgproto.UUID, int, datetime]]) -> None:
        people = self.people
        for _ in range(100):
            user = self._random.randrange(self.users)
            available = people.credited[user] - people.debited[user]
            if available >= 40:
                break
        else:
            return
        amount, project = self._random.randrange(1, available // 4), self._random.randrange(PROJECTS_OPEN)
        people.debited[user] += amount
        donation_id = self._move(part, user, TransferKind.DONATE, amount, at, project_id=self.projects[project])
        self._receive(part, user, DonateEnergy.operation, donation_id, at)
        pending.append((user, project, donation_id, amount, at))

    def _move(
        self,
        part: "_Part",
        user: int,
        kind: TransferKind,
        grams: int,
        at: datetime,
        project_id: pgproto.UUID | None = None,
        action_id: pgproto.UUID | None = None,
    ) -> pgproto.UUID:
        people, transfer_id = self.people, action_id or self._id(at)
        part.transfers.append(
            (transfer_id, "LIVE", people.ids[user], self.apps[people.apps[user]], kind, grams, project_id, action_id,
             None, people.credited[user], people.debited[user], at, at)
        )  # fmt: skip
        return transfer_id

    def _receive(self, part: "_Part", user: int, operation: str, result_id: pgproto.UUID, at: datetime) -> None:
        key = f"loaded-{result_id}"
        # Not the fingerprint of a real call: nobody sends these calls again.
        fingerprint = sha256(key.encode()).hexdigest()
        partner_id = self.apps[self.people.apps[user]]
        part.receipts.append(
            (self._id(at), self.people.ids[user], partner_id, key, operation, fingerprint, result_id, None, at)
        )

    def _seal(self, pending: list[tuple[int, int, pgproto.UUID, int, datetime]], at: datetime) -> list[Rows]:
        """Number the donations, project by project, and close a block for each, as the sealer does."""
        by_project: dict[int, list[tuple[int, int, pgproto.UUID, int, datetime]]] = {}
        for gift in pending:
            by_project.setdefault(gift[1], []).append(gift)
        events, blocks = [], []
        for project, gifts in by_project.items():
            head = self._heads[project]
            sealed = [self._event(head, gift, at) for gift in gifts]
            block = Block(
                id=self._id(at),
                environment=Environment.LIVE,
                project_id=head.project_id,
                number=head.block_number + 1,
                first_sequence=sealed[0].sequence,
                count=len(sealed),
                total_after_g=head.energy_g,
                merkle_root=merkle.root([bytes.fromhex(event.leaf_hash) for event in sealed]).hex(),
                previous_hash=head.block_hash,
                epoch=1,
                sealed_at=at,
            )
            block.hash = merkle.block_hash(block)
            head.block_number, head.block_hash, head.updated_at = block.number, block.hash, at
            events += sealed
            blocks.append(block)
        return [_of_models(Event, events), _of_models(Block, blocks)]

    def _event(self, head: "_Head", gift: tuple[int, int, pgproto.UUID, int, datetime], at: datetime) -> Event:
        user, project, donation_id, amount, occurred_at = gift
        head.sequence += 1
        head.energy_g += amount
        head.donors += (user, project) not in self._donors
        self._donors[user, project] = self._donors.get((user, project), 0) + amount
        person = User(id=self.people.ids[user], salt=self.people.salts[user].hex())
        event = Event(
            id=self._id(at),
            environment=Environment.LIVE,
            project_id=head.project_id,
            sequence=head.sequence,
            kind=EventKind.DONATION,
            transfer_id=donation_id,
            donation_id=donation_id,
            amount_g=amount,
            total_after_g=head.energy_g,
            donor=person.pseudonym(head.project_id),
            donor_commitment=person.commitment(),
            block_number=head.block_number + 1,
            occurred_at=occurred_at,
            sealed_at=at,
        )
        event.leaf_hash = merkle.event_leaf(event).hex()
        return event

    def _standings(self) -> list[Rows]:
        people, at = self.people, BEGINS + LASTS
        accounts: list[Row] = [
            (people.ids[user], "LIVE", people.credited[user], people.debited[user], 0, 0) for user in range(self.users)
        ]
        heads: list[Row] = [
            (self._id(at), head.project_id, "LIVE", head.sequence, head.energy_g, head.sequence, head.donors,
             head.block_number, head.block_hash, head.updated_at)
            for head in self._heads
            if head.sequence
        ]  # fmt: skip
        donors: list[Row] = [
            (self._id(at), self.projects[project], "LIVE", people.ids[user], grams)
            for (user, project), grams in self._donors.items()
        ]
        head_names = (
            "id", "project_id", "environment", "sequence", "energy_g", "donations", "donors", "block_number",
            "block_hash", "updated_at",
        )  # fmt: skip
        return [
            rows(Account, ("user_id", "environment", "credited", "debited", "held", "version"), accounts),
            rows(ProjectHead, head_names, heads),
            rows(ProjectDonor, ("id", "project_id", "environment", "user_id", "energy_g"), donors),
        ]


@dataclass
class _Head:
    project_id: pgproto.UUID
    sequence: int = 0
    energy_g: int = 0
    donors: int = 0
    block_number: int = 0
    block_hash: str = merkle.GENESIS
    updated_at: datetime = BEGINS


@dataclass
class _Part:
    actions: list[Row] = field(default_factory=list)
    transfers: list[Row] = field(default_factory=list)
    receipts: list[Row] = field(default_factory=list)

    def tables(self) -> list[Rows]:
        action = (
            "id", "environment", "user_id", "partner_id", "type", "quantity", "started_at", "ended_at", "external_ref",
            "status", "calculation", "reduction_g", "credited_g", "taken_back_g", "created_at", "reversed_at",
        )  # fmt: skip
        transfer = (
            "id", "environment", "user_id", "partner_id", "kind", "amount_g", "project_id", "action_id", "reverses",
            "credited_after", "debited_after", "effective_at", "created_at",
        )  # fmt: skip
        receipt = (
            "id", "user_id", "partner_id", "key", "operation", "fingerprint", "result_id", "refusal", "created_at",
        )  # fmt: skip
        return [
            rows(Action, action, self.actions),
            rows(Transfer, transfer, self.transfers),
            rows(Receipt, receipt, self.receipts),
        ]


class _Trip:
    """A kind of trip with its calculation: made once by the ledger itself, then filled in for each action."""

    def __init__(self, code: str, least: int, most: int, catalogue: Catalogue, zone: ZoneInfo) -> None:
        self.code, self.least, self.most = code, least, most
        self._catalogue, self._zone = catalogue, zone
        self._made, _ = self._by_the_ledger(most, BEGINS, BEGINS + timedelta(hours=1))
        factor = catalogue.factor(METHODOLOGY, code, BEGINS)
        if factor is None:
            raise RuntimeError(f"{METHODOLOGY} has no factor for {code}")
        self._factor = factor
        for quantity in (least, most):
            case = (quantity, BEGINS, BEGINS + timedelta(hours=1))
            made, grams = self._by_the_ledger(*case)
            if (orjson.dumps(made).decode(), grams) != self.calculation(*case):
                raise LoaderOutdated("bench/data.py fills in another calculation than the ledger makes.")

    def calculation(self, quantity: int, started_at: datetime, ended_at: datetime) -> tuple[str, int]:
        """Return the frozen calculation as JSON, and the grams."""
        grams = reduction_g(quantity, self._factor)
        line = self._made["lines"][0] | {
            "quantity": quantity,
            "started_at": started_at.isoformat(),
            "ended_at": ended_at.isoformat(),
            "baseline_mg": emissions_mg(quantity, self._factor.baseline_mg, self._factor),
            "project_mg": emissions_mg(quantity, self._factor.project_mg, self._factor),
            "reduction_g": grams,
            "credited_g": grams,
        }
        return orjson.dumps(self._made | {"lines": [line]}).decode(), grams

    def _by_the_ledger(self, quantity: int, started_at: datetime, ended_at: datetime) -> tuple[dict[str, Any], int]:
        legs = [Leg(type=self.code, quantity=quantity, started_at=started_at, ended_at=ended_at)]
        rated = rate(legs, METHODOLOGY, self._catalogue)
        lines, _ = calculate(legs, rated, Others(), self._zone)
        if lines[0].credited_g < lines[0].reduction_g:
            raise LoaderOutdated(f"A {self.code} trip of {quantity} m reaches its daily cap.")
        return orjson.loads(frozen(legs, rated, lines)), lines[0].credited_g


def _of_models(model: type[Model], made: Sequence[Model]) -> Rows:
    columns = column_names(model)
    return Rows(model, columns, [[getattr(one, name) for name in columns] for one in made])
