"""The schema that the language's own examples are told with: people and droids of some films, and who knows whom."""

import asyncio
from typing import Any

from graphql import GraphQLEnumType, GraphQLResolveInfo, GraphQLSchema

from tests.execution.reference.answers import schema_of

SDL = """
enum Episode { NEW_HOPE EMPIRE JEDI }

interface Character {
  id: ID! name: String friends: [Character] appearsIn: [Episode] secretBackstory: String
}
type Human implements Character {
  id: ID! name: String friends: [Character] appearsIn: [Episode] secretBackstory: String
  homePlanet: String
}
type Droid implements Character {
  id: ID! name: String friends: [Character] appearsIn: [Episode] secretBackstory: String
  primaryFunction: String
}
type Query { hero(episode: Episode): Character human(id: ID!): Human droid(id: ID!): Droid }
"""

HUMANS: dict[str, dict[str, Any]] = {
    "1000": {
        "name": "Luke Skywalker", "friends": ["1002", "1003", "2000", "2001"], "appearsIn": [4, 5, 6],
        "homePlanet": "Tatooine",
    },
    "1001": {"name": "Darth Vader", "friends": ["1004"], "appearsIn": [4, 5, 6], "homePlanet": "Tatooine"},
    "1002": {"name": "Han Solo", "friends": ["1000", "1003", "2001"], "appearsIn": [4, 5, 6], "homePlanet": None},
    "1003": {
        "name": "Leia Organa", "friends": ["1000", "1002", "2000", "2001"], "appearsIn": [4, 5, 6],
        "homePlanet": "Alderaan",
    },
    "1004": {"name": "Wilhuff Tarkin", "friends": ["1001"], "appearsIn": [4], "homePlanet": None},
}  # fmt: skip
DROIDS: dict[str, dict[str, Any]] = {
    "2000": {
        "name": "C-3PO", "friends": ["1000", "1002", "1003", "2001"], "appearsIn": [4, 5, 6],
        "primaryFunction": "Protocol",
    },
    "2001": {
        "name": "R2-D2", "friends": ["1000", "1002", "1003"], "appearsIn": [4, 5, 6], "primaryFunction": "Astromech",
    },
}  # fmt: skip
CHARACTERS = {id_: {"id": id_, **one} for id_, one in {**HUMANS, **DROIDS}.items()}


async def _meet(id_: str) -> dict[str, Any]:
    await asyncio.sleep(0)
    return CHARACTERS[id_]


def friends(character: dict[str, Any], _: GraphQLResolveInfo[Any]) -> list[Any]:
    """Return some of them at once, and have the others awaited."""
    return [CHARACTERS[id_] if id_ in HUMANS else _meet(id_) for id_ in character["friends"]]


def secret_backstory(character: dict[str, Any], _: GraphQLResolveInfo[Any]) -> str:
    raise PermissionError(f"the backstory of {character['name']} is secret")


def hero(_: object, __: GraphQLResolveInfo[Any], episode: int | None = None) -> Any:
    return _meet("1000") if episode == 5 else CHARACTERS["2001"]


def type_of(character: dict[str, Any], *_: object) -> str:
    return "Human" if character["id"] in HUMANS else "Droid"


def _schema() -> GraphQLSchema:
    schema = schema_of(
        SDL,
        {
            "Character.type": type_of,
            "Query.hero": hero,
            "Query.human": lambda *_, **given: CHARACTERS[given["id"]] if given["id"] in HUMANS else None,
            "Query.droid": lambda *_, **given: _meet(given["id"]),
            **{f"{kind}.friends": friends for kind in ("Human", "Droid")},
            **{f"{kind}.secretBackstory": secret_backstory for kind in ("Human", "Droid")},
        },
    )
    episodes = schema.type_map["Episode"]
    assert isinstance(episodes, GraphQLEnumType)
    for value, number in zip(episodes.values.values(), (4, 5, 6), strict=True):
        value.value = number
    return schema


SCHEMA = _schema()
