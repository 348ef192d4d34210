"""SQLite: the embedded database beside itself with batches of one, each with a commit of its own.

python -m bench.embedded --report
"""

import argparse
import asyncio
import json
import shutil
import sqlite3
import statistics
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from rich.console import Console

from api.ledger.reference import Catalogue, load_reference
from api.models.database import database, migrate
from bench import servers
from bench.data import ACTIONS_OF_USER, Rows, World
from bench.generator import CONNECTIONS, send
from bench.lanes import Lane, Results
from bench.load import KNOWN, key_of, known_of
from bench.numbers import Numbers, first_day
from bench.places import CACHE, WORK
from bench.race import WARM_UP_S, WrongAnswer
from bench.report import machine, table, today, write_part
from bench.servers import Running

ACTIONS = 200_000
PROGRAMS = {"batches": ("-m", "api"), "one by one": ("-m", "bench.alone")}
ITEMS = ("R1", "R3", "W1", "W2a", "W2b")
#: Rows that a write adds for each acknowledged answer.
COUNT = "SELECT (SELECT count(*) FROM action) + (SELECT count(*) FROM transfer WHERE kind = 'DONATE')"

console = Console(soft_wrap=True)


def loaded(actions: int) -> Path:
    """Return the folder with the loaded database, loading it first where it is not in the cache."""
    folder = CACHE / f"sqlite-{key_of(actions)}"
    if not (folder / KNOWN).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        with console.status("Loading SQLite"):
            known = asyncio.run(load(folder / "lucid.db", actions))
        (folder / KNOWN).write_text(json.dumps(known))
    return folder


async def load(path: Path, actions: int) -> dict[str, object]:
    """Make a database of that size and return what the load generator names."""
    async with database(f"sqlite:///{path}") as context:
        await migrate(context)
        await load_reference()
        catalogue = Catalogue()
        await catalogue.refresh()
        world = World(actions, catalogue)
        connection = sqlite3.connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        for _, part in world.parts():
            for one in part:
                _insert(connection, one)
        connection.commit()
        connection.execute("ANALYZE")
        connection.close()
        return await known_of(world)


def _insert(connection: sqlite3.Connection, part: Rows) -> None:
    names = ", ".join(f'"{name}"' for name in part.columns)
    marks = ", ".join("?" * len(part.columns))
    sql = f'INSERT INTO "{part.table._meta.db_table}" ({names}) VALUES ({marks})'  # noqa: S608 - our own words
    connection.executemany(sql, ([_stored(value) for value in row] for row in part.rows))


def _stored(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return value


@contextmanager
def lucid(name: str, source: Path, known: Mapping[str, Any]) -> Iterator[Running]:
    """Lucid on a copy of the loaded database."""
    folder = WORK / f"sqlite-{name.replace(' ', '-')}"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source, folder)
    url = f"sqlite:///{folder / 'lucid.db'}"
    with servers.lucid_on(url, known, name=name, program=PROGRAMS[name]) as running:
        yield running


def _count(name: str) -> int:
    with sqlite3.connect(WORK / f"sqlite-{name.replace(' ', '-')}" / "lucid.db") as connection:
        return int(connection.execute(COUNT).fetchone()[0])


def _run(one: Running, item: str, seconds: float, numbers: Numbers) -> tuple[Any, float]:
    target = one.targets[item]
    before, cpu_before = _count(one.name), one.cpu_s()
    measured = send(target, numbers.next, int(first_day().timestamp()), seconds)
    cpu_us = (one.cpu_s() - cpu_before) / max(1, measured.requests) * 1e6
    numbers.use(measured.requests)
    added = _count(one.name) - before
    if not measured.is_right or (target.workload.writes and added < measured.right):
        raise WrongAnswer(f"{one.name} in {item}: {measured}, {added} rows were added")
    return measured, cpu_us


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", nargs="+", default=ITEMS, choices=ITEMS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    source = loaded(given.actions)
    known = json.loads((source / KNOWN).read_text())
    results: Results = {item: {name: Lane() for name in PROGRAMS} for item in given.items}
    with ExitStack() as stack:
        running = [stack.enter_context(lucid(name, source, known)) for name in PROGRAMS]
        numbers = Numbers(WORK / "sqlite-batches")
        for item in given.items:
            for one in running:
                _run(one, item, WARM_UP_S, numbers)
            for _ in range(given.rounds):
                for one in running:
                    measured, cpu_us = _run(one, item, given.seconds, numbers)
                    results[item][one.name].measured.append(measured)
                    results[item][one.name].cpu_us.append(cpu_us)
            console.print(
                f"  {item} " + ", ".join(f"{name} {lane.per_s:,.0f}/s" for name, lane in results[item].items())
            )
    rows = []
    for item, lanes in results.items():
        many, single = lanes["batches"], lanes["one by one"]
        rows.append(
            [
                item,
                f"{many.per_s:,.0f}",
                f"{single.per_s:,.0f}",
                f"{many.times(single):.2f}×",
                f"{many.median('p99_ms'):.1f} / {single.median('p99_ms'):.1f}",
                f"{statistics.median(many.cpu_us):,.0f} / {statistics.median(single.cpu_us):,.0f}",
            ]
        )
    text = table(["work", "with batches, per s", "one by one, per s", "ratio", "p99 ms", "CPU µs"], rows)
    console.print(text)
    if given.report:
        how = f"{given.actions:,} actions, {given.actions // ACTIONS_OF_USER:,} users; {given.rounds} rounds"
        write_part(
            "embedded", f"{today()}, {machine()}; {how} of {given.seconds:g} s, {CONNECTIONS} connections.\n\n{text}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
