"""Memory over time: subscribers that stay, and a little of all work, for an hour.

    python -m bench.memory --minutes 60 --subscribers 1000 --report

Flat is the goal: what is held at the end is compared with what was held after the first tenth.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from bench import servers
from bench.fanout import allow_sockets, key_of_ngo, subscribe
from bench.load import ACTIONS, KNOWN, LUCID, working_copy
from bench.numbers import Numbers
from bench.postgres import Server, postgres
from bench.race import run_once
from bench.report import machine, table, today, write_part
from bench.servers import Running
from bench.sockets import open_sockets

ITEMS = ("R1", "R2", "R3", "W1", "W2a", "W2b")
WORK_S = 5.0

console = Console(soft_wrap=True)


async def hold(
    server: Server, running: Running, known: Mapping[str, Any], key: str, count: int, minutes: float, numbers: Numbers
) -> list[tuple[float, float]]:
    """Hold subscribers while work is done; return minutes and MiB."""
    # Not the first one, to which W2b gives all: a thousand sockets cannot take a million events a second.
    hello = subscribe(known["projects"][1][1], key)
    sockets = await open_sockets(running.port, count, hello, lambda _: None)
    begun, told = time.monotonic(), [(0.0, running.rss_mib())]
    turn = 0
    while (passed := (time.monotonic() - begun) / 60) < minutes:
        # wrk runs beside this loop, so that pings are answered meanwhile.
        await asyncio.to_thread(run_once, server, running, ITEMS[turn % len(ITEMS)], WORK_S, numbers)
        turn += 1
        if turn % len(ITEMS) == 0:
            told.append((passed, running.rss_mib()))
            console.print(f"  {passed:6.1f} min  {told[-1][1]:7.1f} MiB")
    if lost := sum(socket.is_lost for socket in sockets):
        raise RuntimeError(f"{lost} of {count} subscribers were lost")
    for socket in sockets:
        socket.close()
    return told


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--subscribers", type=int, default=1_000)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    allow_sockets(given.subscribers)
    folder = working_copy(given.actions, fresh=True)
    known = json.loads((folder / KNOWN).read_text())
    with postgres(folder) as server:
        key = asyncio.run(key_of_ngo(server.url(LUCID)))
        many = {"LUCID_SOCKETS_PER_KEY": "100000"}
        with servers.lucid(server, known, settings=many) as running:
            numbers = Numbers(folder)
            told = asyncio.run(hold(server, running, known, key, given.subscribers, given.minutes, numbers))
    parts = [told[round((len(told) - 1) * tenth / 10)] for tenth in (0, 1, 5, 10)]
    heads = ["memory", "at first", "after a tenth", "half-way", "at the end"]
    text = table(heads, [["MiB", *(f"{mib:.0f}" for _, mib in parts)]])
    console.print(text)
    if given.report:
        how = f"{given.actions:,} actions, {given.subscribers:,} subscribers, {given.minutes:g} minutes"
        write_part("memory", f"{today()}, {machine()}; {how}.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
