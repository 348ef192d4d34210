"""Null where there may be none: it takes the nearest place around it that may be null, and leaves one error."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from graphql import GraphQLResolveInfo

from tests.execution.reference.answers import answer, schema_of


async def _later(make: Callable[[], Any]) -> Any:
    await asyncio.sleep(0)
    return make()


def _future(make: Callable[[], Any]) -> Any:
    return asyncio.ensure_future(_later(make))


def _raise() -> Any:
    raise ValueError("boom")


# How a value that is null, or fails, is returned.
ENDS: dict[str, Callable[[], Any]] = {
    "null": lambda: None,
    "a null that is awaited": lambda: _later(lambda: None),
    "a null in a future": lambda: _future(lambda: None),
    "a failure": _raise,
    "a failure that is returned": lambda: ValueError("boom"),
    "a failure that is awaited": lambda: _later(_raise),
    "a failure in a future": lambda: _future(_raise),
    "a failure that is awaited and returned": lambda: _later(lambda: ValueError("boom")),
}
# How the objects on the way to it are returned.
WAYS: dict[str, Callable[[], Any]] = {
    "objects": dict,
    "objects that are awaited": lambda: _later(dict),
    "objects in futures": lambda: _future(dict),
}


def end(_: object, info: GraphQLResolveInfo[Any]) -> Any:
    return ENDS[info.context[0]]()


def way(_: object, info: GraphQLResolveInfo[Any]) -> Any:
    return WAYS[info.context[1]]()


NAMES = {"may": end, "must": end, "inner": way, "mustInner": way}
SCHEMA = schema_of(
    """
    type Query { may: Int must: Int! inner: Inner mustInner: Inner! after: Int }
    type Inner { may: Int must: Int! inner: Inner mustInner: Inner! after: Int }
    """,
    {
        **{f"{kind}.{name}": function for kind in ("Query", "Inner") for name, function in NAMES.items()},
        **{f"{kind}.after": lambda *_: 5 for kind in ("Query", "Inner")},
    },
)

# An operation; its data; where the error is, and which field must not be null.
ROWS: list[tuple[str, Any, list[str], str | None]] = [
    ("{ may after }", {"may": None, "after": 5}, ["may"], None),
    ("{ must }", None, ["must"], "Query.must"),
    ("{ inner { may after } after }", {"inner": {"may": None, "after": 5}, "after": 5}, ["inner", "may"], None),
    ("{ inner { after must } after }", {"inner": None, "after": 5}, ["inner", "must"], "Inner.must"),
    ("{ mustInner { may } }", {"mustInner": {"may": None}}, ["mustInner", "may"], None),
    ("{ mustInner { must } after }", None, ["mustInner", "must"], "Inner.must"),
    (
        "{ inner { mustInner { mustInner { must } } after } after }",
        {"inner": None, "after": 5},
        ["inner", "mustInner", "mustInner", "must"],
        "Inner.must",
    ),
    (
        "{ inner { inner { mustInner { must } } after } }",
        {"inner": {"inner": None, "after": 5}},
        ["inner", "inner", "mustInner", "must"],
        "Inner.must",
    ),
    (
        "{ a: inner { b: mustInner { c: must } } }",
        {"a": None},
        ["a", "b", "c"],
        "Inner.must",
    ),
    ("{ mustInner { mustInner { must } } }", None, ["mustInner", "mustInner", "must"], "Inner.must"),
]


@pytest.mark.parametrize("objects", WAYS)
@pytest.mark.parametrize("value", ENDS)
@pytest.mark.parametrize(("text", "data", "path", "name"), ROWS, ids=[row[0] for row in ROWS])
async def test_a_null_takes_no_more_than_it_must(
    text: str, data: Any, path: list[str], name: str | None, value: str, objects: str
) -> None:
    found = await answer(SCHEMA, text, context=lambda: (value, objects))

    assert found.data == data
    if "failure" in value:
        assert found.told == [("boom", path)]
    elif name:
        assert found.told == [(f"Cannot return null for non-nullable field {name}.", path)]
    else:
        assert found.errors == []


async def test_nulls_in_different_places_have_an_error_each() -> None:
    found = await answer(
        SCHEMA,
        "{ a: inner { must } b: inner { may inner { must } } c: may d: inner { after } }",
        context=lambda: ("a failure", "objects"),
    )

    assert found.data == {"a": None, "b": {"may": None, "inner": None}, "c": None, "d": {"after": 5}}
    assert [path for _, path in found.told] == [["a", "must"], ["b", "inner", "must"], ["b", "may"], ["c"]]


async def test_what_is_null_already_has_no_further_errors() -> None:
    found = await answer(SCHEMA, "{ inner { must may b: must } }", context=lambda: ("a failure", "objects"))

    assert found.data == {"inner": None}
    assert found.told == [("boom", ["inner", "must"])]


@pytest.mark.parametrize("argument", ["null", "$none"])
async def test_a_null_for_an_argument_that_must_not_be_is_an_error_of_the_field(argument: str) -> None:
    schema = schema_of(
        "type Query { must(number: Int! = 1): Int may(number: Int): Int }",
        {f"Query.{name}": lambda *_, number: number for name in ("must", "may")},
    )
    if argument == "null":
        assert (await answer(schema, "{ may(number: null) }")).data == {"may": None}
        return

    found = await answer(schema, "query ($none: Int = 3) { may(number: $none) must(number: $none) }", {"none": None})

    assert found.data == {"may": None, "must": None}
    assert [path for _, path in found.told] == [["must"]]
