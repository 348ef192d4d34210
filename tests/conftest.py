"""People and things: a database of either kind, partners, a user, a project, the ledger, a server and its clients.

Every test that touches the database runs twice: on SQLite, and on the PostgreSQL that the session starts.
"""

import asyncio
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import uvicorn
from hypothesis import HealthCheck, settings
from tortoise.context import TortoiseContext

from api.access import issue_key
from api.app import make_app
from api.ledger import Ledger, Leg, Partnership, Recording, Rules, UserBy
from api.ledger.reference import load_reference
from api.models import (
    Environment,
    OrganisationRole,
    Partner,
    PartnerKind,
    Project,
    ProjectCategory,
    ProjectOrganisation,
    ProjectStatus,
    new_id,
    now,
)
from api.models.database import database, migrate
from api.settings import Settings
from api.transport.http_protocol import HttpProtocol
from api.transport.server import Server as HTTPServer
from api.transport.socket_protocol import SocketProtocol
from tests.postgres import Server, running_postgres

TEMPLATE = "lucid_template"
UNUSED_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

# The suite tries the same examples each time. `pytest --hypothesis-profile=long` tries many others, for as long as it
# takes: for a change of the ledger's rules.
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
settings.register_profile(
    "suite",
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=SLOW,
)
settings.register_profile(
    "long", settings.get_profile("suite"), max_examples=1_000, stateful_step_count=80, derandomize=False
)
settings.load_profile("suite")


async def _prepare(url: str) -> None:
    async with database(url) as context:
        await migrate(context)
        await load_reference()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """The session's PostgreSQL, with a migrated database to copy."""
    with running_postgres() as server:
        server.create_database(TEMPLATE)
        asyncio.run(_prepare(server.url(TEMPLATE)))
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(_prepare(f"sqlite:///{path}"))
    return path


@contextmanager
def fresh_database(request: pytest.FixtureRequest, folder: Path) -> Iterator[str]:
    """Make a migrated database of the kind that the request's parameter names, and yield its address."""
    if request.param == "sqlite":
        path = folder / "lucid.db"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    server: Server = request.getfixturevalue("postgres")
    name = f"test_{uuid4().hex}"
    server.create_database(name, template=TEMPLATE)
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh, migrated database: the test runs once for each kind."""
    with fresh_database(request, tmp_path) as address:
        yield address


@pytest.fixture
async def db(url: str) -> AsyncIterator[TortoiseContext]:
    """The open database."""
    async with database(url, shared=True) as context:
        yield context


@dataclass(frozen=True)
class Actor:
    """A partner with a key, and what the ledger calls it."""

    partner: Partner
    key: str
    environment: Environment = Environment.LIVE

    @property
    def partnership(self) -> Partnership:
        """The partner as the ledger knows it."""
        return Partnership(partner_id=self.partner.id, environment=self.environment)

    @property
    def headers(self) -> dict[str, str]:
        """What its client sends."""
        return {"Authorization": f"Bearer {self.key}"}


async def add_partner(slug: str, *kinds: PartnerKind, environment: Environment = Environment.LIVE) -> Actor:
    """Add a partner with a key."""
    partner = await Partner.create(
        id=new_id(), slug=slug, name_zh=slug, name_en=slug, kinds=[kind.value for kind in kinds], created_at=now()
    )
    return Actor(partner, await issue_key(partner, environment), environment)


async def add_project(
    code: str, *organisations: Actor, status: ProjectStatus = ProjectStatus.IMPLEMENTATION
) -> Project:
    """Add a project, carried by these organisations."""
    project = await Project.create(
        id=new_id(),
        code=code,
        name_zh=code,
        name_en=code,
        description_zh=code,
        description_en=code,
        category=ProjectCategory.WATER,
        sector="14015",
        sdgs=[6],
        status=status,
        created_at=now(),
    )
    for actor in organisations:
        await ProjectOrganisation.create(
            id=new_id(), project=project, partner=actor.partner, role=OrganisationRole.IMPLEMENTING
        )
    return project


@pytest.fixture
async def app_partner(db: TortoiseContext) -> Actor:
    """A partner app, such as a map."""
    return await add_partner("maps", PartnerKind.ACTION_SOURCE)


@pytest.fixture
async def other_app(db: TortoiseContext) -> Actor:
    """Another partner app."""
    return await add_partner("transit", PartnerKind.ACTION_SOURCE)


@pytest.fixture
async def ngo(db: TortoiseContext) -> Actor:
    """An NGO that carries the project."""
    return await add_partner("waters", PartnerKind.NGO)


@pytest.fixture
async def operator(db: TortoiseContext) -> Actor:
    """The operator."""
    return await add_partner("operator", PartnerKind.OPERATOR)


@pytest.fixture
async def project(db: TortoiseContext, ngo: Actor) -> Project:
    """A project of the NGO, open for donations."""
    return await add_project("longwu", ngo)


@pytest.fixture
async def ledger(db: TortoiseContext, url: str) -> AsyncIterator[Ledger]:
    """A ledger of its own, as a process has one."""
    async with open_ledger(url) as ledger:
        yield ledger


@asynccontextmanager
async def open_ledger(url: str, rules: Rules | None = None) -> AsyncIterator[Ledger]:
    """Open a ledger on the open database, with as many lanes as the service has."""
    ledger = Ledger(rules or Rules(), lanes=1 if url.startswith("sqlite") else 4)
    try:
        yield ledger
    finally:
        await ledger.close()


def bus(quantity: int = 8_000, ago: timedelta = timedelta(hours=1), *, at: datetime | None = None) -> Leg:
    """A bus trip that ended some time ago, at 40 km/h; 8,000 m give 416 g."""
    ended_at = (at or now()) - ago
    return leg("BUS", quantity, ended_at, kmh=40)


def leg(kind: str, quantity: int, ended_at: datetime, *, kmh: float) -> Leg:
    """A trip of some metres that ended at a moment, at a speed."""
    started_at = ended_at - timedelta(seconds=quantity / kmh * 3.6)
    return Leg(type=kind, quantity=quantity, started_at=started_at, ended_at=ended_at)


def recording(user: str, key: str, *legs: Leg, external_ref: str | None = None) -> Recording:
    """An action of a user, by the partner's own reference."""
    return Recording(user=UserBy(external_ref=user), key=key, legs=legs, external_ref=external_ref)


