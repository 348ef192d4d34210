"""A schema with one of everything that a transport may meet; it knows nothing of the domain."""

import asyncio
import itertools
from collections.abc import AsyncIterable, AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NewType, Optional

import strawberry
from graphql import GraphQLError, GraphQLSchema
from strawberry.extensions import FieldExtension
from strawberry.schema.config import StrawberryConfig
from typing_extensions import override

from api.execution.errors import Refused
from tests.execution.lines import Line as NumberLine
from tests.execution.lines import Numbers


@dataclass
class World:
    """What tests look at from outside, to see what resolvers did."""

    contexts: list["Context"] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    begun: int = 0
    ended: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)
    line: NumberLine = field(default_factory=NumberLine)
    #: Callers for whom a number of the line was executed.
    told: list[str] = field(default_factory=list)


@dataclass
class Context:
    caller: str
    request_id: str
    world: World


Info = strawberry.Info[Context, None]


class Shout(FieldExtension):
    @override
    def resolve(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return str(next_(source, info, **arguments)).upper()


class ShoutLater(FieldExtension):
    @override
    async def resolve_async(self, next_: Any, source: Any, info: strawberry.Info, **arguments: Any) -> Any:
        return str(await next_(source, info, **arguments)).upper()


Grams = NewType("Grams", int)


def parse_grams(value: object) -> Grams:
    if not isinstance(value, str) or not value.endswith("g") or not value[:-1].isdecimal():
        raise ValueError("Grams look like 12g")
    return Grams(int(value[:-1]))


@strawberry.input
class Weight:
    grams: Grams
    times: int = 1


@strawberry.input
class Tree:
    child: Optional["Tree"] = None


@strawberry.type
class Node:
    name: str

    @strawberry.field
    def child(self, name: str = "child") -> "Node":
        return Node(name=name)

    @strawberry.field
    def broken(self) -> str:
        raise RuntimeError("the password is swordfish")


@strawberry.type
class Line:
    cursor: str
    text: str


@strawberry.type
class Number:
    number: int

    @strawberry.field
    def cursor(self) -> str:
        return f"c{self.number}"

    @strawberry.field
    def told(self, info: Info) -> str:
        info.context.world.told.append(info.context.caller)
        return info.context.caller

    @strawberry.field
    def padding(self, size: int = 0) -> str:
        return "x" * size

    @strawberry.field
    def broken(self) -> str | None:
        raise RuntimeError("the password is swordfish")


@strawberry.type
class Query:
    @strawberry.field
    def hello(self, name: str = "world") -> str:
        return f"Hello {name}"

    @strawberry.field
    def caller(self, info: Info) -> str:
        return info.context.caller

    @strawberry.field
    def node(self) -> Node:
        return Node(name="root")

    @strawberry.field
    def long(self, size: int) -> str:
        return "x" * size

    @strawberry.field
    def number(self, value: int) -> int:
        return value

    @strawberry.field
    def sum(self, values: list[int]) -> int:
        return len(values)

    @strawberry.field
    def nested(self, tree: "Tree") -> bool:
        return tree.child is None

    @strawberry.field
    def weight(self, weight: Weight) -> Grams:
        return Grams(weight.grams * weight.times)

    @strawberry.field
    def fail(self) -> str | None:
        raise RuntimeError("the password is swordfish")

    @strawberry.field
    def refuse(self) -> str | None:
        raise GraphQLError("You may not", extensions={"code": "FORBIDDEN", "hint": "ask"})

    @strawberry.field
    def unserializable(self) -> int | None:
        return "swordfish"  # type: ignore[return-value]

    @strawberry.field
    async def sleep(self, seconds: float) -> str:
        await asyncio.sleep(seconds)
        return "awake"

    @strawberry.field
    async def news(self, info: Info) -> str:
        await info.context.world.news.wait()
        return "heard"

    @strawberry.field(extensions=[Shout()])
    def shout(self, word: str) -> str:
        return word

    @strawberry.field(extensions=[ShoutLater()])
    async def shout_later(self, word: str) -> str:
        return word


@strawberry.type
class Mutation:
    @strawberry.mutation
    async def write(self, info: Info, text: str) -> str:
        info.context.world.written.append(text)
        return text


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def count(self, to: int, fail_at: int = -1) -> AsyncIterator[int]:
        for number in range(to):
            if number == fail_at:
                raise RuntimeError("the password is swordfish")
            yield number

    @strawberry.subscription
    async def forever(self, info: Info, pause_s: float = 0.001) -> AsyncIterator[Node]:
        world = info.context.world
        world.begun += 1
        try:
            for number in itertools.count():
                yield Node(name=str(number))
                await asyncio.sleep(pause_s)
        finally:
            await asyncio.sleep(0)  # cleaning up takes a turn of the loop, as closing a cursor does
            world.ended += 1

    @strawberry.subscription
    async def silence(self, info: Info) -> AsyncIterator[int]:
        world = info.context.world
        world.begun += 1
        try:
            await asyncio.Event().wait()
            yield 0
        finally:
            world.ended += 1

    @strawberry.subscription
    async def flood(self, info: Info, size: int = 100_000) -> AsyncIterator[str]:
        world = info.context.world
        world.begun += 1
        try:
            for number in itertools.count():
                world.written.append(str(number))
                yield "x" * size
        finally:
            world.ended += 1

    @strawberry.subscription
    async def contexts(self, info: Info, to: int) -> AsyncIterator[Node]:
        for number in range(to):
            yield Node(name=str(number))

    @strawberry.subscription
    async def lines(self, after: str | None = None, to: int = 3) -> AsyncIterator[Line]:
        begin = 0 if after is None else int(after.removeprefix("c")) + 1
        for number in range(begin, to):
            yield Line(cursor=f"c{number}", text=f"line {number}")

    @strawberry.subscription
    async def numbers(self, info: Info, after: str | None = None) -> AsyncIterable[Number]:
        line = info.context.world.line
        begin = line.length if after is None else int(after.removeprefix("c"))
        return Numbers(line, begin, show=lambda number: Number(number=number))

    @strawberry.subscription
    async def refuse(self) -> AsyncIterator[int]:
        raise GraphQLError("You may not", extensions={"code": "FORBIDDEN"})
        yield 0


def make_schema() -> GraphQLSchema:
    grams = strawberry.scalar(
        name="Grams", serialize=lambda value: f"{value}g", parse_value=parse_grams, description="A weight, like 12g."
    )
    return strawberry.Schema(Query, Mutation, Subscription, config=StrawberryConfig(scalar_map={Grams: grams}))._schema


REVOKED: set[str] = set()


async def authenticate(headers: Mapping[str, str]) -> str:
    """Everybody may come in but those with a bad or a revoked key."""
    key = headers.get("authorization", "").removeprefix("Bearer ")
    if key == "bad" or key in REVOKED:
        raise Refused("UNAUTHENTICATED", "The key is not known.", 401)
    if key == "broken":
        raise RuntimeError("the password is swordfish")
    return key or "nobody"


def recognise(headers: Mapping[str, str]) -> "Callable[[], asyncio.Future[str]] | None":
    """Look up whoever has a key, in a task of its own."""
    if not headers.get("authorization", "").startswith("Bearer "):
        return None
    return lambda: asyncio.ensure_future(authenticate(headers))
