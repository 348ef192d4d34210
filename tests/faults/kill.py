"""Kill the server or the database under load, again and again, and count what was acknowledged and lost.

    .venv/bin/python -m tests.faults.kill --rounds 20

Many clients donate one gram at a time, each under a key of its own, a few record trips by the hundred, and all
remember every acknowledgement. What was under way when something was killed is sent again under the same key. At the
end all that was acknowledged must be there, once, under the id that was told, every key must have one effect, and
`lucid check` must find no fault. How many orders were committed together is counted on PostgreSQL, where a row says its
transaction.

The control runs on a PostgreSQL that acknowledges before it has flushed (`synchronous_commit = off`): there the same
counting must find losses when the database is killed, or it would be blind.
"""

import argparse
import asyncio
import os
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx

from api.ledger import Ledger, Rules
from api.ledger.check import check_ledger
from api.ledger.reference import load_reference
from api.models import NOBODY, Action, PartnerKind, Project, Receipt, Transfer, TransferKind, UserLink, encode_id, now
from api.models.database import database, migrate
from tests.conftest import Actor, add_partner, add_project, leg, recording
from tests.postgres import Server, running_postgres

DONORS = 64
RECORDERS = 4
TRIPS_A_CALL = 100
LOAD_S = (0.3, 1.2)
DAYS = 6
START_S = 60.0

DONATE = """
mutation ($input: DonateEnergyInput!) {
  donateEnergy(input: $input) { donation { id } errors { ... on UserError { code } } }
}
"""


RECORD = """
mutation ($input: RecordActionsInput!) {
  recordActions(input: $input) {
    results { action { id } errors { ... on UserError { code } } }
    errors { ... on UserError { code } }
  }
}
"""


@dataclass(frozen=True)
class Call:
    """A call, and the user and the key of each thing that it does."""

    query: str
    given: dict[str, Any]
    slots: list[tuple[str, str]]

    def told(self, data: dict[str, Any]) -> list[str]:
        """Return the ids of what it did."""
        (payload,) = data.values()
        assert payload["errors"] == [], payload["errors"]
        if "donation" in payload:
            return [payload["donation"]["id"]]
        assert all(result["errors"] == [] for result in payload["results"]), payload["results"]
        return [result["action"]["id"] for result in payload["results"]]


@dataclass
class Ledgerbook:
    """What the clients were told."""

    told: dict[tuple[str, str], str] = field(default_factory=dict)
    pending: dict[int, Call] = field(default_factory=dict)
    sent: int = 0


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    acknowledged: int
    lost: int
    doubled: int
    faults: list[str]
    #: Orders that were committed together: on average, and at most.
    together: tuple[float, int] | None = None


class Process:
    """A real `lucid serve`, in a process that can be killed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._process: asyncio.subprocess.Process | None = None
        self.address = ""

    async def start(self) -> None:
        """Start and wait until it takes calls."""
        environment = {**os.environ, "DATABASE_URL": self._url, "LUCID_LOG_LEVEL": "error"}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "api", "serve", "--port", "0",
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=environment,
        )  # fmt: skip
        assert self._process.stdout is not None
        while found := await self._process.stdout.readline():
            if match := re.search(rb"http://127\.0\.0\.1:\d+$", found.strip()):
                self.address = match.group().decode()
                break
        deadline = time.monotonic() + START_S
        async with httpx.AsyncClient() as http:
            while True:
                try:
                    if (await http.get(f"{self.address}/health/ready")).status_code == 200:
                        return
                except httpx.TransportError:
                    assert time.monotonic() < deadline, "the service did not start"
                await asyncio.sleep(0.05)

    async def stop(self, how: signal.Signals) -> None:
        """End it by a signal."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await self._process.wait()


def _donation(client: int, number: int, project: str) -> Call:
    user, key = f"user-{client}", f"gift-{number}"
    given = {
        "idempotencyKey": key,
        "user": {"externalRef": user},
        "projectId": project,
        "amount": {"grams": 1},
    }
    return Call(DONATE, given, [(user, key)])


