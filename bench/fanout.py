"""Fan-out: one event to many subscribers, in Lucid, in Strawberry's stock handler, and as a text that is only sent.

    python -m bench.fanout --sizes 100 1000 --only lucid --actions 100000
    python -m bench.fanout --report                        # 100, 1,000 and 10,000, into docs/performance.md

CPU is the server's, for each event and subscriber, with the pings of idle sockets; Lucid's includes the donation, its
commit and its sealing. Waiting is told from the first subscriber's message to each other's: how long the last stand in
the queue. Memory is what is added by subscribers after the first hundred, who make room for what all of them use.
"""

import argparse
import asyncio
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console

from api.access import issue_key
from api.models import Partner
from api.models.database import database
from bench import servers
from bench.load import KNOWN, LUCID, working_copy
from bench.places import OTHER_CORE, ROOT, WORK, cpu_s, free_port, rss_kib
from bench.postgres import Server, postgres
from bench.report import machine, table, today, write_part
from bench.sockets import Socket, open_sockets
from bench.workloads import DONATE

SIZES = (100, 1_000, 10_000)
KINDS = {"raw": "the same text, only sent", "stock": "Strawberry's stock handler", "lucid": "Lucid"}
WARM_UP = 3
#: A connection for each event: one that was kept is closed by a server that has been busy for seconds.
ONE_BY_ONE = httpx.Limits(max_keepalive_connections=0)
#: Messages of a measurement, in all: few subscribers are sent more events.
MESSAGES, EVENTS_MIN = 20_000, 10
EVENT_S = 120.0
SETTLE_S = 1.0
#: Subscribers that come and go before memory is looked at.
FORERUNNERS = 100
SUBSCRIPTION = """subscription ($ids: [ID!]!) {
  donationUpdates(projectIds: $ids, startAt: LATEST) {
    __typename
    ... on DonationEvent { sequence kind amount donor totalAfter occurredAt cursor }
  }
}"""
STOCK = "subscription { donationUpdates { __typename sequence kind amount donor totalAfter occurredAt cursor } }"

console = Console(soft_wrap=True)


@dataclass(frozen=True)
class Fan:
    """A server that can make an event for those who follow it."""

    pid: int
    port: int
    hello: list[str]
    emit: Callable[[int], Awaitable[None]]


@dataclass(frozen=True)
class Found:
    """What came out for one server and number of subscribers."""

    kind: str
    subscribers: int
    cpu_us: float
    p50_ms: float
    p99_ms: float
    #: From asking for the event to the first message.
    first_ms: float
    kib_each: float


