"""Bulk: recordActions with 1,000 actions in a call, beside single records, in actions for each second.

python -m bench.bulk --actions 200000
python -m bench.bulk --report
"""

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Mapping
from typing import Any

import httpx
from rich.console import Console

from bench import servers
from bench.checks import count_rows
from bench.load import ACTIONS, KNOWN, working_copy
from bench.numbers import Numbers, leg, trip
from bench.places import WORK
from bench.postgres import postgres
from bench.race import WARM_UP_S, run_once
from bench.report import machine, table, today, write_part
from bench.servers import Running

CALL = 1_000
#: Calls under way at the same time.
SENDERS = 4
RECORD = """mutation Record($input: RecordActionsInput!) {
  recordActions(input: $input) {
    results { action { id credited status } replayed errors { __typename } }
    errors { __typename }
  }
}"""

console = Console(soft_wrap=True)


async def bulk(running: Running, known: Mapping[str, Any], numbers: Numbers, seconds: float) -> float:
    """Send calls of 1,000 for some seconds and return actions for each second.

    Raises: RuntimeError when one was not recorded.
    """
    users = [user[1] for user in known["users"] if user[2] == 0]
    ends_at = time.perf_counter() + seconds
    recorded = 0
    # No number is drawn twice: single records take the users in another order.
    counter = numbers.next

    async def send(client: httpx.AsyncClient) -> None:
        nonlocal recorded, counter
        while time.perf_counter() < ends_at:
            first, counter = counter, counter + CALL
            actions = []
            for number in range(first, first + CALL):
                user, starts = trip(number, len(users))
                actions.append({"user": {"id": users[user]}, "legs": [leg(starts)]})
            given = {"idempotencyKey": f"bulk-{first}", "actions": actions}
            answer = await client.post(
                f"http://127.0.0.1:{running.port}/graphql",
                content=json.dumps({"query": RECORD, "variables": {"input": given}}),
                headers={"Content-Type": "application/json"},
            )
            content = answer.json()
            results = ((content.get("data") or {}).get("recordActions") or {}).get("results") or []
            good = sum(1 for one in results if one["action"] is not None and not one["replayed"])
            if good != CALL:
                raise RuntimeError(f"{good} of {CALL} were recorded: {answer.text[:500]}")
            recorded += good

    headers = {"Authorization": f"Bearer {known['keys'][0]}"}
    begun = time.perf_counter()
    async with httpx.AsyncClient(headers=headers, timeout=120) as client:
        await asyncio.gather(*(send(client) for _ in range(SENDERS)))
    numbers.use(counter - numbers.next)
    return recorded / (time.perf_counter() - begun)


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
    singles, bulks, cpu_single, cpu_bulk = [], [], [], []
    WORK.mkdir(parents=True, exist_ok=True)
    with postgres(folder) as server, servers.lucid(server, own) as running:
        numbers = Numbers(folder)
        run_once(server, running, "W1", WARM_UP_S, numbers)
        for turn in range(given.rounds):
            measured, cpu_us = run_once(server, running, "W1", given.seconds, numbers)
            singles.append(measured.per_s)
            cpu_single.append(cpu_us)
            before, cpu = count_rows(server, running.database, "W1"), running.cpu_s()
            bulks.append(asyncio.run(bulk(running, known, numbers, given.seconds)))
            added = count_rows(server, running.database, "W1")["actions"] - before["actions"]
            cpu_bulk.append((running.cpu_s() - cpu) / added * 1e6)
            console.print(f"  round {turn + 1}  single {singles[-1]:,.0f}/s  in calls of {CALL:,}: {bulks[-1]:,.0f}/s")
    single, many = statistics.median(singles), statistics.median(bulks)
    rows = [
        ["one in a call, 64 connections", f"{single:,.0f}", f"{statistics.median(cpu_single):,.0f}"],
        [f"{CALL:,} in a call, {SENDERS} at a time", f"{many:,.0f}", f"{statistics.median(cpu_bulk):,.0f}"],
    ]
    text = f"{table(['records', 'actions per s', 'CPU µs an action'], rows)}\n\nRatio: {many / single:.1f}×."
    console.print(text)
    if given.report:
        write_part("bulk", f"{today()}, {machine()}; {given.actions:,} actions before.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