def _trips(number: int) -> Call:
    """Record a trip of each of many new users."""
    end = now() - timedelta(hours=1)
    ride = {
        "type": "SUBWAY",
        "quantity": 10_000,
        "startedAt": (end - timedelta(minutes=15)).isoformat(),
        "endedAt": end.isoformat(),
    }
    users = [f"rider-{number}-{index}" for index in range(TRIPS_A_CALL)]
    given = {
        "idempotencyKey": f"trips-{number}",
        "actions": [
            {"user": {"externalRef": user}, "idempotencyKey": f"trip-{user}", "legs": [ride]} for user in users
        ],
    }
    return Call(RECORD, given, [(user, f"trip-{user}") for user in users])


async def _try(client: int, http: httpx.AsyncClient, key: str, book: Ledgerbook) -> None:
    """Send what is under way of a client; it stays under way, to be sent again under its keys, when that fails."""
    call = book.pending[client]
    try:
        response = await http.post(
            "/graphql",
            json={"query": call.query, "variables": {"input": call.given}},
            headers={"Authorization": f"Bearer {key}"},
        )
        # A call with many is answered for each: while the database is away, each with a failure that says to try again.
        answer = response.json() if "TEMPORARY_FAILURE" not in response.text else {}
    except (httpx.HTTPError, ValueError):
        answer = {}
    if "data" not in answer or "errors" in answer:
        await asyncio.sleep(0.05)
        return
    book.told |= zip(call.slots, call.told(answer["data"]), strict=True)
    del book.pending[client]


async def _call_all_along(
    client: int, http: httpx.AsyncClient, key: str, project: str, book: Ledgerbook, over: asyncio.Event
) -> None:
    """Donate or record until it is over; not cancelled, as that would leave connections half made."""
    while not over.is_set():
        if client not in book.pending:
            book.sent += 1
            is_donor = client < DONORS
            book.pending[client] = _donation(client, book.sent, project) if is_donor else _trips(book.sent)
        await _try(client, http, key, book)


async def _prepare(url: str) -> tuple[Actor, str]:
    """Make users with more energy than can be donated, and a project."""
    async with database(url) as context:
        await migrate(context)
        await load_reference()
        app = await add_partner("maps", PartnerKind.ACTION_SOURCE)
        project: Project = await add_project("longwu")
        ledger = Ledger(Rules())
        rides = [
            recording(
                f"user-{client}", f"ride-{day}", leg("SUBWAY", 100_000, now() - timedelta(days=day, hours=1), kmh=80)
            )
            for client in range(DONORS)
            for day in range(DAYS)
        ]
        outcomes = await ledger.record(app.partnership, rides)
        assert all(not isinstance(one, Exception) and one.refusal is None for one in outcomes)
        await ledger.close()
        return app, encode_id("prj", project.id)


async def run(url: str, rounds: int, seed: int, crash: Any = None) -> Result:
    """Run so many rounds of load and killing; `crash` kills the database instead of the server."""
    chance = random.Random(seed)  # noqa: S311 - it chooses moments, not secrets
    app, project = await _prepare(url)
    book = Ledgerbook()
    process = Process(url)
    await process.start()
    try:
        for _ in range(rounds):
            async with httpx.AsyncClient(base_url=process.address, timeout=10) as http:
                over = asyncio.Event()
                clients = [
                    asyncio.create_task(_call_all_along(client, http, app.key, project, book, over))
                    for client in range(DONORS + RECORDERS)
                ]
                await _take_up(book)
                await asyncio.sleep(chance.uniform(*LOAD_S))
                if crash is None:
                    await process.stop(signal.SIGKILL)
                else:
                    await asyncio.to_thread(crash)
                over.set()
                await asyncio.gather(*clients)
            if crash is None:
                await process.start()
        async with httpx.AsyncClient(base_url=process.address, timeout=30) as http:
            await _settle(http, app, book)
    finally:
        await process.stop(signal.SIGTERM)
    return await _count(url, app, book)


