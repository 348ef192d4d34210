"""Gram positions: which grams a debit takes, and which it took. Pure arithmetic on half-open ranges.

A user's grams stand in a queue. `credited` is the position after the last gram put in, `debited` the position after
the last gram taken out, first in, first out. Gaps are grams that a reversal took from the middle: they keep their
positions, nobody can take them, and a debit steps over them. Positions never move, so an old donation can say at any
time which grams it took: count back from its `debited_after`, stepping over the gaps.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Range(NamedTuple):
    """The grams at positions `starts` to before `ends`."""

    starts: int
    ends: int

    @property
    def grams(self) -> int:
        """How many they are."""
        return self.ends - self.starts


def step(debited: int, amount: int, gaps: Sequence[Range]) -> tuple[int, int]:
    """Take `amount` grams from the front of the queue.

    `gaps` in order of position. Returns the new `debited`, and how many grams of gaps were stepped over. Whether so
    many grams are there is the caller's to check.
    """
    position, remaining, stepped_over = debited, amount, 0
    for gap in gaps:
        if gap.starts < position:
            continue
        before_gap = gap.starts - position
        if remaining <= before_gap:
            break
        remaining -= before_gap
        stepped_over += gap.grams
        position = gap.ends
    return position + remaining, stepped_over


def taken(debited_after: int, amount: int, gaps: Sequence[Range]) -> list[Range]:
    """Return the grams that a debit of `amount` took, in order, from where `debited` stood after it."""
    ranges: list[Range] = []
    position, remaining = debited_after, amount
    for gap in reversed(gaps):
        if gap.ends > position:
            continue
        after_gap = position - gap.ends
        if remaining <= after_gap:
            break
        if after_gap:
            ranges.append(Range(gap.ends, position))
        remaining -= after_gap
        position = gap.starts
    ranges.append(Range(position - remaining, position))
    return ranges[::-1]


def without(whole: Range, gaps: Iterable[Range]) -> list[Range]:
    """Return what is left of a range when the gaps are cut out. `gaps` in order of position."""
    left: list[Range] = []
    position = whole.starts
    for gap in gaps:
        if gap.ends <= position or gap.starts >= whole.ends:
            continue
        if gap.starts > position:
            left.append(Range(position, gap.starts))
        position = gap.ends
    if position < whole.ends:
        left.append(Range(position, whole.ends))
    return left


def overlap(one: Range, other: Range) -> Range | None:
    """Return the grams that are in both ranges."""
    starts, ends = max(one.starts, other.starts), min(one.ends, other.ends)
    return Range(starts, ends) if starts < ends else None


def part(ranges: Iterable[Range], offset: int, grams: int) -> list[Range]:
    """Return the `grams` that follow the first `offset` ones, counted through the ranges in order."""
    chosen: list[Range] = []
    skip, need = offset, grams
    for one in ranges:
        if skip >= one.grams:
            skip -= one.grams
            continue
        starts = one.starts + skip
        ends = min(one.ends, starts + need)
        chosen.append(Range(starts, ends))
        need -= ends - starts
        skip = 0
        if not need:
            break
    return chosen
