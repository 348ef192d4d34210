"""Positions against the plainest queue there is: a list of single grams."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.ledger.positions import Range, overlap, part, step, taken, without

SIZE_MAX = 40
MORE_EXAMPLES = settings(max_examples=max(300, settings().max_examples))


@dataclass
class Queue:
    """A queue of single grams, each with its position; a gap's grams are gone, and the others stay where they are."""

    grams: list[int]
    gaps: list[Range] = field(default_factory=list)
    debited: int = 0

    def take(self, amount: int) -> list[int]:
        """Take grams from the front."""
        front, self.grams = self.grams[:amount], self.grams[amount:]
        self.debited = front[-1] + 1
        return front

    def cut(self, chosen: set[int]) -> None:
        """Take grams out of the middle."""
        gone = [gram for gram in self.grams if gram in chosen]
        self.grams = [gram for gram in self.grams if gram not in chosen]
        self.gaps = sorted([*self.gaps, *runs(gone)])


def runs(positions: Sequence[int]) -> list[Range]:
    """Return single positions, in order, as ranges."""
    grouped = groupby(enumerate(positions), key=lambda pair: pair[1] - pair[0])
    blocks = [[position for _, position in group] for _, group in grouped]
    return [Range(block[0], block[-1] + 1) for block in blocks]


def grams(ranges: Sequence[Range]) -> list[int]:
    """Return the single positions of ranges, in order."""
    return [position for one in ranges for position in range(one.starts, one.ends)]


@st.composite
def gaps_of(draw: st.DrawFn, size: int = SIZE_MAX) -> list[Range]:
    """Draw gaps in order that do not overlap; some touch."""
    gone = sorted(draw(st.sets(st.integers(0, size - 1))))
    ends = draw(st.sets(st.sampled_from(gone))) if gone else set()
    whole = runs(gone)
    split: list[Range] = []
    for one in whole:
        starts = one.starts
        for end in sorted(end for end in ends if one.starts < end < one.ends):
            split.append(Range(starts, end))
            starts = end
        split.append(Range(starts, one.ends))
    return split


@MORE_EXAMPLES
@given(st.data())
def test_every_debit_takes_the_foremost_grams_and_can_say_for_ever_which_they_were(data: st.DataObject) -> None:
    queue = Queue(list(range(SIZE_MAX)))
    history: list[tuple[int, int, list[int]]] = []
    held = 0

    while queue.grams and (not history or data.draw(st.booleans())):
        chosen = data.draw(st.sets(st.sampled_from(queue.grams), max_size=8))
        queue.cut(chosen)
        held += len(chosen)
        if not queue.grams:
            break
        amount = data.draw(st.integers(1, len(queue.grams)))

        debited, stepped_over = step(queue.debited, amount, queue.gaps)

        skipped_from = queue.debited
        expected = queue.take(amount)
        assert debited == queue.debited
        assert stepped_over == debited - skipped_from - amount
        held -= stepped_over
        assert held == sum(gap.grams for gap in queue.gaps if gap.starts >= debited)
        history.append((debited, amount, expected))

    for debited_after, amount, expected in history:
        assert grams(taken(debited_after, amount, queue.gaps)) == expected


@MORE_EXAMPLES
@given(gaps_of(), st.data())
def test_what_is_left_of_a_range_is_its_grams_that_are_in_no_gap(gaps: list[Range], data: st.DataObject) -> None:
    starts = data.draw(st.integers(0, SIZE_MAX - 1))
    whole = Range(starts, data.draw(st.integers(starts + 1, SIZE_MAX)))

    left = without(whole, gaps)

    gone = set(grams(gaps))
    assert grams(left) == [gram for gram in range(whole.starts, whole.ends) if gram not in gone]
    assert all(one.grams > 0 for one in left)


@MORE_EXAMPLES
@given(gaps_of(), st.data())
def test_a_part_of_ranges_is_the_same_slice_of_their_grams(ranges: list[Range], data: st.DataObject) -> None:
    whole = grams(ranges)
    offset = data.draw(st.integers(0, len(whole)))
    count = data.draw(st.integers(0, len(whole) - offset))

    assert grams(part(ranges, offset, count)) == whole[offset : offset + count]


@MORE_EXAMPLES
@given(*[st.integers(0, 12)] * 4)
def test_an_overlap_is_the_grams_that_are_in_both(a: int, b: int, c: int, d: int) -> None:
    one, other = Range(min(a, b), max(a, b)), Range(min(c, d), max(c, d))

    both = sorted({*grams([one])} & {*grams([other])})

    assert overlap(one, other) == (runs(both)[0] if both else None)
    assert overlap(one, other) == overlap(other, one)


@pytest.mark.parametrize(
    ("debited", "amount", "gaps", "expected"),
    [
        (0, 5, [], (5, 0)),
        (0, 5, [Range(5, 7)], (5, 0)),
        (5, 1, [Range(5, 7)], (8, 2)),
        (0, 5, [Range(2, 4)], (7, 2)),
        (0, 5, [Range(2, 4), Range(4, 6), Range(8, 9)], (10, 5)),
        (6, 2, [Range(2, 4), Range(4, 6), Range(8, 9)], (8, 0)),
        (8, 2, [Range(2, 4), Range(4, 6), Range(8, 9)], (11, 1)),
    ],
)
def test_a_debit_stops_before_a_gap_and_the_next_one_steps_over_it(
    debited: int, amount: int, gaps: list[Range], expected: tuple[int, int]
) -> None:
    assert step(debited, amount, gaps) == expected


def test_a_debit_that_ended_before_a_gap_did_not_take_it() -> None:
    assert taken(5, 5, [Range(5, 7)]) == [Range(0, 5)]


def test_a_debit_that_stepped_over_a_gap_took_the_grams_on_both_sides() -> None:
    assert taken(9, 5, [Range(2, 4), Range(4, 6)]) == [Range(0, 2), Range(6, 9)]
