"""A schema that is written as ours are, with what Strawberry has: its resolvers do as the world says.

Methods and functions, with and without `Info`, plain and `async`; attributes; permissions and field extensions of both
kinds; interfaces, unions, generics; inputs with defaults, `Maybe`, one of several; private data; loads in batches.
"""

import asyncio
from collections.abc import Generator, Mapping
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Generic, Optional, TypeVar, cast

import strawberry
from graphql import GraphQLObjectType, GraphQLOutputType
from strawberry import Info
from strawberry.permission import PermissionExtension
from strawberry.types.field import StrawberryField

from tests.execution.differ.acts import MAKING, act, act_later, act_plainly, heap, key_of, load, row_of
from tests.execution.differ.awaitables import awaitable
from tests.execution.differ.extensions import Allowed, AllowedLater, Checked, Known, Marked, Numbered
from tests.execution.differ.stones import ROWS, Hardness, Quarry, Stone, WrittenStones, stone
from tests.execution.differ.values import Boom, Key, Values
from tests.execution.differ.worlds import World

T = TypeVar("T")
#: A field that needs nothing of its object.
BEGUN_AHEAD = {"begins_ahead": True}


@strawberry.enum
class Mood(Enum):
    CALM = "calm"
    WILD = 2
    # What Python calls it is not what GraphQL calls it.
    ODD = strawberry.enum_value("o", name="STRANGE", deprecation_reason="nobody is")


@strawberry.input
class Range:
    low: int = 0
    high: int | None = strawberry.UNSET
    tags: list[str] = strawberry.field(default_factory=lambda: ["a"])


@strawberry.input
class Filter:
    text: str | None = "all"
    mood: Mood = Mood.CALM
    range_: Range | None = strawberry.field(name="range", default=None)
    price: strawberry.Maybe[Decimal]
    ranges: list[Range | None] | None = strawberry.UNSET
    count: int = strawberry.field(name="exactly", default=3)


@strawberry.input
class Nested:
    """An input that contains itself."""

    name: str
    inner: Optional["Nested"] = None


@strawberry.input(one_of=True)
class By:
    id: strawberry.Maybe[strawberry.ID]
    mood: strawberry.Maybe[Mood]
    range_: strawberry.Maybe[Range] = strawberry.field(name="range")


@strawberry.interface
class Named:
    world: strawberry.Private[World]
    key: strawberry.Private[Key]
    secret: strawberry.Private[str] = "hidden"
    name: str
    nick_name: str | None

    @strawberry.field
    def greeting(self, info: Info, to: str = "you", times: int | None = None) -> str | None:
        return act(info, to=to, times=times)

    @strawberry.field
    def friend(self, info: Info) -> Optional["Named"]:
        return act(info)


@strawberry.type
class Cat(Named):
    lives: int
    mood: Mood
    moods: list[Mood | None] | None
    weights: list[float]

    @strawberry.field
    def plainly(self) -> str | None:
        return act_plainly(self, "plainly")

    @strawberry.field
    def kittens(self) -> list["Cat"]:
        return act_plainly(self, "kittens")

    @strawberry.field
    def size(self, by: By, where: Filter | None = None) -> Decimal | None:
        return act_plainly(self, "size", by=by, where=where)

    @strawberry.field
    async def owner(self, info: Info) -> Optional["Owner"]:
        return await act_later(info)

    @strawberry.field(permission_classes=[Allowed, Known])
    def diary(self, info: Info, number: int = 1) -> list[str] | None:
        return act(info, number=number)


