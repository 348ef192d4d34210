"""Where the CPU of a request goes: one workload against a server that is sampled, as in the race otherwise.

    python -m bench.profile R1
    python -m bench.profile W2a --actions 200000 --top 60 --lines
    python -m bench.profile bulk                               # recordActions of 1,000

Printed are microseconds of CPU for each request, or for each action in bulk: by package, by function itself, and by
function with what it calls.
The stacks are left in var/bench/profile-R1.folded, for flamegraph.pl or speedscope.
"""

import argparse
import json
import os
import re
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import servers
from bench.calls import record_many
from bench.load import ACTIONS, KNOWN, working_copy
from bench.numbers import Numbers
from bench.places import ROOT, WORK
from bench.postgres import postgres
from bench.race import WARM_UP_S, run_once
from bench.workloads import NAMES

console = Console(soft_wrap=True)
BULK = "bulk"
LIBRARY = re.compile(r".*/(?:site-packages|lib/python3\.\d+)/")
Stack = list[tuple[str, int, str]]


def package(file: str) -> str:
    """Return where code belongs: `api/execution`, a package, or the standard library's module."""
    path = Path(_short(file))
    if path.parts[0] in {"api", "bench"}:
        return "/".join(path.parts[:2])
    return "generated" if file.startswith("<") else path.parts[0].removesuffix(".py")


def place(file: str, line: int, name: str, *, lines: bool) -> str:
    """Return how a function, or a line of it, is told."""
    return f"{_short(file)}:{line} {name}" if lines else f"{_short(file)} {name}"


def _short(file: str) -> str:
    return LIBRARY.sub("", file.removeprefix(f"{ROOT}/"))


def report(samples: list[tuple[int, Stack]], cpu_us: float, *, top: int, lines: bool) -> None:
    """Print where the microseconds of a request go."""
    total = sum(count for count, _ in samples)
    by_package: Counter[str] = Counter()
    itself: Counter[str] = Counter()
    with_calls: Counter[str] = Counter()
    for count, stack in samples:
        by_package[package(stack[0][0])] += count
        itself[place(*stack[0], lines=lines)] += count
        for one in {place(*frame, lines=lines) for frame in stack}:
            with_calls[one] += count
    for title, counted, shown in (
        ("package", by_package, 20),
        ("function itself", itself, top),
        ("function with what it calls", with_calls, top),
    ):
        table = Table("us/request", "%", title, box=None)
        # What every stack begins with says nothing.
        for name, count in [one for one in counted.most_common(shown + 20) if one[1] < total][:shown]:
            table.add_row(f"{count / total * cpu_us:.1f}", f"{count / total:.1%}", name)
        console.print(table)
        console.print()
    console.print(f"{total:,} samples, {cpu_us:.1f} us of CPU for each request, system calls and sampling included")


def main() -> int:
    """Profile as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("item", choices=[*NAMES, BULK])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--actions", type=int, default=ACTIONS)
    parser.add_argument("--top", type=int, default=40, help="functions that are shown")
    parser.add_argument("--lines", action="store_true", help="by line, not by function")
    given = parser.parse_args()
    folder = working_copy(given.actions)
    known = json.loads((folder / KNOWN).read_text())
    found = WORK / f"profile-{given.item}.json"
    found.unlink(missing_ok=True)
    program = ["-m", "bench.sampler", str(found)]
    with postgres(folder) as server, servers.lucid(server, known, program=program) as running:
        numbers = Numbers(folder)

        def run(seconds: float) -> float:
            if given.item == BULK:
                return record_many(server, running, known, numbers, seconds).server_us
            return run_once(server, running, given.item, seconds, numbers)[1]

        run(WARM_UP_S)
        os.kill(running.process.pid, signal.SIGUSR1)
        cpu_us = run(given.seconds)
        os.kill(running.process.pid, signal.SIGUSR2)
        while not found.exists():
            time.sleep(0.05)
    samples = [(count, [tuple(frame) for frame in stack]) for count, stack in json.loads(found.read_text())]
    found.unlink()
    found.with_suffix(".folded").write_text(
        "".join(
            ";".join(place(*frame, lines=False).replace(" ", ":") for frame in reversed(stack)) + f" {count}\n"
            for count, stack in samples
        )
    )
    report(samples, cpu_us, top=given.top, lines=given.lines)
    return 0


if __name__ == "__main__":
    sys.exit(main())
