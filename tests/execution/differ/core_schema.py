"""A schema of graphql-core's own types that has everything, with resolvers that do as the world says."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLResolveInfo,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
)
from typing_extensions import override

from tests.execution.differ.awaitables import awaitable
from tests.execution.differ.values import Boom, Key, Values
from tests.execution.differ.worlds import World

SDL = """
directive @tag(name: String, numbers: [Int!]) on FIELD | FRAGMENT_SPREAD | INLINE_FRAGMENT

scalar Money
enum Color { RED GREEN BLUE }
enum Size { SMALL LARGE }

interface Node { id: ID! label(mark: String = "x", times: Int): String peer: Node kin: [Node!] }
interface Named { name: String! nick: String self: Named! }

type Cat implements Node & Named {
  id: ID! label(mark: String = "x", times: Int): String peer: Node kin: [Node!]
  name: String! nick: String self: Named!
  lives: Int! friend: Pet color: Color! plain: Int plainly(n: Int! = 3): String
}
type Dog implements Node & Named {
  id: ID! label(mark: String = "x", times: Int): String! peer: Dog kin: [Dog!]
  name: String! nick: String! self: Dog!
  size: Size friend: Pet! owner: Owner weights: [Float!]!
}
type Rock implements Node {
  id: ID! label(mark: String = "x", times: Int): String peer: Node kin: [Node!]
  price: Money owner: Owner! leaves: Leaves
}
type Owner implements Named {
  name: String! nick: String self: Named!
  pets: [Pet!]! table: [[Pet]!] plain: String plainOwner: Owner
}
union Pet = Cat | Dog
union Anything = Cat | Dog | Rock | Owner | Leaves

type Leaves {
  int: Int intN: Int! float: Float floatN: Float! string: String stringN: String! id: ID idN: ID!
  yes: Boolean yesN: Boolean! color: Color colorN: Color! size: Size money: Money moneyN: Money!
  ints: [Int] intsN: [Int!] intsNN: [Int!]! intsOfNull: [Int]! matrix: [[Int]] matrixN: [[Int!]!] matrixNN: [[Int!]!]!
  strings: [String!] colors: [Color!]! moneys: [Money] more: Leaves moreN: Leaves! many: [Leaves] manyN: [Leaves!]
  moneysN: [Money!] moneysNN: [[Money!]!]
}

input Where {
  text: String = "d" limit: Int! = 3 tags: [String!] inner: Where color: Color = RED price: Money matrix: [[Int!]]
  sizes: [Size] = [SMALL] flat: Flat
}
input Flat { yes: Boolean! ratio: Float = 0.5 id: ID }
input Either @oneOf { id: ID name: String flat: Flat }

