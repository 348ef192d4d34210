"""Duels for as long as one likes: `python -m tests.execution.differ --minutes 60`, or one again by `--seed`."""

import argparse
import sys
from itertools import count
from random import Random
from time import monotonic

from tests.execution.differ.duels import duel


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, help="fight this duel only")
    given = parser.parse_args()
    end = monotonic() + 60 * given.minutes
    fought = lost = 0
    for seed in count() if given.seed is None else [given.seed]:
        found = duel(Random(seed))  # noqa: S311 - to be the same again
        fought += 1
        if found:
            lost += 1
            print(f"seed {seed}:", *found, sep="\n  ")  # noqa: T201
        if monotonic() > end:
            break
    print(f"{fought:,} operations, {lost:,} of them differ")  # noqa: T201
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
