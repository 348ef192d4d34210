"""A schema that is written as ours are, with what Strawberry has: its resolvers do as the world says.

Methods and functions, with and without `Info`, plain and `async`; attributes; permissions and field extensions of both
kinds; interfaces, unions, generics; inputs with defaults, `Maybe`, one of several; private data; loads in batches.
"""

import asyncio
from collections.abc import Awaitable, Callable, Generator, Mapping
from decimal import Decimal
from enum import Enum
from inspect import isawaitable
from typing import Annotated, Any, Generic, Never, Optional, TypeVar, cast
from weakref import WeakKeyDictionary

import strawberry
from graphql import GraphQLObjectType, GraphQLOutputType
from strawberry import BasePermission, Info
from strawberry.extensions import FieldExtension
from strawberry.permission import PermissionExtension
from strawberry.types.field import StrawberryField
from typing_extensions import override

from api.batching import Loader
from tests.execution.differ.awaitables import awaitable
from tests.execution.differ.stones import (
    COLUMNS,
    ROWS,
    Beside,
    Hardness,
    Quarry,
    Stone,
    Stones,
    WrittenStones,
    make_row,
    stone,
)
from tests.execution.differ.values import Boom, Key, Values
from tests.execution.differ.worlds import World

T = TypeVar("T")
#: A field that needs nothing of its object.
BEGUN_AHEAD = {"begins_ahead": True}


def _act(info: Info[World, None], **given: Any) -> Any:
    key = _key(info)
    info.context.call(key, given)
    return VALUES.make(info.context, info._raw_info.return_type, key)


async def _act_later(info: Info[World, None], **given: Any) -> Any:
    found = _act(info, **given)
    return await found if isawaitable(found) else found


def _act_plainly(thing: Any, name: str, **given: Any) -> Any:
    """Do as the world says without being told which field it is for: the same for all aliases."""
    kind = _type(type(thing).__strawberry_definition__.name)
    key = (*thing.key, f"plain {name}")
    thing.world.call(key, given)
    return VALUES.make(thing.world, kind.fields[name].type, key)


# They return anything, and are declared to return what is due.
act = cast("Callable[..., Never]", _act)
act_later = cast("Callable[..., Awaitable[Never]]", _act_later)
act_plainly = cast("Callable[..., Never]", _act_plainly)


def _key(info: Info[World, None]) -> Key:
    return tuple(info.path.as_list())


def load(info: Info[World, None]) -> Any:
    """Load what the world says, with what else is asked for in the same turn of the event loop."""
    loop = asyncio.get_running_loop()
    loader = LOADERS.get(loop)
    if loader is None:
        loader = LOADERS[loop] = Loader(_ask, size=100)
    info.context.call(_key(info))
    return loader.load((info.context, info._raw_info.return_type, _key(info)))


Wanted = tuple[World, GraphQLOutputType, Key]
LOADERS: WeakKeyDictionary[asyncio.AbstractEventLoop, Loader[Wanted, Any]] = WeakKeyDictionary()


async def _ask(wanted: list[Wanted]) -> Mapping[Wanted, Any]:
    await asyncio.sleep(0)
    found: dict[Wanted, Any] = {}
    for one in wanted:
        world, kind, key = one
        try:
            found[one] = VALUES._ready(world, kind, (*key, "shared"))
        except Exception as error:
            found[one] = error
    return found


class Allowed(BasePermission):
    message = "You may not."
    error_extensions = {"code": "FORBIDDEN"}  # noqa: RUF012 - as Strawberry declares it

    @override
    def has_permission(self, source: Any, info: Info[World, None], **kwargs: Any) -> bool | Awaitable[bool]:
        return self._answer(source, info, kwargs)

    def _answer(self, source: Any, info: Info[World, None], given: dict[str, Any]) -> bool:
        key = (*_key(info), type(self).__name__)
        info.context.call(key, (type(source).__name__, given))
        tape = info.context.tape(key)
        if tape.happens(info.context.nature.fails * 3):
            raise Boom("nobody knows")
        return not tape.happens(info.context.nature.fails)