type Query {
  node(id: ID): Node nodes(first: Int = 2, after: ID): [Node] named: Named pets: [Pet!] anything: [Anything!]
  cat: Cat dog: Dog! rock(size: Size, color: Color! = GREEN): Rock owner: Owner! leaves: Leaves
  search(where: Where, either: Either, ids: [ID!] = ["a"], yes: Boolean, money: Money, flat: Flat): Leaves
  count(where: Where!, either: Either): Int! echo(text: String, number: Float, list: [[Int]], either: Either!): String
}
type Mutation {
  add(number: Int! = 1): Int! rename(where: Where, name: String!): Owner adopt(either: Either!): Dog! clear: [Leaves!]
}
type Subscription { happened(flat: Flat): Leaves named: Named! count: Int! }
"""


class Color(Enum):
    RED = "r"
    GREEN = "g"
    BLUE = "b"


class Paint(StrEnum):
    """Another enumeration with the same values, which are strings."""

    RED = "r"
    GREEN = "g"


LEAVES: Mapping[str, Any] = {
    "Color": (Color.RED, Color.GREEN, Color.BLUE, "r", Paint.RED, "RED", [], None),
    "Size": (1, 10, 1.0, True, "SMALL", {}),
    "Money": (Decimal("1.50"), Decimal(0), "2", 3, None, "free", Decimal(-1), Decimal(-2)),
}


class Thing:
    """An object of a type, at a place of the answer."""

    def __init__(self, world: World, kind: GraphQLObjectType, key: Key) -> None:
        self.world = world
        self.kind = kind
        self.key = key

    @override
    def __repr__(self) -> str:
        return f"<{self.kind}>"

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("plain"):
            raise AttributeError(name)
        return look_up(self, name)


class Entries(Thing, Mapping[str, Any]):
    """An object that is a mapping."""

    @override
    def __getitem__(self, name: str) -> Any:
        if name == "__typename" and self.kind.name != "Rock":
            return self.kind.name
        if not name.startswith("plain"):
            raise KeyError(name)
        return look_up(self, name)

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(())

    @override
    def __len__(self) -> int:
        return 0

    @override
    def __hash__(self) -> int:
        return id(self)


def make_object(world: World, kind: GraphQLObjectType, key: Key) -> Thing:
    return world.tape((*key, "object")).choose((Thing, Thing, Thing, Entries))(world, kind, key)


def look_up(thing: Thing, name: str) -> Any:
    """Return the value of a field without a resolver: it may be called with its arguments."""
    field = thing.kind.fields[name]
    key = (*thing.key, name)

    def call(_: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        thing.world.call(key, arguments)
        return VALUES.make(thing.world, field.type, key)

    thing.world.call((*thing.key, f"{name} is read"))
    return call if field.args or thing.world.tape((*key, "is called")).happens(3) else call(None)  # type: ignore[arg-type]


def resolve(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
    """Resolve any field, as the world says."""
    world: World = info.context
    key = tuple(info.path.as_list())
    world.call(key, (arguments, type(source).__name__))
    return VALUES.make(world, info.return_type, key)


def is_type_of(kind: GraphQLObjectType) -> Any:
    def tell(value: Any, info: GraphQLResolveInfo[Any]) -> Any:
        world: World = info.context
        key = (*info.path.as_list(), f"is {kind}", getattr(value, "key", ()))
        tape = world.tape(key)
        world.call(key)

        def answer() -> bool:
            if tape.happens(world.nature.fails * 3):
                raise Boom(f"no {kind}")
            return (getattr(value, "kind", None) is kind) != tape.happens(world.nature.misfits)

        awaits = not world.nature.tidy and tape.happens(world.nature.awaits)
        return awaitable(tape, answer) if awaits else answer()

    return tell


def resolve_type(value: Any, info: GraphQLResolveInfo[Any], kind: Any) -> Any:
    world: World = info.context
    key = (*info.path.as_list(), f"type of {kind}", getattr(value, "key", ()))
    tape = world.tape(key)
    world.call(key)

    def answer() -> Any:
        if tape.happens(world.nature.fails * 3):
            raise Boom(f"no {kind}")
        if tape.happens(world.nature.misfits):
            return tape.choose(("Query", "Node", "Money", "Nothing", None, 5, "Leaves", "Cat", ""))
        return getattr(value, "kind", kind).name

    return awaitable(tape, answer) if tape.happens(world.nature.awaits) else answer()


def _serialize_money(value: Any) -> Any:
    if value in ("free", -1, -2):
        raise Boom(f"nothing is {value}")
    return None if value is None else f"{value} €"


def _parse_money(value: Any) -> Decimal:
    if not isinstance(value, str):
        raise Boom("money is written")
    return Decimal(value)


def _build() -> GraphQLSchema:  # noqa: C901 - a case for each kind of type
    schema = build_schema(SDL)
    for kind in schema.type_map.values():
        if kind.name.startswith("__"):
            continue
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                if not name.startswith("plain"):
                    field.resolve = resolve
            if kind.name in {"Cat", "Dog", "Owner"}:
                kind.is_type_of = is_type_of(kind)
        elif isinstance(kind, GraphQLInterfaceType | GraphQLUnionType) and kind.name in {"Node", "Anything"}:
            kind.resolve_type = resolve_type
        elif isinstance(kind, GraphQLEnumType):
            for name, value in kind.values.items():
                value.value = Color[name] if kind.name == "Color" else {"SMALL": 1, "LARGE": 10}[name]
        elif isinstance(kind, GraphQLScalarType) and kind.name == "Money":
            kind.coerce_output_value = _serialize_money
            kind.coerce_input_value = _parse_money
    return schema


SCHEMA = _build()
VALUES = Values(SCHEMA, LEAVES, make_object)
