"""What the language's own examples ask of people and droids, and what they are answered."""

from typing import Any

import pytest

from tests.execution.reference.answers import answer
from tests.execution.reference.star_wars import SCHEMA

SECRETS = [("hero", "friends", index, "secretBackstory") for index in range(3)]


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("query Name { hero { name } }", {"hero": {"name": "R2-D2"}}),
        ("{ hero(episode: EMPIRE) { name } }", {"hero": {"name": "Luke Skywalker"}}),
        ("{ human(id: 1000) { name } }", {"human": {"name": "Luke Skywalker"}}),
        ('{ human(id: "2000") { name } }', {"human": None}),
        ('{ luke: human(id: "1000") { who: name } }', {"luke": {"who": "Luke Skywalker"}}),
        ('{ droid(id: "2000") { primaryFunction id } }', {"droid": {"primaryFunction": "Protocol", "id": "2000"}}),
        ("{ hero { __typename name } }", {"hero": {"__typename": "Droid", "name": "R2-D2"}}),
        (
            "{ hero { id friends { name } } }",
            {"hero": {"id": "2001", "friends": [{"name": "Luke Skywalker"}, {"name": "Han Solo"},
                                                {"name": "Leia Organa"}]}},
        ),
        (
            '{ luke: human(id: "1000") { homePlanet } leia: human(id: "1003") { homePlanet } }',
            {"luke": {"homePlanet": "Tatooine"}, "leia": {"homePlanet": "Alderaan"}},
        ),
        (
            '{ luke: human(id: "1000") { ...Home } leia: human(id: "1003") { ...Home } } '
            "fragment Home on Human { name homePlanet }",
            {"luke": {"name": "Luke Skywalker", "homePlanet": "Tatooine"},
             "leia": {"name": "Leia Organa", "homePlanet": "Alderaan"}},
        ),
        (
            '{ human(id: "1002") { appearsIn friends { __typename ... on Droid { primaryFunction } '
            "... on Human { homePlanet } } } }",
            {"human": {"appearsIn": ["NEW_HOPE", "EMPIRE", "JEDI"], "friends": [
                {"__typename": "Human", "homePlanet": "Tatooine"},
                {"__typename": "Human", "homePlanet": "Alderaan"},
                {"__typename": "Droid", "primaryFunction": "Astromech"},
            ]}},
        ),
    ],
)  # fmt: skip
async def test_a_question_has_the_answer_of_its_shape(text: str, data: Any) -> None:
    found = await answer(SCHEMA, text)

    assert found.data == data
    assert found.errors == []


async def test_friends_of_friends_are_as_deep_as_they_are_asked_for() -> None:
    found = await answer(SCHEMA, "{ hero { friends { name friends { name friends { id } } } } }")

    luke = found.data["hero"]["friends"][0]
    assert [one["name"] for one in luke["friends"]] == ["Han Solo", "Leia Organa", "C-3PO", "R2-D2"]
    assert [one["id"] for one in luke["friends"][3]["friends"]] == ["1000", "1002", "1003"]


@pytest.mark.parametrize(
    ("id_", "expected"), [("1000", {"name": "Luke Skywalker"}), (1002, {"name": "Han Solo"}), ("nobody", None)]
)
async def test_a_variable_says_whom_to_find(id_: object, expected: Any) -> None:
    found = await answer(SCHEMA, "query ($id: ID!) { human(id: $id) { name } }", {"id": id_})

    assert found.data == {"human": expected}


async def test_an_episode_that_is_a_variable_is_given_by_its_name() -> None:
    text = "query ($at: Episode) { hero(episode: $at) { name } }"

    assert (await answer(SCHEMA, text, {"at": "EMPIRE"})).data == {"hero": {"name": "Luke Skywalker"}}
    assert (await answer(SCHEMA, text, {"at": "JEDI"})).data == {"hero": {"name": "R2-D2"}}
    assert (await answer(SCHEMA, text, {"at": 5})).data is None


async def test_a_secret_is_null_beside_what_is_none() -> None:
    found = await answer(SCHEMA, "{ hero { name secretBackstory } }")

    assert found.data == {"hero": {"name": "R2-D2", "secretBackstory": None}}
    assert found.told == [("the backstory of R2-D2 is secret", ["hero", "secretBackstory"])]


async def test_each_secret_of_a_list_has_its_error() -> None:
    found = await answer(SCHEMA, "{ hero { friends { name secretBackstory } } }")

    assert [one["secretBackstory"] for one in found.data["hero"]["friends"]] == [None, None, None]
    assert [tuple(path) for _, path in found.told] == SECRETS
    assert [message for message, _ in found.told] == [
        f"the backstory of {name} is secret" for name in ("Luke Skywalker", "Han Solo", "Leia Organa")
    ]


async def test_the_path_of_an_error_has_the_aliases() -> None:
    found = await answer(SCHEMA, "{ main: hero { story: secretBackstory } }")

    assert found.data == {"main": {"story": None}}
    assert found.told == [("the backstory of R2-D2 is secret", ["main", "story"])]
