"""Compiled execution and graphql-core's give the same answers, errors and calls, whatever resolvers do."""

from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.execution.differ.duels import duel


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(st.integers(0, 2**32))
def test_both_executors_give_the_same_answer(seed: int) -> None:
    assert duel(Random(seed)) == []  # noqa: S311 - to be the same again