@strawberry.type
class Dog(Named):
    id: strawberry.ID
    price: Decimal | None

    @strawberry.field
    def loaded(self, info: Info) -> "Owner":
        return cast("Owner", load(info))

    @strawberry.field(extensions=[Checked()])
    def sits(self, info: Info, number: int | None = None) -> bool | None:
        return act(info, number=number)

    @strawberry.field(extensions=[Checked()])
    async def comes(self, info: Info, filters: list[Filter] | None = None) -> str | None:
        return await act_later(info, filters=filters)

    @strawberry.field(extensions=[Checked()])
    def stays(self) -> str:
        return act_plainly(self, "stays")

    @strawberry.field(extensions=[Marked()])
    def bark(self, info: Info, number: int | None = None) -> str:
        return act(info, number=number)

    @strawberry.field(extensions=[Marked(), Numbered()], permission_classes=[Allowed])
    def howl(self, info: Info, number: int = 0) -> str | None:
        return act(info, number=number)

    @strawberry.field(extensions=[Marked()], permission_classes=[AllowedLater])
    async def whisper(self, info: Info, filters: list[Filter] | None = None) -> str:
        return await act_later(info, filters=filters)

    @strawberry.field(extensions=[PermissionExtension([Allowed()], fail_silently=True)])
    def hunts(self, info: Info) -> Cat | None:
        return act(info)


Pet = Annotated[Cat | Dog, strawberry.union("Pet")]


@strawberry.type
class Page(Generic[T]):
    world: strawberry.Private[World]
    key: strawberry.Private[Key]
    total: int

    @strawberry.field
    def nodes(self, info: Info, first: int = 2) -> list[T]:
        return act(info, first=first)

    @strawberry.field
    async def edges(self, info: Info) -> list[T | None] | None:
        return await act_later(info)


@strawberry.type
class Pit:
    stones: list[Stone]


@strawberry.type
class Owner:
    world: strawberry.Private[World]
    key: strawberry.Private[Key]
    id: strawberry.ID

    @strawberry.field
    def pets(self, info: Info) -> list[Pet]:
        return act(info)

    @strawberry.field
    def cats(self, info: Info, where: Filter | None = None) -> Page[Cat]:
        return act(info, where=where)

    @strawberry.field
    def loaded(self, info: Info) -> Pet | None:
        return cast("Pet | None", load(info))

    @strawberry.field
    def table(self, info: Info) -> list[list[Pet | None] | None]:
        return act(info)

    @strawberry.field
    def stone(self, info: Info) -> Stone | None:
        return act(info)

    @strawberry.field
    def stones(self, info: Info) -> list[Stone]:
        return cast("list[Stone]", heap(info))

    @strawberry.field
    def heap(self, info: Info) -> list[Stone | None] | None:
        return cast("list[Stone | None]", heap(info))

    @strawberry.field
    def pit(self, info: Info) -> Pit:
        return pit_of(info)

    @strawberry.field(extensions=[Checked()], metadata=BEGUN_AHEAD)
    def early(self, info: Info, number: int = 1) -> list[Stone | None] | None:
        if number > 1:
            raise Boom("too many")
        return cast("list[Stone | None]", heap(info))

    @strawberry.field(metadata=BEGUN_AHEAD)
    def early_bird(self, info: Info) -> str | None:
        tape = info.context.tape((*key_of(info), "early"))
        return cast("str | None", awaitable(tape, lambda: tape.choose(("worm", None, Boom("no worm")))))

    @strawberry.field(metadata=BEGUN_AHEAD)
    async def early_pit(self, info: Info) -> Pit | None:
        await asyncio.sleep(0)
        return pit_of(info)


class Expected:
    """An owner that is awaited, and one that stands in for it."""

    def __init__(self, info: Info[World, None]) -> None:
        self.stand_in = Owner(world=info.context, key=(), id=strawberry.ID("stands in"))
        self.future = load(info)

    def __await__(self) -> Generator[Any, None, Any]:
        return cast("Generator[Any, None, Any]", self.future.__await__())


def pit_of(info: Info[World, None]) -> Pit:
    """Return an object with a list that comes written, where it can be."""
    stones = heap(info)
    form = getattr(info, "forms", {}).get("stones")
    written = WrittenStones.of(form, stones) if form is not None else None
    return Pit(stones=cast("list[Stone]", written or stones))


def find(root: None, info: Info, nested: Nested, price: Decimal = Decimal("1.5")) -> Pet | None:
    return act(info, root=root, nested=nested, price=price)