class Known(Allowed):
    message = "Who are you?"
    error_extensions: dict[str, Any] = {}  # noqa: RUF012 - as Strawberry declares it


class AllowedLater(Allowed):
    message = "You may not, after all."

    @override
    async def has_permission(self, source: Any, info: Info[World, None], **kwargs: Any) -> bool:
        tape = info.context.tape((*_key(info), "wait"))
        return bool(await awaitable(tape, lambda: self._answer(source, info, kwargs)))


class Marked(FieldExtension):
    """Looks at what comes out, and changes it."""

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        return _marked(next_(source, info, **kwargs))

    @override
    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[World, None], **kwargs: Any
    ) -> Any:
        return _marked(await next_(source, info, **kwargs))


class Numbered(FieldExtension):
    """Changes what goes in, and may answer without asking further."""

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        if info.context.tape((*_key(info), "answered")).happens(info.context.nature.misfits):
            return "answered"
        return next_(source, info, **{**kwargs, "number": kwargs.get("number", 0) or 5})


class Checked(FieldExtension):
    """Only checks, and says so: then the executor calls the check and the resolver, and nothing of it in between."""

    only_checks = True

    def check(self, info: Info[World, None]) -> None:
        if info.context.tape((*_key(info), "refused")).happens(info.context.nature.fails):
            raise Boom("refused")

    @override
    def resolve(self, next_: Callable[..., Any], source: Any, info: Info[World, None], **kwargs: Any) -> Any:
        self.check(info)
        return next_(source, info, **kwargs)

    @override
    async def resolve_async(
        self, next_: Callable[..., Awaitable[Any]], source: Any, info: Info[World, None], **kwargs: Any
    ) -> Any:
        self.check(info)
        return await next_(source, info, **kwargs)


def _marked(value: Any) -> Any:
    return f"<{value}>" if isinstance(value, str) else value


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
        tape = info.context.tape((*_key(info), "early"))
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


def heap(info: Info[World, None]) -> Stones:
    """Return stones as a sequence that offers their rows, all of one class."""
    key = _key(info)
    tape = info.context.tape((*key, "heap"))
    kind = tape.choose(ROWS)
    rows = [row_of(info.context, kind, (*key, index)) for index in range(tape.below(4))]
    quarries = {number: row_of(info.context, kind, (*key, "quarry", number)) for number in range(tape.below(4))}
    return Stones(rows, None if tape.happens(3) else Beside(quarries))


def pit_of(info: Info[World, None]) -> Pit:
    """Return an object with a list that comes written, where it can be."""
    stones = heap(info)
    form = getattr(info, "forms", {}).get("stones")
    written = WrittenStones.of(form, stones) if form is not None else None
    return Pit(stones=cast("list[Stone]", written or stones))


def row_of(world: World, kind: Any, key: Key) -> Any:
    """Return a row of anything: what a column's field promises, nearly always."""
    values: dict[str, Any] = {}
    for name in COLUMNS:
        tape = world.tape((*key, f"column {name}"))
        if world.nature.misfits and tape.happens(max(2, world.nature.misfits)):
            values[name] = tape.choose(CONTENTS)
        else:
            values[name] = USUAL_CONTENTS[name] if name in USUAL_CONTENTS else tape.below(3)
    return make_row(kind, values)


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
#: What is in the columns of rows.
USUAL_CONTENTS: Mapping[str, Any] = {
    "name": "granite", "hardness": "soft", "was": None, "price": Decimal("1.50"), "loose": [1, 2],
}  # fmt: skip
CONTENTS: tuple[Any, ...] = (None, 1, 2, "hard", "", 2**40, 1.5, True, [], ValueError("in a row"), Hardness.HARD, b"x")
SCALARS = {"Decimal": ("1.5", "2", 3)}


def _type(name: str) -> GraphQLObjectType:
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    return kind


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


VALUES = Values(SCHEMA, LEAVES, make_object)
