"""A field that may be is begun ahead of its object, and its value is let go of where the object never comes."""

import asyncio
import gc
import warnings
from collections.abc import Generator
from typing import Any, cast

import pytest
import strawberry
from graphql import ExecutionResult, GraphQLError, OperationDefinitionNode, execute, parse

from api.execution.compiler import Compiled

EARLY = {"begins_ahead": True}


class Played:
    """What comes of the owner, in which order things happen, and what its pets come to."""

    def __init__(self, owner: Any = "Li", pets: Any = ("cat",)) -> None:
        self.owner = owner
        self.pets = pets
        self.calls: list[str] = []


class Expected:
    """An owner that is awaited, and one that stands in for it."""

    def __init__(self, played: Played) -> None:
        self.stand_in = Owner(name="somebody")
        self.future = asyncio.ensure_future(self._come(played))

    async def _come(self, played: Played) -> "Owner | None":
        for _ in range(3):
            await asyncio.sleep(0)
        played.calls.append("owner came")
        if isinstance(played.owner, Exception):
            raise played.owner
        return Owner(name=played.owner) if played.owner is not None else None

    def __await__(self) -> Generator[Any, None, "Owner | None"]:
        return self.future.__await__()


def expect(info: Any) -> Any:
    return Expected(info.context)


@strawberry.type
class Owner:
    name: str

    @strawberry.field(metadata=EARLY)  # type: ignore[untyped-decorator]
    def pets(self, info: strawberry.Info[Played, None], upper: bool = False) -> list[str] | None:
        played = info.context
        played.calls.append("pets asked for")
        if isinstance(played.pets, Exception):
            raise played.pets
        return [pet.upper() if upper else pet for pet in played.pets]

    @strawberry.field(metadata=EARLY)  # type: ignore[untyped-decorator]
    async def walks(self, info: strawberry.Info[Played, None]) -> str:
        await asyncio.sleep(0)
        info.context.calls.append("walked")
        return "walks"

    @strawberry.field(metadata=EARLY)  # type: ignore[untyped-decorator]
    def fails(self) -> str | None:
        future: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("nobody may hear"))
        return cast("str", future)

    @strawberry.field
    def greeting(self) -> str:
        return f"I am {self.name}"

    @strawberry.field
    def friend(self, info: strawberry.Info[Played, None]) -> "Owner | None":
        return cast("Owner", expect(info))


@strawberry.type
class Query:
    @strawberry.field
    def owner(self, info: strawberry.Info[Played, None]) -> Owner | None:
        return cast("Owner", expect(info))


SCHEMA = strawberry.Schema(Query)._schema


async def answered(text: str, played: Played, *, calls_back: bool = False) -> tuple[Any, list[Any]]:
    """Execute an operation, compiled; return data, and errors with their paths."""
    document = parse(text)
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    compiled = Compiled(SCHEMA, document, operation, {})
    execution, data = compiled.begin(played, None, {}, {})
    if calls_back:
        ended = asyncio.get_running_loop().create_future()
        compiled.then(execution, data, ended.set_result)
        assert await ended is None
    else:
        await compiled.finish(execution, data)
    assert not execution.early
    return None if execution.is_null else data, [_shown(error) for error in execution.errors]


async def expected(text: str, played: Played) -> tuple[Any, list[Any]]:
    """Do the same with graphql-core."""
    result = execute(SCHEMA, parse(text), context_value=played)
    result = result if isinstance(result, ExecutionResult) else await result
    assert isinstance(result, ExecutionResult)
    return result.data, [_shown(error) for error in result.errors or ()]


def _shown(error: GraphQLError) -> Any:
    return error.message, error.path


async def test_a_field_begins_before_its_object_has_come() -> None:
    played = Played()
    data, errors = await answered("{ owner { name pets greeting } }", played)
    assert (data, errors) == ({"owner": {"name": "Li", "pets": ["cat"], "greeting": "I am Li"}}, [])
    assert played.calls == ["pets asked for", "owner came"]


@pytest.mark.parametrize("calls_back", [False, True])
@pytest.mark.parametrize(
    "played",
    [Played(), Played(owner=None), Played(owner=ValueError("lost")), Played(pets=ValueError("bitten")), Played(pets=1)],
)
@pytest.mark.parametrize(
    "text",
    [
        "{ owner { name pets walks } }",
        "{ owner { a: pets b: pets(upper: true) pets ... { pets } } }",
        "{ a: owner { pets } b: owner { pets walks name } }",
        "{ owner { friend { pets walks friend { name pets } } } }",
        "{ owner { fails pets } }",
    ],
)
async def test_the_answer_is_the_same_whatever_comes(text: str, played: Played, calls_back: bool) -> None:
    data, errors = await answered(text, played, calls_back=calls_back)
    wanted, wanted_errors = await expected(text, played)
    assert data == wanted
    assert sorted(errors, key=repr) == sorted(wanted_errors, key=repr)


async def test_only_fields_of_an_object_that_is_there_once_begin_ahead() -> None:
    played = Played()
    await answered("{ owner { friend { pets } } }", played)
    assert played.calls == ["owner came", "owner came", "pets asked for"]


async def test_nothing_complains_where_the_object_never_comes() -> None:
    complaints: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        played = Played(owner=None)
        assert await answered("{ owner { pets walks fails } }", played) == ({"owner": None}, [])
        gc.collect()
        await asyncio.sleep(0)
    assert (complaints, [str(one.message) for one in caught]) == ([], [])
    assert "walked" not in played.calls
