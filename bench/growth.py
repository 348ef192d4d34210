"""Growth: the same work on more and more data. Flat is the goal.

    python -m bench.growth --sizes 100000 1000000
    python -m bench.growth --report          # 10^5, 10^6 and 10^7 actions: needs 40 GB of disk and two hours

Each size is loaded by itself, with users and donations in proportion, and dropped afterwards where it is very large.
Sizes cannot be interleaved, so what the machine does meanwhile shows.
"""

import argparse
import json
import shutil
import sys

from rich.console import Console

from bench import servers
from bench.lanes import Lane, Results
from bench.load import KNOWN, working_copy
from bench.numbers import Numbers
from bench.places import WORK
from bench.postgres import postgres
from bench.race import WARM_UP_S, run_once
from bench.report import machine, table, today, write_part

SIZES = (100_000, 1_000_000, 10_000_000)
ITEMS = ("R1", "W1", "W2a", "W2b")
#: Larger than that is not kept.
KEPT_MAX = 2_000_000

console = Console(soft_wrap=True)


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", type=int, default=SIZES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    results: Results = {item: {} for item in ITEMS}
    for size in given.sizes:
        folder = working_copy(size, fresh=True, keep=size <= KEPT_MAX)
        known = json.loads((folder / KNOWN).read_text())
        with postgres(folder) as server, servers.lucid(server, known) as running:
            server.warm(running.database)
            numbers = Numbers(folder)
            for item in ITEMS:
                run_once(server, running, item, WARM_UP_S, numbers)
                lane = results[item][f"{size:,}"] = Lane()
                for _ in range(given.rounds):
                    measured, cpu_us = run_once(server, running, item, given.seconds, numbers)
                    lane.measured.append(measured)
                    lane.cpu_us.append(cpu_us)
                console.print(f"  {size:>12,} {item:<4} {lane.per_s:>8,.0f}/s  p99 {lane.median('p99_ms'):.1f} ms")
        if size > KEPT_MAX:
            shutil.rmtree(WORK / "copy")
    heads = ["work", *(f"{size:,} actions: per s, p99 ms" for size in given.sizes)]
    rows = [
        [item, *(f"{lane.per_s:,.0f}, {lane.median('p99_ms'):.1f}" for lane in lanes.values())]
        for item, lanes in results.items()
    ]
    text = table(heads, rows)
    console.print(text)
    if given.report:
        write_part("growth", f"{today()}, {machine()}; {given.rounds} rounds of {given.seconds:g} s.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
