"""How long Lucid takes to start, and how much memory it holds then and after work.

python -m bench.startup --report
"""

import argparse
import json
import statistics
import sys
import time

from rich.console import Console

from bench import servers
from bench.load import KNOWN, working_copy
from bench.numbers import Numbers
from bench.postgres import postgres
from bench.race import run_once
from bench.report import machine, table, today, write_part

console = Console(soft_wrap=True)


def main() -> int:
    """Measure as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="length of the work before memory is read again")
    parser.add_argument("--actions", type=int, default=100_000)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    folder = working_copy(given.actions)
    known = json.loads((folder / KNOWN).read_text())
    starts, cpus, idle, busy = [], [], [], []
    with postgres(folder) as server:
        numbers = Numbers(folder)
        for _ in range(given.times):
            begun = time.perf_counter()
            with servers.lucid(server, known) as running:
                starts.append(time.perf_counter() - begun)
                cpus.append(running.cpu_s())
                idle.append(running.rss_mib())
                if len(starts) == given.times:
                    for item in ("R1", "R2", "W1", "W2a"):
                        run_once(server, running, item, given.seconds, numbers)
                    busy.append(running.rss_mib())
    rows = [
        ["from the command to the first answer, s", f"{statistics.median(starts):.2f}"],
        ["CPU until then, s", f"{statistics.median(cpus):.2f}"],
        ["memory when started, MiB", f"{statistics.median(idle):.0f}"],
        [f"memory after {given.seconds:.0f} s each of R1, R2, W1 and W2a, MiB", f"{busy[0]:.0f}"],
    ]
    text = table(["start and memory", "median"], rows)
    console.print(text)
    if given.report:
        write_part("startup", f"{today()}, {machine()}; one worker, {given.times} starts.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
