"""Fields of a mutation are executed one after another, each with all that it awaits."""

import asyncio
from typing import Any

from graphql import GraphQLResolveInfo

from tests.execution.reference.answers import answer, schema_of

Log = list[str]


def change(_: object, info: GraphQLResolveInfo[Log], to: int) -> dict[str, int]:
    info.context.append(f"change {to}")
    return {"number": to}


async def change_later(_: object, info: GraphQLResolveInfo[Log], to: int) -> dict[str, int]:
    info.context.append(f"begin {to}")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    info.context.append(f"end {to}")
    return {"number": to}


def fail(_: object, info: GraphQLResolveInfo[Log], to: int) -> Any:
    info.context.append(f"fail {to}")
    raise ValueError(f"not {to}")


async def fail_later(_: object, info: GraphQLResolveInfo[Log], to: int) -> Any:
    await asyncio.sleep(0)
    return fail(_, info, to)


async def slow(state: dict[str, int], info: GraphQLResolveInfo[Log]) -> int:
    for _ in range(5):
        await asyncio.sleep(0)
    info.context.append(f"read {state['number']}")
    return state["number"]


SCHEMA = schema_of(
    """
    type Query { number: Int }
    type State { number: Int! slow: Int states: [State] }
    type Mutation {
      change(to: Int!): State later(to: Int!): State
      fail(to: Int!): State failLater(to: Int!): State must(to: Int!): State! mustLater(to: Int!): State!
    }
    """,
    {
        "Mutation.change": change,
        "Mutation.later": change_later,
        "Mutation.fail": fail,
        "Mutation.failLater": fail_later,
        "Mutation.must": fail,
        "Mutation.mustLater": fail_later,
        "State.slow": slow,
        "State.states": lambda state, _: [state, state],
    },
)


async def test_fields_change_things_in_the_order_in_which_they_are_written() -> None:
    text = "mutation { b: later(to: 1) { number } a: change(to: 2) { number } c: later(to: 3) { number } }"

    found = await answer(SCHEMA, text, context=list)

    assert list(found.data.items()) == [("b", {"number": 1}), ("a", {"number": 2}), ("c", {"number": 3})]
    assert found.errors == []
    assert found.context == ["begin 1", "end 1", "change 2", "begin 3", "end 3"]


async def test_the_next_begins_when_all_that_the_former_awaits_has_come() -> None:
    text = "mutation { a: change(to: 1) { slow states { slow } } b: change(to: 2) { slow } }"

    found = await answer(SCHEMA, text, context=list)

    assert found.data == {"a": {"slow": 1, "states": [{"slow": 1}, {"slow": 1}]}, "b": {"slow": 2}}
    assert found.context == ["change 1", "read 1", "read 1", "read 1", "change 2", "read 2"]


async def test_one_that_fails_is_null_and_the_others_go_on() -> None:
    text = "mutation { a: later(to: 1) { number } b: fail(to: 2) { number } c: failLater(to: 3) { number } "
    text += "d: change(to: 4) { number } }"

    found = await answer(SCHEMA, text, context=list)

    assert found.data == {"a": {"number": 1}, "b": None, "c": None, "d": {"number": 4}}
    assert found.told == [("not 2", ["b"]), ("not 3", ["c"])]
    assert found.context == ["begin 1", "end 1", "fail 2", "fail 3", "change 4"]


async def test_after_one_that_must_not_fail_and_does_nothing_more_is_changed() -> None:
    for field in ("must", "mustLater"):
        text = (
            f"mutation {{ a: change(to: 1) {{ slow }} b: {field}(to: 2) {{ number }} c: change(to: 3) {{ number }} }}"
        )

        found = await answer(SCHEMA, text, context=list)

        assert found.data is None
        assert found.told == [("not 2", ["b"])]
        assert found.context == ["change 1", "read 1", "fail 2"]


async def test_a_field_that_comes_twice_changes_things_once() -> None:
    text = "mutation { a: change(to: 1) { number } b: change(to: 2) { number } ... { a: change(to: 1) { slow } } }"

    found = await answer(SCHEMA, text, context=list)

    assert found.data == {"a": {"number": 1, "slow": 1}, "b": {"number": 2}}
    assert found.context == ["change 1", "read 1", "change 2"]
