"""Bulk: recordActions with 1,000 actions in a call, beside single records, in actions for each second.

python -m bench.bulk --actions 200000
python -m bench.bulk --report
"""

import argparse
import json
import statistics
import sys
from collections.abc import Sequence

from rich.console import Console

from bench import servers
from bench.calls import CALL, SENDERS, CallFailed, Recorded, record_many
from bench.checks import RowsWrong, require_sound
from bench.load import ACTIONS, KNOWN, working_copy
from bench.numbers import Numbers
from bench.places import WORK
from bench.postgres import Server, postgres
from bench.race import WARM_UP_S, WrongAnswer, run_once
from bench.report import machine, table, today, write_part
from bench.servers import Running

console = Console(soft_wrap=True)


def record_single(server: Server, running: Running, numbers: Numbers, seconds: float) -> Recorded:
    """Let the load generator of the race record actions for some seconds, one in a request."""
    database_s = server.cpu_s()
    measured, server_us = run_once(server, running, "W1", seconds, numbers)
    database_us = (server.cpu_s() - database_s) / measured.requests * 1e6
    return Recorded(measured.requests, measured.seconds, server_us, database_us)


def shown(singles: Sequence[Recorded], bulks: Sequence[Recorded]) -> str:
    """Return the medians as a table."""
    rows = [
        [
            says,
            f"{statistics.median(one.per_s for one in measured):,.0f}",
            f"{statistics.median(one.server_us for one in measured):,.0f}",
            f"{statistics.median(one.database_us for one in measured):,.0f}",
        ]
        for says, measured in (
            ("one in a call, 64 connections", singles),
            (f"{CALL:,} in a call, {SENDERS} at a time", bulks),
        )
    ]
    ratio = statistics.median(one.per_s for one in bulks) / statistics.median(one.per_s for one in singles)
    heads = ["records", "actions per s", "CPU µs an action: server", "database"]
    return f"{table(heads, rows)}\n\nRatio: {ratio:.1f}×."


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    # Every trip here is of one app's users, and those of single records are of all: on a fresh copy they do not meet.
    folder = working_copy(given.actions, fresh=True)
    known = json.loads((folder / KNOWN).read_text())
    own = {**known, "users": [user for user in known["users"] if user[2] != 0]}
    singles, bulks = [], []
    WORK.mkdir(parents=True, exist_ok=True)
    try:
        with postgres(folder) as server, servers.lucid(server, own) as running:
            server.warm(running.database)
            numbers = Numbers(folder)
            run_once(server, running, "W1", WARM_UP_S, numbers)
            record_many(server, running, known, numbers, WARM_UP_S)
            for turn in range(given.rounds):
                singles.append(record_single(server, running, numbers, given.seconds))
                bulks.append(record_many(server, running, known, numbers, given.seconds))
                console.print(
                    f"  round {turn + 1}  single {singles[-1].per_s:,.0f}/s  in calls of {CALL:,}: "
                    f"{bulks[-1].per_s:,.0f}/s, CPU us an action: server {bulks[-1].server_us:.1f}, "
                    f"database {bulks[-1].database_us:.1f}"
                )
            require_sound(server, running.database)
    except (CallFailed, RowsWrong, WrongAnswer) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    text = shown(singles, bulks)
    console.print(text)
    if given.report:
        write_part("bulk", f"{today()}, {machine()}; {given.actions:,} actions before.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
