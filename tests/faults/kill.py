"""Kill the server or the database under load, again and again, and count what was acknowledged and lost.

    .venv/bin/python -m tests.faults.kill --rounds 20

Clients donate one gram at a time, each under a key of its own, and remember every acknowledgement. What was under way
when something was killed is sent again under the same key. At the end every acknowledged donation must be there, once,
under the id that was told, every key must have one effect, and `lucid check` must find no fault.

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
from api.models import PartnerKind, Project, Receipt, Transfer, TransferKind, UserLink, encode_id, now
from api.models.database import database, migrate
from tests.conftest import Actor, add_partner, add_project, leg, recording
from tests.postgres import Server, running_postgres

CLIENTS = 8
LOAD_S = (0.3, 1.2)
DAYS = 6
START_S = 60.0

DONATE = """
mutation ($input: DonateEnergyInput!) {
  donateEnergy(input: $input) { donation { id } errors { ... on UserError { code } } }
}
"""


@dataclass
class Ledgerbook:
    """What the clients were told."""

    told: dict[tuple[str, str], str] = field(default_factory=dict)
    pending: dict[str, str] = field(default_factory=dict)
    sent: int = 0


@dataclass(frozen=True)
class Result:
    """What a run came to."""

    acknowledged: int
    lost: int
    doubled: int
    faults: list[str]


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


async def _donate_all_along(client: int, http: httpx.AsyncClient, key: str, project: str, book: Ledgerbook) -> None:
    """Donate a gram at a time, for ever; what failed is sent again under its key."""
    user = f"user-{client}"
    while True:
        if user not in book.pending:
            book.sent += 1
            book.pending[user] = f"{user}-{book.sent}"
        given = {
            "idempotencyKey": book.pending[user],
            "user": {"externalRef": user},
            "projectId": project,
            "amount": {"grams": 1},
        }
        try:
            response = await http.post(
                "/graphql",
                json={"query": DONATE, "variables": {"input": given}},
                headers={"Authorization": f"Bearer {key}"},
            )
            payload: dict[str, Any] = response.json()["data"]["donateEnergy"]
        except (httpx.HTTPError, KeyError, TypeError, ValueError):
            await asyncio.sleep(0.05)
            continue
        assert payload["errors"] == [], payload["errors"]
        book.told[user, book.pending.pop(user)] = payload["donation"]["id"]


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
            for client in range(CLIENTS)
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
                clients = [
                    asyncio.create_task(_donate_all_along(client, http, app.key, project, book))
                    for client in range(CLIENTS)
                ]
                await asyncio.sleep(chance.uniform(*LOAD_S))
                if crash is None:
                    await process.stop(signal.SIGKILL)
                else:
                    await asyncio.to_thread(crash)
                for client in clients:
                    client.cancel()
                await asyncio.gather(*clients, return_exceptions=True)
            if crash is None:
                await process.start()
        async with httpx.AsyncClient(base_url=process.address, timeout=30) as http:
            await _settle(http, app, project, book)
    finally:
        await process.stop(signal.SIGTERM)
    return await _count(url, app, book)


async def _settle(http: httpx.AsyncClient, app: Actor, project: str, book: Ledgerbook) -> None:
    """Send again what was under way at the last kill, until it is answered."""
    deadline = time.monotonic() + START_S
    while book.pending:
        assert time.monotonic() < deadline, "the service did not recover"
        clients = [
            asyncio.create_task(_donate_all_along(int(user.partition("-")[2]), http, app.key, project, book))
            for user in list(book.pending)
        ]
        waiting = set(book.pending.values())
        for _ in range(500):
            if not waiting & set(book.pending.values()):
                break
            await asyncio.sleep(0.02)
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
        # A client that was cancelled had begun its next donation, which may or may not be there.
        book.pending = {user: key for user, key in book.pending.items() if key in waiting}


async def _count(url: str, app: Actor, book: Ledgerbook) -> Result:
    async with database(url):
        links = await UserLink.by_refs(app.partner.id, app.environment, [f"user-{one}" for one in range(CLIENTS)])
        slots = [(links[user].user_id, app.partner.id, key) for user, key in book.told]
        receipts = await Receipt.of_keys(slots)
        there = {slot: encode_id("don", row.result_id) for slot, row in receipts.items() if row.result_id}
        lost = sum(there.get(slot) != told for slot, told in zip(slots, book.told.values(), strict=True))
        donations = await Transfer.filter(kind=TransferKind.DONATE).count()
        keys = await Receipt.filter(operation="donateEnergy").count()
        return Result(len(book.told), lost, donations - keys, (await check_ledger()).faults)


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
        print(f"{name:<44}{counts} {len(result.faults):>4} faults", flush=True)  # noqa: T201 - a script prints
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
