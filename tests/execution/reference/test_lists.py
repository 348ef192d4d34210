"""Lists that hold nulls and failures, in each place where null may be or not: what becomes of them by the language."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests.execution.reference.answers import answer, schema_of

SCHEMAS = {
    kind: schema_of(f"type Query {{ inner: Inner after: Int }} type Inner {{ list: {kind} }}")
    for kind in ("[Int]", "[Int]!", "[Int!]", "[Int!]!")
}

BOOM = ValueError("boom")
#: Where the list would be, its parent is null.
GONE = "gone"
NULL_LIST = ("Cannot return null for non-nullable field Inner.list.", ["inner", "list"])
NULL_ITEM = ("Cannot return null for non-nullable field Inner.list.", ["inner", "list", 1])
BAD_LIST = ("boom", ["inner", "list"])
BAD_ITEM = ("boom", ["inner", "list", 1])

# What is listed; then what becomes of it as [T], [T]!, [T!] and [T!]!, each with its error.
TABLE: dict[str, tuple[Any, Any, Any, Any, Any]] = {
    "values": ([1, 2], ([1, 2], None), ([1, 2], None), ([1, 2], None), ([1, 2], None)),
    "nothing": ([], ([], None), ([], None), ([], None), ([], None)),
    "a null item": ([1, None, 2], ([1, None, 2], None), ([1, None, 2], None), (None, NULL_ITEM), (GONE, NULL_ITEM)),
    "a bad item": (
        [1, BOOM, 2],
        ([1, None, 2], BAD_ITEM),
        ([1, None, 2], BAD_ITEM),
        (None, BAD_ITEM),
        (GONE, BAD_ITEM),
    ),
    "no list": (None, (None, None), (GONE, NULL_LIST), (None, None), (GONE, NULL_LIST)),
    "a bad list": (BOOM, (None, BAD_LIST), (GONE, BAD_LIST), (None, BAD_LIST), (GONE, BAD_LIST)),
}
ROWS = [
    pytest.param(kind, listed, data, error, id=f"{kind} {what}")
    for what, (listed, *results) in TABLE.items()
    for kind, (data, error) in zip(SCHEMAS, results, strict=True)
]


async def _later(value: Any) -> Any:
    await asyncio.sleep(0)
    return _raised(value)


def _future(value: Any) -> Any:
    future = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(
        future.set_exception if isinstance(value, Exception) else future.set_result, value
    )
    return future


def _raised(value: Any) -> Any:
    if isinstance(value, Exception):
        raise value
    return value


def _each(value: Any, make: Callable[[Any], Any]) -> Any:
    return [make(one) for one in value] if isinstance(value, list) else _raised(value)


async def _iterated(value: list[Any]) -> AsyncIterator[Any]:
    for one in value:
        yield one


# How a list is returned.
WAYS: dict[str, Callable[[Any], Any]] = {
    "at once": _raised,
    "exceptions are returned": lambda value: value,
    "the list is awaited": _later,
    "its items are awaited": lambda value: _each(value, _later),
    "its items are futures": lambda value: _each(value, _future),
    "the list is awaited and its items too": lambda value: _later(_each(value, _later)),
    "the list is a future": _future,
    "it is a tuple": lambda value: tuple(value) if isinstance(value, list) else _raised(value),
    "it is a generator": lambda value: (one for one in value) if isinstance(value, list) else _raised(value),
    "it is iterated later": lambda value: _iterated(value) if isinstance(value, list) else _raised(value),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("kind", "listed", "data", "error"), ROWS)
async def test_what_a_list_holds_is_null_no_further_than_it_must(
    kind: str, listed: Any, data: Any, error: Any, way: str
) -> None:
    found = await answer(
        SCHEMAS[kind],
        "{ inner { list } after }",
        root=lambda: {"inner": {"list": lambda _: WAYS[way](listed)}, "after": 5},
    )

    assert found.data == {"inner": None if data is GONE else {"list": data}, "after": 5}
    assert found.told == ([error] if error else [])


async def test_each_bad_item_of_a_list_has_an_error() -> None:
    found = await answer(SCHEMAS["[Int]"], "{ inner { list } }", root=lambda: {"inner": {"list": [BOOM, 1, "x", BOOM]}})

    assert found.data == {"inner": {"list": [None, 1, None, None]}}
    assert [path for _, path in found.told] == [["inner", "list", index] for index in (0, 2, 3)]


async def test_what_is_no_list_is_an_error() -> None:
    found = await answer(SCHEMAS["[Int]"], "{ inner { list } }", root=lambda: {"inner": {"list": "abc"}})

    assert found.data == {"inner": {"list": None}}
    assert found.told == [("Expected Iterable, but did not find one for field 'Inner.list'.", ["inner", "list"])]


async def test_a_null_in_lists_of_lists_takes_the_nearest_that_may_be_null() -> None:
    schema = schema_of("type Query { table: [[[Int!]!]]! }")

    found = await answer(schema, "{ table }", root=lambda: {"table": [[[1], [2, None]], [[3]], None, [[]]]})

    assert found.data == {"table": [None, [[3]], None, [[]]]}
    assert found.told == [("Cannot return null for non-nullable field Query.table.", ["table", 0, 1, 1])]
