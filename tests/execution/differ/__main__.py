"""Duels for as long as one likes: `python -m tests.execution.differ --minutes 60`, or one again by `--seed`."""

import argparse
import gc
import sys
from collections import defaultdict
from itertools import count
from time import monotonic

from tests.execution.differ.duels import ARENAS, Tally, duel

COLLECTED_EVERY = 50


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--schema", choices=ARENAS, help="this one only")
    parser.add_argument("--seed", type=int, help="fight this duel only")
    parser.add_argument("--first", type=int, default=0, help="the seed to begin with")
    given = parser.parse_args()
    arenas = [ARENAS[given.schema]] if given.schema else list(ARENAS.values())
    end = monotonic() + 60 * given.minutes
    tallies: dict[str, Tally] = defaultdict(Tally)
    for seed in count(given.first) if given.seed is None else [given.seed]:
        for arena in arenas:
            tally = tallies[arena.name]
            lost = len(tally.reports)
            duel(arena, seed, tally)
            for report in tally.reports[lost:]:
                print(report, flush=True)  # noqa: T201
        if seed % COLLECTED_EVERY == 0:  # each run freezes what is there, and so it outlives the collector's own rounds
            gc.collect()
        if monotonic() > end:
            print(f"seeds {given.first} to {seed}")  # noqa: T201
            break
    for name, tally in tallies.items():
        print(f"{name}: {tally}")  # noqa: T201
    return 1 if any(tally.reports for tally in tallies.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