@strawberry.type
class Query:
    @strawberry.field
    def named(self, info: Info) -> Named | None:
        return act(info)

    @strawberry.field
    def pets(self, info: Info, where: Filter | None = None, moods: list[Mood] | None = None) -> list[Pet | None] | None:
        return act(info, where=where, moods=moods)

    @strawberry.field(permission_classes=[Known])
    def owner(self, info: Info, by: By) -> Owner:
        return act(info, by=by)

    @strawberry.field
    async def owners(self, info: Info, range_: Annotated[Range, strawberry.argument(name="range")]) -> Page[Owner]:
        return await act_later(info, range=range_)

    @strawberry.field(extensions=[Marked()])
    async def motto(self, info: Info) -> str | None:
        return await act_later(info)

    @strawberry.field
    def loaded(self, info: Info) -> list[Dog]:
        return cast("list[Dog]", load(info))

    @strawberry.field
    def pit(self, info: Info) -> Pit | None:
        return pit_of(info)

    @strawberry.field
    def deep(self, info: Info) -> Pit:
        return pit_of(info)

    @strawberry.field
    def expected(self, info: Info) -> Owner | None:
        return cast("Owner", Expected(info))

    @strawberry.field
    def expected_owner(self, info: Info) -> Owner:
        return cast("Owner", Expected(info))

    find: Pet | None = strawberry.field(resolver=find)


@strawberry.type
class Mutation:
    @strawberry.mutation(permission_classes=[Allowed])
    def rename(self, info: Info, name: str, where: Filter | None = None) -> Cat | None:
        return act(info, name=name, where=where)

    @strawberry.mutation
    async def adopt(self, info: Info, by: By) -> Dog:
        return await act_later(info, by=by)

    @strawberry.mutation
    def load(self, info: Info) -> Owner | None:
        return cast("Owner | None", load(info))


STRAWBERRY = strawberry.Schema(Query, Mutation, types=[Cat, Dog])
SCHEMA = STRAWBERRY._schema
CLASSES: Mapping[str, type] = {
    "Cat": Cat, "Dog": Dog, "Owner": Owner, "CatPage": Page, "OwnerPage": Page,
}  # fmt: skip
LEAVES: Mapping[str, Any] = {
    "Mood": (Mood.CALM, Mood.WILD, Mood.ODD, "calm", 2, "CALM", "o", [], None),
    "Decimal": (Decimal("1.50"), Decimal(0), "2", 3, None, "free"),
}
LEAVES = {**LEAVES, "Hardness": (Hardness.SOFT, Hardness.HARD, "soft", "SOFT", 1)}
SCALARS = {"Decimal": ("1.5", "2", 3)}


def make_object(world: World, kind: GraphQLObjectType, key: Key) -> Any:
    """Return an object of a type, with its attributes: some of them are still awaited."""
    if kind.name in {"Stone", "Quarry"}:
        row = row_of(world, world.tape((*key, "row")).choose(ROWS), key)
        return stone(row, None) if kind.name == "Stone" else _quarry(row)
    attributes: dict[str, Any] = {}
    for field in kind.fields.values():
        definition = field.extensions["strawberry-definition"]
        assert isinstance(definition, StrawberryField)
        if definition.is_basic_field:
            attributes[definition.python_name] = _attribute(world, field.type, (*key, f"plain {definition.name}"))
    return CLASSES[kind.name](world=world, key=key, **attributes)


def _quarry(row: Any) -> Quarry:
    made = object.__new__(Quarry)
    made.row = row
    return made


def _attribute(world: World, kind: GraphQLOutputType, key: Key) -> Any:
    tape = world.tape((*key, "attribute"))
    try:
        value = VALUES._ready(world, kind, (*key, "shared"))
    except Exception as error:
        return error
    if not tape.happens(world.nature.awaits * 3):
        return value
    future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    future.set_result(value)
    return future


MAKING.values = VALUES = Values(SCHEMA, LEAVES, make_object)
