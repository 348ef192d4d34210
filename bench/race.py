"""The race: the same work asked of Lucid and of its peers, interleaved, and the rows counted afterwards.

    python -m bench.race --only lucid --items R1 --seconds 5   # one server, for a look
    python -m bench.race --only lucid --actions 200000         # on a tenth of the data, which loads in a minute

In each round every server does each workload once, one after the other, with the order turned by one each round: the
machine drifts by up to two times within minutes, and what is compared shall drift together. A run with a wrong answer,
or whose rows do not add up, fails the race.
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace

from rich.console import Console
from rich.table import Table

from bench import peer_servers, servers
from bench.chart import draw
from bench.checks import RowsWrong, count_rows, require_added, require_sealed, require_sound
from bench.data import ACTIONS_OF_USER
from bench.generator import CONNECTIONS, Measured, NoWrk, require_wrk, send
from bench.lanes import Lane, Results
from bench.load import ACTIONS, KNOWN, working_copy
from bench.numbers import Numbers, first_day
from bench.peer_servers import Start, node_version
from bench.postgres import Server, postgres
from bench.report import PAGE, best_of_kind, libraries, machine, race_tables, today, write_part
from bench.sameness import AnswersDiffer, require_same_answers
from bench.servers import Running
from bench.workloads import LUCID, NAMES

#: How each server of the race is started, by its name on the command line.
ALL: dict[str, Start] = {"lucid": servers.lucid, **peer_servers.ALL}
#: The peers' just-in-time compilers need some seconds.
WARM_UP_S = 4.0
CHART = PAGE.with_suffix(".svg")

console = Console(soft_wrap=True)


class WrongAnswer(Exception):
    """A server answered something that is not right: what it did does not count."""


def race(
    server: Server, running: Sequence[Running], items: Sequence[str], *, rounds: int, seconds: float, counter: Numbers
) -> Results:
    """Let the servers do the workloads, round by round.

    Raises: WrongAnswer, RowsWrong.
    """
    results: Results = {item: {one.name: Lane() for one in running} for item in items}
    for item in items:
        for one in running:
            run_once(server, one, item, WARM_UP_S, counter)
    for turn in range(rounds):
        order = [*running[turn % len(running) :], *running[: turn % len(running)]]
        for item in items:
            for one in order:
                measured, cpu_us = run_once(server, one, item, seconds, counter)
                lane = results[item][one.name]
                lane.measured.append(measured)
                lane.cpu_us.append(cpu_us)
                console.print(
                    f"  round {turn + 1} {item:<4} {one.name:<22} {measured.per_s:>8,.0f}/s"
                    f"  p50 {measured.p50_ms:7.1f} ms  p99 {measured.p99_ms:7.1f} ms  CPU {cpu_us:7.1f} us"
                    + (f"  left to seal {measured.backlog}" if measured.backlog else "")
                )
    return results


def run_once(server: Server, one: Running, item: str, seconds: float, counter: Numbers) -> tuple[Measured, float]:
    """Let one server do one workload once; return what wrk found and the server's CPU for each request, in us.

    Raises: WrongAnswer, RowsWrong.
    """
    target = one.targets[item]
    writes = target.workload.writes
    before = count_rows(server, one.database, item) if writes else None
    cpu_before = one.cpu_s()
    measured = send(target, counter.next, int(first_day().timestamp()), seconds)
    # What is left to seal is part of the work: it is waited for, and its CPU counts.
    backlog = require_sealed(server, one.database) if writes and one.seals else 0
    cpu_us = (one.cpu_s() - cpu_before) / max(1, measured.requests) * 1e6
    counter.use(measured.requests)
    if not measured.is_right:
        raise WrongAnswer(
            f"{one.name} in {item}: {measured.wrong} wrong, {measured.broken} broken of {measured.requests}; "
            f"for example {measured.first_wrong}"
        )
    if before is not None:
        require_added(one.name, item, before, count_rows(server, one.database, item), measured.right)
    return replace(measured, backlog=backlog), cpu_us


def show(results: Results) -> None:
    """Print what came out."""
    table = Table("work", "server", "per s", "spread", "p50 ms", "p99 ms", "CPU us")
    for item, lanes in results.items():
        for name, lane in lanes.items():
            table.add_row(
                item,
                name,
                f"{lane.per_s:,.0f}",
                f"{lane.spread:.0%}",
                f"{lane.median('p50_ms'):.1f}",
                f"{lane.median('p99_ms'):.1f}",
                f"{statistics.median(lane.cpu_us):.1f}",
            )
    console.print(table)


def write(results: Results, given: argparse.Namespace, versions: Mapping[str, str], others: str) -> None:
    """Write the tables and the chart into the documentation."""
    how = (
        f"{today()}, {machine()}; {given.actions:,} actions, {given.actions // ACTIONS_OF_USER:,} users; "
        f"{given.rounds} rounds of {given.seconds:g} s, {CONNECTIONS} connections. "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
        + f", Node {node_version()}, {others}, {libraries()}."
    )
    says = {name: workload.says for name, workload in LUCID.items()}
    if given.later:
        write_part("later", f"{how}\n\n{race_tables(results, says)}")
        return
    write_part("race", f"{how}\n\n![Ratios]({CHART.name})\n\n{race_tables(results, says)}")
    note = f"median of {given.rounds} rounds, one server core; the best peer is 1"
    CHART.write_text(draw(best_of_kind(results), "Requests per second, as a multiple of the best peer", note))
    console.print(f"Written: {PAGE} and {CHART}")


def main() -> int:
    """Race as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=[*ALL], choices=[*ALL], help="servers")
    parser.add_argument("--items", nargs="+", default=[*NAMES], choices=NAMES, help="workloads")
    parser.add_argument("--report", action="store_true", help="write docs/performance.md and its chart")
    parser.add_argument("--later", action="store_true", help="let the peers leave numbers, events and totals to others")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5, help="length of a run")
    parser.add_argument("--actions", type=int, default=ACTIONS, help="size of the data")
    parser.add_argument("--fresh", action="store_true", help="begin with a new copy of the data")
    given = parser.parse_args()
    if given.later:
        os.environ["DONATE"] = "donate_later"
        # PostGraphile's mutations are the functions' names.
        given.only = [name for name in given.only if name != "postgraphile"]
    try:
        wrk = require_wrk()
        folder = working_copy(given.actions, fresh=given.fresh)
        known = json.loads((folder / KNOWN).read_text())
        with ExitStack() as stack:
            server = stack.enter_context(postgres(folder))
            if {*given.only} & {*peer_servers.ALL}:
                with console.status("Copying the data for the peers"):
                    peer_servers.prepare(server)
            running = [stack.enter_context(ALL[name](server, known)) for name in given.only]
            databases = {one.database for one in running}
            for one in databases:
                with console.status(f"Reading {one} into memory"):
                    server.warm(one)
            counter = Numbers(folder)
            if counter.next == 1:  # later each side has rows of its own
                require_same_answers(running, known)
            results = race(server, running, given.items, rounds=given.rounds, seconds=given.seconds, counter=counter)
            versions = {one.name.partition(" (")[0]: one.version for one in running}
            for one in databases:
                with console.status(f"Verifying {one}"):
                    require_sound(server, one)
            postgres_version = server.version
        show(results)
        if given.report:
            write(results, given, versions, f"PostgreSQL {postgres_version}, wrk {wrk}")
    except (NoWrk, servers.NotStarted, WrongAnswer, RowsWrong, AnswersDiffer) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