async def measure(kind: str, fan: Fan, subscribers: int) -> Found:
    """Open the sockets, make events, and see when they arrive."""
    times: list[float] = []
    everybody = asyncio.Event()

    def arrived(at: float) -> None:
        times.append(at)
        if len(times) >= subscribers:
            everybody.set()

    async def event(number: int) -> tuple[float, list[float]]:
        times.clear()
        everybody.clear()
        begun = time.perf_counter()
        await fan.emit(number)
        async with asyncio.timeout(EVENT_S):
            await everybody.wait()
        return begun, sorted(times)

    for socket in await open_sockets(fan.port, FORERUNNERS, fan.hello, lambda _: None):
        socket.close()
    await asyncio.sleep(SETTLE_S)
    before = rss_kib(fan.pid)
    sockets: list[Socket] = await open_sockets(fan.port, subscribers, fan.hello, arrived)
    try:
        await asyncio.sleep(SETTLE_S + subscribers / 2_000)
        kib_each = (rss_kib(fan.pid) - before) / subscribers
        for number in range(WARM_UP):
            await event(number)
        await asyncio.sleep(SETTLE_S)
        events = max(EVENTS_MIN, MESSAGES // subscribers)
        begun_cpu = cpu_s(fan.pid)
        runs = [await event(WARM_UP + number) for number in range(events)]
        await asyncio.sleep(SETTLE_S)
        cpu_us = (cpu_s(fan.pid) - begun_cpu) / (events * subscribers) * 1e6
    finally:
        for socket in sockets:
            socket.close()
    waits = sorted((at - one[0]) * 1e3 for _, one in runs for at in one)
    first = statistics.median((one[0] - begun) * 1e3 for begun, one in runs)
    return Found(
        kind, subscribers, cpu_us, waits[len(waits) // 2], waits[len(waits) * 99 // 100], first, kib_each
    )  # fmt: skip


@contextmanager
def other(kind: str) -> Iterator[Fan]:
    """One of those that Lucid is compared with."""
    port = free_port()
    command = [sys.executable, "-m", "bench.fanout_servers", kind, str(port)]
    document = json.dumps({"id": "1", "type": "subscribe", "payload": {"query": STOCK}})
    client = httpx.AsyncClient(limits=ONE_BY_ONE)

    async def emit(_: int) -> None:
        (await client.post(f"http://127.0.0.1:{port}/emit", timeout=EVENT_S)).raise_for_status()

    with servers.started(kind, command, ROOT, {}, f"http://127.0.0.1:{port}/") as process:
        yield Fan(process.pid, port, ['{"type":"connection_init"}', document], emit)


@contextmanager
def lucid(server: Server, known: Mapping[str, Any], key: str) -> Iterator[Fan]:
    """Lucid, with an NGO that follows its project."""
    client = httpx.AsyncClient(headers={"Authorization": f"Bearer {known['keys'][0]}"}, limits=ONE_BY_ONE)
    project, run = known["projects"][0][1], time.time_ns()
    users = [user[1] for user in known["users"] if user[2] == 0]

    async def emit(number: int) -> None:
        given = {
            "idempotencyKey": f"fanout-{run}-{number}",
            "user": {"id": users[number % len(users)]},
            "projectId": project,
            "amount": {"grams": 1},
        }
        answer = await client.post(
            f"http://127.0.0.1:{running.port}/graphql",
            json={"query": DONATE, "variables": {"input": given}},
            timeout=EVENT_S,
        )
        if answer.json()["data"]["donateEnergy"]["errors"]:
            raise RuntimeError(answer.text)

    # No checkpoints in between: an event's CPU is asked for.
    quiet = {"LUCID_SOCKETS_PER_KEY": "100000", "LUCID_CHECKPOINT_S": "3600"}
    with servers.lucid(server, known, settings=quiet) as running:
        yield Fan(running.process.pid, running.port, subscribe(project, key), emit)


def subscribe(project: str, key: str) -> list[str]:
    """Return what a client says who follows a project."""
    init = {"type": "connection_init", "payload": {"Authorization": f"Bearer {key}"}}
    payload = {"query": SUBSCRIPTION, "variables": {"ids": [project]}}
    return [json.dumps(init), json.dumps({"id": "1", "type": "subscribe", "payload": payload})]


async def key_of_ngo(url: str) -> str:
    """Return a new key of the NGO that carries the first project."""
    async with database(url):
        partner = await Partner.by_slug("ngo-0")
        assert partner is not None
        return await issue_key(partner)


def median(found: list[Found], kind: str, subscribers: int) -> Found:
    """Return the round whose CPU is the median's."""
    rounds = sorted(
        (one for one in found if (one.kind, one.subscribers) == (kind, subscribers)), key=lambda one: one.cpu_us
    )
    return rounds[len(rounds) // 2]


def show(found: list[Found]) -> str:
    """Return the table."""
    raw, stock = ({one.subscribers: one.cpu_us for one in found if one.kind == kind} for kind in ("raw", "stock"))

    def beside(one: Found, others: Mapping[int, float], *, turned: bool) -> str:
        if one.subscribers not in others:
            return ""
        ratio = others[one.subscribers] / one.cpu_us
        return f"{ratio if turned else 1 / ratio:.1f}×"

    rows = [
        [
            f"{one.subscribers:,} · {KINDS[one.kind]}",
            f"{one.cpu_us:.1f}",
            beside(one, raw, turned=False),
            beside(one, stock, turned=True),
            f"{one.p50_ms:.1f}",
            f"{one.p99_ms:.1f}",
            f"{one.first_ms:.1f}",
            f"{one.kib_each:.1f}",
        ]
        for one in sorted(found, key=lambda one: (one.subscribers, [*KINDS].index(one.kind)))
    ]
    heads = [
        "subscribers",
        "CPU µs each",
        "of only sent",
        "less than stock",
        "p50 ms",
        "p99 ms",
        "to the first, ms",
        "KiB when idle",
    ]
    return table(heads, rows)


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES, help="numbers of subscribers")
    parser.add_argument("--only", nargs="+", default=[*KINDS], choices=[*KINDS])
    parser.add_argument("--rounds", type=int, default=3, help="of each, in turn; the median is told")
    parser.add_argument("--actions", type=int, default=100_000, help="size of Lucid's data")
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    allow_sockets(max(given.sizes))
    WORK.mkdir(parents=True, exist_ok=True)
    if hasattr(os, "sched_setaffinity") and (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {int(OTHER_CORE)})
    found: list[Found] = []

    def measured(kind: str, fan: Fan, size: int) -> None:
        found.append(asyncio.run(measure(kind, fan, size)))
        one = found[-1]
        console.print(f"  {size:>6} {KINDS[kind]:<28} {one.cpu_us:7.1f} us  p99 {one.p99_ms:7.1f} ms")

    for size in [size for size in given.sizes for _ in range(given.rounds)]:
        for kind in given.only:
            if kind != "lucid":
                with other(kind) as fan:
                    measured(kind, fan, size)
        if "lucid" in given.only:
            folder = working_copy(given.actions)
            known = json.loads((folder / KNOWN).read_text())
            with postgres(folder) as server:
                key = asyncio.run(key_of_ngo(server.url(LUCID)))
                with lucid(server, known, key) as fan:
                    measured("lucid", fan, size)
    text = show([median(found, kind, size) for size in given.sizes for kind in given.only])
    console.print(text)
    if given.report:
        write_part(
            "fanout",
            f"{today()}, {machine()}; medians of {given.rounds} rounds in turn, {EVENTS_MIN} events or more each."
            f"\n\n{text}",
        )
    return 0


def allow_sockets(count: int) -> None:
    """Raise the number of files that this process and its servers may open, as far as it goes.

    Raises: SystemExit when that is too few.
    """
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < count + 200:
        raise SystemExit(f"bench: {count} sockets need more open files than {most}: `ulimit -n {count + 1000}` first")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