async def earn(ledger: Ledger, actor: Actor, user: str, grams: int, *, at: datetime | None = None) -> None:
    """Credit a user with exactly so many grams, by walks of at most 296 g a day on days that are over.

    A walk counts for the day on which it began, which shortly after midnight in Shanghai is the day before: so the one
    before it lies two days back, or both would be of one day, and the second would earn nothing.
    """
    moment = (at or now()) - timedelta(hours=2)
    while grams > 0:
        part = min(grams, 296)
        metres = -(-part * 1000 // 104)
        walk = leg("WALK", metres, moment, kmh=5)
        when = moment + timedelta(hours=1)
        (outcome,) = await ledger.record(actor.partnership, [recording(user, f"earn-{uuid4().hex}", walk)], at=when)
        assert not isinstance(outcome, Exception)
        assert outcome.refusal is None
        assert outcome.row.credited_g == part
        grams -= part
        moment -= timedelta(days=2)


class Client:
    """A partner's client of the running service."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self.http = http
        self.headers = headers

    async def send(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation and return the whole answer."""
        response = await self.http.post("/graphql", json={"query": query, "variables": variables}, headers=self.headers)
        assert response.status_code < 500, response.text
        answer: dict[str, Any] = response.json()
        return answer

    async def __call__(self, query: str, **variables: Any) -> dict[str, Any]:
        """Send an operation that must succeed and return its data."""
        answer = await self.send(query, **variables)
        assert "errors" not in answer, answer["errors"]
        data: dict[str, Any] = answer["data"]
        return data


@dataclass(frozen=True)
class Running:
    """A running service."""

    address: str
    http: httpx.AsyncClient

    @property
    def websocket_address(self) -> str:
        """Where its sockets are opened."""
        return self.address.replace("http", "ws", 1) + "/graphql"

    def client(self, actor: Actor | None = None) -> Client:
        """Return a client with the actor's key, or without one."""
        return Client(self.http, actor.headers if actor is not None else {})


@asynccontextmanager
async def serving(settings: Settings, context: TortoiseContext) -> AsyncIterator[Running]:
    """Serve on a free port with a real uvicorn, on the database that the test has open."""

    @asynccontextmanager
    async def opened(_: Settings) -> AsyncIterator[TortoiseContext]:
        yield context

    # With its protocol said, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms for the client's ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    app = make_app(settings, open_database=opened)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        http=HttpProtocol,
        ws=SocketProtocol,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_graceful_shutdown=5,
    )
    server = HTTPServer(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    await _until(lambda: server.started or task.done())
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        # Nothing is encrypted here; to read all the authorities that could vouch for it takes 15 ms each time.
        async with httpx.AsyncClient(base_url=address, timeout=60, verify=UNUSED_TLS) as http:
            yield Running(address, http)
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await task


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it did not come about within 10 s")


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a condition holds; a guard against hanging, not a measurement."""
    for _ in range(1_000):
        if await condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it did not come about within 10 s")


@pytest.fixture
async def service(db: TortoiseContext, url: str) -> AsyncIterator[Running]:
    """The running service."""
    async with serving(Settings(database_url=url), db) as running:
        yield running
