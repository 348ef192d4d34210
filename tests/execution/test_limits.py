"""What a document may ask for, limit by limit."""

import pytest
from graphql import GraphQLError, get_introspection_query, parse

from api.execution.limits import DEFAULT_LIMITS, Limits, exceeded


def complaint(text: str, limits: Limits = DEFAULT_LIMITS) -> str | None:
    error = exceeded(parse(text), limits)
    assert error is None or error.extensions == {"code": "LIMIT_EXCEEDED"}
    return None if error is None else error.message.removeprefix("The document exceeds a limit: ")


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("{ a { b { c } } }", Limits(depth=2), "depth 3, at most 2."),
        ("{ a { b } c }", Limits(fields=2), "fields 3, at most 2."),
        ("{ x: a y: b { z: c } }", Limits(aliases=2), "aliases 3, at most 2."),
        ("{ a @skip(if: true) ... @x { b @y } }", Limits(directives=2), "directives 3, at most 2."),
        ("query ($v: Int @x) @y { a @z }", Limits(directives=2), "directives 3, at most 2."),
        ("{ a b ... { c { d } } }", Limits(root_fields=2), "root fields 3, at most 2."),
        ("query A { a } query B { a } query C { a }", Limits(operations=2), "operations 3, at most 2."),
        ("{ ...F } fragment F on Q { a } fragment G on Q { a }", Limits(fragments=1), "fragments 2, at most 1."),
        ("{ a: __schema { x } b: __schema { x } __type { x } }", DEFAULT_LIMITS, "introspections 3, at most 2."),
        ("{ __schema { types { x: name } } }", DEFAULT_LIMITS, "introspection aliases 1, at most 0."),
        (
            "{ __schema { types { fields { type { fields { name } } } } } }",
            DEFAULT_LIMITS,
            "introspection nesting 2, at most 1.",
        ),
    ],
)
def test_each_limit_is_kept(text: str, limits: Limits, expected: str) -> None:
    assert complaint(text, limits) == expected


@pytest.mark.parametrize(
    ("text", "limits", "expected"),
    [
        ("{ a { ...F } } fragment F on Q { b { c } }", Limits(depth=2), "depth 3, at most 2."),
        ("{ a { ...F ...F } } fragment F on Q { b }", Limits(fields=2), "fields 3, at most 2."),
        ("{ ...F ...F } fragment F on Q { x: b }", Limits(aliases=1), "aliases 2, at most 1."),
        ("{ ...F ...F } fragment F on Q { a b }", Limits(root_fields=3), "root fields 4, at most 3."),
        ("{ __schema { ...F } } fragment F on T { x: a }", DEFAULT_LIMITS, "introspection aliases 1, at most 0."),
        (
            "{ __schema { types { fields { type { ...F } } } } } fragment F on T { fields { name } }",
            DEFAULT_LIMITS,
            "introspection nesting 2, at most 1.",
        ),
    ],
)
def test_a_fragment_counts_wherever_it_is_spread(text: str, limits: Limits, expected: str) -> None:
    assert complaint(text, limits) == expected


def test_the_fields_of_a_fragment_spread_below_the_root_are_no_root_fields() -> None:
    assert complaint("{ a { ...F } } fragment F on Q { b c d }", Limits(root_fields=1)) is None


def test_a_fragment_that_nobody_spreads_is_measured_too() -> None:
    assert complaint("{ a } fragment F on Q { b { c } }", Limits(depth=1)) == "depth 2, at most 1."


def test_an_operation_that_is_not_executed_is_measured_too() -> None:
    assert complaint("query A { a } query B { a { b } }", Limits(depth=1)) == "depth 2, at most 1."


def test_circular_fragments_are_left_to_validation() -> None:
    assert complaint("{ ...A } fragment A on Q { a ...B } fragment B on Q { b ...A }") is None


def test_a_chain_of_fragments_longer_than_the_stack_is_measured() -> None:
    chain = " ".join(f"fragment F{n} on Q {{ ...F{n + 1} }}" for n in range(5_000))

    assert complaint(f"{{ ...F0 }} {chain} fragment F5000 on Q {{ a }}", Limits(fragments=10_000)) is None


def test_fields_that_are_called_fields_are_free_outside_of_introspection() -> None:
    assert complaint("{ node { fields { fields { x: name } } } }") is None


def test_the_introspection_of_tools_is_within_all_limits() -> None:
    assert complaint(get_introspection_query(directive_is_repeatable=True, input_value_deprecation=True)) is None


def test_the_number_of_a_limit_that_is_far_exceeded_is_short() -> None:
    chain = " ".join(f"fragment F{n} on Q {{ ...F{n + 1} ...F{n + 1} }}" for n in range(90))

    assert complaint(f"{{ ...F0 }} {chain} fragment F90 on Q {{ a }}") == "fields over a million, at most 1,000."


def test_an_error_about_a_limit_is_an_error_of_graphql() -> None:
    assert isinstance(exceeded(parse("{ a b }"), Limits(fields=1)), GraphQLError)
