"""What the bench writes into docs/performance.md: parts between markers, each made anew by its own command."""

import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.lanes import Lane, Results
from bench.places import ROOT

PAGE = ROOT / "docs" / "performance.md"
LUCID = "Lucid"
#: How much faster than the best peer Lucid is meant to be.
GOALS = {"R1": 2.5, "R2": 2.5, "R3": 1.25, "W1": 2.0, "W2a": 2.0, "W2b": 4.0}
PACKAGES = ("strawberry-graphql", "graphql-core", "uvicorn", "uvloop", "asyncpg", "orjson")


def write_part(name: str, text: str) -> None:
    """Put a text between the markers of a part, in place of what is there.

    Raises: ValueError when the page has no such part.
    """
    page = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- bench: {name} -->", "<!-- /bench -->"
    pattern = re.compile(re.escape(begin) + r".*?" + re.escape(end), re.DOTALL)
    if not pattern.search(page):
        raise ValueError(f"{PAGE} has no part {begin} … {end}")
    PAGE.write_text(pattern.sub(lambda _: f"{begin}\n{text.strip()}\n{end}", page), encoding="utf-8")


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table in Markdown, numbers to the right."""
    marks = ["---", *("---:" for _ in heads[1:])]
    return "\n".join(f"| {' | '.join(row)} |" for row in (heads, marks, *rows))


def machine() -> str:
    """Return what the figures were made on."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    return f"{os.cpu_count()} cores ({found.group(1) if found else platform.machine()})"


def today() -> str:
    """Return the day, in UTC."""
    return f"{datetime.now(UTC):%Y-%m-%d}"


def libraries() -> str:
    """Return the versions that Lucid stands on."""
    return ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in PACKAGES)])


def best_of_kind(results: Results) -> Results:
    """Of servers that ran in two settings keep for each workload the faster, under the name that says which."""
    kept: Results = {}
    for item, lanes in results.items():
        kinds: dict[str, dict[str, Lane]] = {}
        for name, lane in lanes.items():
            kinds.setdefault(name.partition(" (")[0], {})[name] = lane
        own = {LUCID: lanes[LUCID]} if LUCID in lanes else {}
        found = [best_peer(own | of_kind) or (LUCID, lanes[LUCID]) for of_kind in kinds.values()]
        kept[item] = dict(found)
    return kept


def best_peer(lanes: Mapping[str, Lane]) -> tuple[str, Lane] | None:
    """Return the fastest of the others: the one that Lucid is ahead of by least, round by round."""
    others = [(name, lane) for name, lane in lanes.items() if name != LUCID]
    own = lanes.get(LUCID)
    if own is None:
        return max(others, key=lambda one: one[1].per_s, default=None)
    return min(others, key=lambda one: own.times(one[1]), default=None)


def race_tables(results: Results, says: Mapping[str, str]) -> str:
    """Return the tables of a race: ratios first, then every figure."""
    results = best_of_kind(results)
    ratios, figures = [], []
    for item, lanes in results.items():
        peer = best_peer(lanes)
        if LUCID in lanes and peer is not None:
            own, (name, other) = lanes[LUCID], peer
            ratios.append(
                [
                    f"**{item}** {says[item]}",
                    f"{own.per_s:,.0f}",
                    f"{other.per_s:,.0f} ({name})",
                    f"**{own.times(other):.2f}×**",
                    f"≥ {GOALS[item]:g}×",
                    f"{own.median('p99_ms'):.1f} / {other.median('p99_ms'):.1f}",
                ]
            )
        for name, lane in lanes.items():
            figures.append(
                [
                    f"{item} {name}",
                    f"{lane.per_s:,.0f}",
                    f"±{lane.spread / 2:.0%}",
                    f"{lane.median('p50_ms'):.1f}",
                    f"{lane.median('p99_ms'):.1f}",
                    f"{statistics.median(lane.cpu_us):,.0f}",
                ]
            )
    heads = ["work", "Lucid, per s", "best peer, per s", "ratio", "goal", "p99 ms, Lucid / peer"]
    columns = ["work and server", "per s", "spread", "p50 ms", "p99 ms", "CPU µs a request"]
    return f"{table(heads, ratios)}\n\n{table(columns, figures)}" if ratios else table(columns, figures)