async def _take_up(book: Ledgerbook) -> None:
    """Wait until calls are answered: only then is a kill one in the middle of work."""
    begin, deadline = len(book.told), time.monotonic() + START_S
    while len(book.told) < begin + DONORS:
        assert time.monotonic() < deadline, "nothing is answered"
        await asyncio.sleep(0.02)


async def _settle(http: httpx.AsyncClient, app: Actor, book: Ledgerbook) -> None:
    """Send again what was under way at the last kill, until it is answered."""

    async def settle(client: int) -> None:
        while client in book.pending:
            await _try(client, http, app.key, book)

    async with asyncio.timeout(START_S):
        await asyncio.gather(*[settle(client) for client in list(book.pending)])


async def _count(url: str, app: Actor, book: Ledgerbook) -> Result:
    async with database(url):
        links = await UserLink.by_refs(app.partner.id, app.environment, list({user for user, _ in book.told}))
        lost = 0
        told = list(book.told.items())
        for first in range(0, len(told), 1_000):
            some = told[first : first + 1_000]
            slots = [(links[user].user_id if user in links else NOBODY, app.partner.id, key) for (user, key), _ in some]
            receipts = await Receipt.of_keys(slots)
            kinds = {"donateEnergy": "don", "recordAction": "act"}
            there = {
                slot: encode_id(kinds[row.operation], row.result_id) for slot, row in receipts.items() if row.result_id
            }
            lost += sum(there.get(slot) != told for slot, (_, told) in zip(slots, some, strict=True))
        effects = await Transfer.filter(kind=TransferKind.DONATE).count() + await Action.all().count()
        keys = await Receipt.filter(result_id__isnull=False).count()
        return Result(len(book.told), lost, effects - keys, (await check_ledger()).faults, await _together(url))


async def _together(url: str) -> tuple[float, int] | None:
    """Return how many orders were committed together: a row of PostgreSQL says which transaction wrote it."""
    if url.startswith("sqlite"):
        return None
    connection = await asyncpg.connect(url)
    try:
        sizes = await connection.fetch(
            "SELECT count(*) AS size FROM receipt WHERE key LIKE 'gift-%' OR key LIKE 'trip-%' GROUP BY xmin::text"
        )
    finally:
        await connection.close()
    counts = [row["size"] for row in sizes]
    return sum(counts) / len(counts), max(counts)


@contextmanager
def unflushed(server: Server, name: str) -> Iterator[str]:
    """A database that acknowledges before it has flushed: the control."""
    server.create_database(name)

    async def unsafe() -> None:
        connection = await asyncpg.connect(server.url(name))
        await connection.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
        await connection.close()

    asyncio.run(unsafe())
    yield server.url(name)


def main() -> int:
    """Run every combination and print what it came to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    given = parser.parse_args()
    failed = False

    def report(name: str, result: Result, *, control: bool = False) -> None:
        nonlocal failed
        counts = f"{result.acknowledged:>8,} acknowledged {result.lost:>6,} lost {result.doubled:>4,} doubled"
        batches = "{:.1f} in a batch, at most {}".format(*result.together) if result.together else ""
        print(f"{name:<48}{counts} {len(result.faults):>4} faults  {batches}", flush=True)  # noqa: T201 - a script prints
        failed |= (result.lost == 0) if control else bool(result.lost or result.doubled or result.faults)

    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'lucid.db'}"
        report("SQLite, server killed", asyncio.run(run(url, given.rounds, given.seed)))
    with running_postgres(durable=True) as server:
        for name, crash in (("server", None), ("database", server.crash)):
            server.create_database(name)
            result = asyncio.run(run(server.url(name), given.rounds, given.seed, crash))
            report(f"PostgreSQL, {name} killed", result)
        with unflushed(server, "control") as url:
            result = asyncio.run(run(url, given.rounds, given.seed, server.crash))
            report("Control: commits not flushed, database killed", result, control=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
