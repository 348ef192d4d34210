"""Compiled execution and graphql-core's give the same answers, errors and calls, whatever resolvers do.

A report names a seed and the command that fights its duel again; `docs/execution.md` tells how to fight more of them.
"""

import pytest
from graphql import GraphQLSchema
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.differ.duels import CORE, STRAWBERRY, Arena, Tally, duel
from tests.execution.differ.operations import Generated
from tests.execution.differ.worlds import World

DUELS = 150
#: More than that, and little would be compared.
NOT_COMPILED_SHARE_MAX = 0.02


@pytest.mark.parametrize("arena", [CORE, STRAWBERRY], ids=lambda arena: arena.name)
def test_both_executors_give_the_same_answer(arena: Arena) -> None:
    tally = Tally()

    @settings(max_examples=DUELS, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.integers(0, 2**32))
    def fight(seed: int) -> None:
        duel(arena, seed, tally)
        assert not tally.reports, tally.reports[0]

    fight()

    print(f"{arena.name}: {tally}")  # noqa: T201
    assert tally.compared >= DUELS / 2
    assert tally.not_compiled_share <= NOT_COMPILED_SHARE_MAX


def test_a_difference_is_reported_with_its_seed_and_made_short() -> None:
    tally = Tally()
    seed = -1
    while not tally.reports:
        seed += 1
        duel(STRAWBERRY, seed, tally, compare=_with_diaries)

    report = tally.reports[0].splitlines()
    assert report[0] == f"python -m tests.execution.differ --schema strawberry --seed {seed}:"
    shortest = "\n".join(report).split("the shortest that differs:")[1]
    assert "diary" in shortest
    assert len(shortest) < 400

    again = Tally()
    duel(STRAWBERRY, seed, again, compare=_with_diaries)
    assert again.reports == tally.reports


def _with_diaries(_: GraphQLSchema, operation: Generated, __: World) -> list[str]:
    """Take every operation for different in which somebody's diary is read."""
    return ["the diary"] if "diary" in operation.text else []
