"""Interfaces and unions: how the type of a value is found, at once or awaited, and what is said where there is none."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import strawberry
from graphql import GraphQLObjectType, GraphQLResolveInfo, GraphQLSchema

from tests.execution.reference.answers import answer, schema_of

SDL = """
interface Node { id: ID! }
interface Pet implements Node { id: ID! name: String }
type Dog implements Pet & Node { id: ID! name: String woofs: Boolean }
type Cat implements Pet & Node { id: ID! name: String meows: Boolean }
type Stone { weight: Int }
union Thing = Dog | Cat | Stone
type Query { pets: [Pet] pet: Pet node: Node things: [Thing!] thing: Thing dog: Dog }
"""


class Animal:
    def __init__(self, kind: str, name: str) -> None:
        self.kind = kind
        self.id = name.lower()
        self.name = name
        self.woofs = self.meows = True


class Stone:
    kind = "Stone"
    weight = 5


async def _later(value: Any) -> Any:
    await asyncio.sleep(0)
    if isinstance(value, Exception):
        raise value
    return value


def type_of(value: Any, *_: object) -> str:
    return str(value.kind)


def is_a(kind: str) -> Callable[[Any, GraphQLResolveInfo[Any]], bool]:
    return lambda value, _: value.kind == kind


def is_later(kind: str) -> Callable[[Any, GraphQLResolveInfo[Any]], Any]:
    return lambda value, _: _later(value.kind == kind)


OBJECTS = ("Dog", "Cat", "Stone")
# How the types are told.
WAYS: Mapping[str, Mapping[str, Any]] = {
    "the type is named": {"Pet.type": type_of, "Node.type": type_of, "Thing.type": type_of},
    "its name is awaited": {f"{kind}.type": lambda value, *_: _later(value.kind) for kind in ("Pet", "Node", "Thing")},
    "each type knows its own": {f"{kind}.is": is_a(kind) for kind in OBJECTS},
    "each type finds out": {f"{kind}.is": is_later(kind) for kind in OBJECTS},
    "some know and some find out": {"Dog.is": is_a("Dog"), "Cat.is": is_later("Cat"), "Stone.is": is_a("Stone")},
}
ROOT: Mapping[str, Any] = {
    "pets": [Animal("Dog", "Odie"), None, Animal("Cat", "Garfield")],
    "pet": Animal("Cat", "Garfield"),
    "node": Animal("Dog", "Odie"),
    "things": [Stone(), Animal("Cat", "Garfield"), Stone()],
    "thing": Stone(),
}


@pytest.mark.parametrize("awaited", [False, True], ids=["", "awaited"])
@pytest.mark.parametrize("way", WAYS)
async def test_an_object_has_the_fields_of_its_type(way: str, awaited: bool) -> None:
    text = """
    { pets { __typename id name ... on Dog { woofs } ... on Cat { meows } }
      things { ... on Pet { name } ... on Cat { id } ... on Stone { weight } }
      node { id ... on Pet { name } ... on Cat { meows } } thing { __typename } }
    """
    root = {name: (lambda _, value=value: _later(value)) for name, value in ROOT.items()} if awaited else ROOT

    found = await answer(schema_of(SDL, WAYS[way]), text, root=lambda: root)

    assert found.errors == []
    assert found.data == {
        "pets": [
            {"__typename": "Dog", "id": "odie", "name": "Odie", "woofs": True},
            None,
            {"__typename": "Cat", "id": "garfield", "name": "Garfield", "meows": True},
        ],
        "things": [{"weight": 5}, {"name": "Garfield", "id": "garfield"}, {"weight": 5}],
        "node": {"id": "odie", "name": "Odie"},
        "thing": {"__typename": "Stone"},
    }


async def test_a_mapping_may_name_its_type_itself() -> None:
    root = {"pet": {"__typename": "Cat", "id": "c", "meows": None}, "thing": {"__typename": "Stone"}}

    found = await answer(schema_of(SDL), "{ pet { id ... on Cat { meows } } thing { __typename } }", root=lambda: root)

    assert found.data == {"pet": {"id": "c", "meows": None}, "thing": {"__typename": "Stone"}}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, "Abstract type 'Pet' must resolve to an Object type at runtime for field 'Query.pet'. Either the 'Pet' "
         "type should provide a 'resolve_type' function or each possible type should provide an 'is_type_of' "
         "function."),
        ("", "Abstract type 'Pet' was resolved to a type '' that does not exist inside the schema."),
        ("Wolf", "Abstract type 'Pet' was resolved to a type 'Wolf' that does not exist inside the schema."),
        ("Node", "Abstract type 'Pet' was resolved to a non-object type 'Node'."),
        ("Stone", "Runtime Object type 'Stone' is not a possible type for 'Pet'."),
        (5, "Abstract type 'Pet' must resolve to an Object type at runtime for field 'Query.pet' with value 'value', "
         "received '5', which is not a valid Object type name."),
        (ValueError("nobody knows"), "nobody knows"),
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("awaited", [False, True], ids=["", "awaited"])
async def test_a_type_that_cannot_be_is_an_error_of_the_field(told: object, message: str, awaited: bool) -> None:
    def tell(*_: object) -> Any:
        if awaited:
            return _later(told)
        if isinstance(told, Exception):
            raise told
        return told

    schema = schema_of(SDL, {"Pet.type": tell})

    found = await answer(schema, "{ pet { name } dog { name } }", root=lambda: {"pet": "value", "dog": {"name": "d"}})

    assert found.data == {"pet": None, "dog": {"name": "d"}}
    assert found.told == [(message, ["pet"])]


@pytest.mark.parametrize("is_dog", [is_a("Dog"), is_later("Dog")], ids=["", "awaited"])
async def test_an_object_of_another_type_is_an_error_of_its_field(is_dog: Any) -> None:
    schema = schema_of(SDL, {"Dog.is": is_dog})

    found = await answer(schema, "{ dog { name } }", root=lambda: {"dog": Stone()})

    assert found.data == {"dog": None}
    assert found.told == [("Expected value of type 'Dog' but got: <Stone instance>.", ["dog"])]


@pytest.mark.parametrize("raised", [False, True], ids=["awaited", "raised"])
async def test_a_type_that_cannot_tell_is_an_error_of_the_field(raised: bool) -> None:
    def tell(*_: object) -> Any:
        if raised:
            raise ValueError("who knows")
        return _later(ValueError("who knows"))

    schema = schema_of(SDL, {f"{kind}.is": tell for kind in OBJECTS})

    found = await answer(schema, "{ dog { name } pet { name } }", root=lambda: {"dog": Stone(), "pet": Stone()})

    assert found.data == {"dog": None, "pet": None}
    assert found.told == [("who knows", ["dog"]), ("who knows", ["pet"])]


async def test_a_type_is_told_the_context_and_the_field() -> None:
    asked: list[tuple[Any, ...]] = []

    def tell(value: Any, info: GraphQLResolveInfo[str], kind: Any = None) -> Any:
        asked.append((info.context, info.path.as_list(), str(info.return_type), kind and kind.name))
        return value.kind if kind else value.kind == "Dog"

    schema = schema_of(SDL, {"Pet.type": tell, "Dog.is": tell})

    await answer(schema, "{ p: pets { name } }", root=lambda: {"pets": [Animal("Dog", "Odie")]}, context=lambda: "here")

    assert asked == 2 * [("here", ["p"], "[Pet]", "Pet"), ("here", ["p"], "[Pet]", None)]


async def test_types_that_are_met_at_run_time_may_be_more_than_are_compiled() -> None:
    count = 40
    fields = " ".join(f"f{number}: Int" for number in range(10))
    kinds = " ".join(f"type T{number} implements I {{ {fields} }}" for number in range(count))
    schema: GraphQLSchema = schema_of(
        f"interface I {{ {fields} }} {kinds} type Query {{ all: [I] }}", {"I.type": lambda value, *_: value["kind"]}
    )
    assert isinstance(schema.type_map["T0"], GraphQLObjectType)
    things = [{"kind": f"T{number}", "f0": number, "f9": "x" if number == 39 else 9} for number in range(count)]

    found = await answer(schema, "{ all { f0 f1 f2 f3 f4 f5 f6 f7 f8 f9 } }", root=lambda: {"all": things})

    assert [one["f0"] for one in found.data["all"]] == list(range(count))
    assert found.told == [("Int cannot represent non-integer value: 'x'", ["all", 39, "f9"])]


@strawberry.interface
class Shape:
    area: int


@strawberry.type
class Square(Shape):
    side: int


@strawberry.type
class Circle(Shape):
    radius: int


@strawberry.type
class Query:
    @strawberry.field
    def shapes(self) -> list[Shape]:
        return [Square(area=4, side=2), Circle(area=3, radius=1)]

    @strawberry.field
    def either(self, other: bool = False) -> Square | Circle:
        return Shape(area=1) if other else Circle(area=3, radius=1)  # type: ignore[return-value]  # that is the test


async def test_strawberry_tells_types_by_their_classes() -> None:
    schema = strawberry.Schema(Query, types=[Square, Circle])._schema

    found = await answer(
        schema, "{ shapes { __typename area ... on Square { side } } either { ... on Circle { radius } } }"
    )

    assert found.errors == []
    assert found.data == {
        "shapes": [{"__typename": "Square", "area": 4, "side": 2}, {"__typename": "Circle", "area": 3}],
        "either": {"radius": 1},
    }
    found = await answer(schema, "{ either(other: true) { __typename } }")
    assert found.data is None
    assert [path for _, path in found.told] == [["either"]]
