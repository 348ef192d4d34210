"""When Strawberry's resolvers are called, and what becomes of what they raise or leave behind."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
import strawberry

from tests.execution.reference.answers import answer, executed, schema_of, subject_of


@strawberry.input
class Amount:
    grams: strawberry.Maybe[int]


@strawberry.type
class Query:
    @strawberry.field
    async def late(self, amount: Amount) -> str:
        await asyncio.sleep(0)
        return repr(amount)

    @strawberry.field
    def early(self) -> str:
        raise ValueError("early")


async def test_what_is_wrong_with_an_argument_of_an_async_resolver_is_raised_when_it_is_awaited() -> None:
    schema = strawberry.Schema(Query)._schema

    found = await answer(schema, "{ late(amount: {grams: null}) }")
    assert found.data is None
    assert [path for _, path in found.told] == [["late"]]

    # The other field fails at once, so that is what the answer is null for.
    assert (await answer(schema, "{ late(amount: {grams: null}) early }")).told == [("early", ["early"])]


@pytest.mark.parametrize("several", [list, tuple, lambda them: dict(enumerate(them)).values()])
async def test_what_is_nested_in_a_list_that_fails_is_awaited_all_the_same(several: Any) -> None:
    schema = schema_of("type Query { table: [[Int]!] }")
    reached: list[int] = []

    async def reach(number: int) -> int:
        reached.append(number)
        return number

    def table(_: object) -> Iterable[Any]:
        return [None, several([reach(1), several([reach(2)])])]

    text, root = "{ table }", {"table": table}
    found = await executed(subject_of(schema, text), root=root)  # graphql-core forgets the coroutines

    assert found.data == {"table": None}
    assert found.told == [("Cannot return null for non-nullable field Query.table.", ["table", 0])]
    await asyncio.sleep(0)
    assert reached == [1, 2]
