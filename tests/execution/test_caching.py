"""What anybody may keep is what the schema says, part by part; whatever says nothing is private."""

import pytest
from graphql import build_schema, parse

from api.execution.caching import Caching, max_age_s, read_ages
from api.execution.documents import Document

TEXT = """
directive @cacheControl(maxAge: Int!) on FIELD_DEFINITION | OBJECT
interface Node { id: ID! }
union Found = Project | Secret
type Project implements Node @cacheControl(maxAge: 30) {
  id: ID!
  name: Text!
  progress: Progress!
  live: Int! @cacheControl(maxAge: 2)
  owner: Person
  always: Undeclared @cacheControl(maxAge: 60)
}
type Text @cacheControl(maxAge: 3600) { en: String! }
type Progress @cacheControl(maxAge: 5) { energy: Int! }
type Person { name: String! project: Project }
type Undeclared { value: Int }
type Secret { value: Int }
type Query {
  project: Project @cacheControl(maxAge: 60)
  hidden: Project
  person: Person @cacheControl(maxAge: 60)
  version: String @cacheControl(maxAge: 600)
  time: String
  node: Node @cacheControl(maxAge: 60)
  found: Found @cacheControl(maxAge: 60)
}
type Mutation { project: Project @cacheControl(maxAge: 60) }
"""
SCHEMA = build_schema(TEXT)
AGES = read_ages(TEXT)


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ("{ version }", 600),
        ("{ project { id } }", 30),
        ("{ project { name { en } } version }", 60),
        ("{ project { id live } }", 2),
        ("{ project { progress { energy } } }", 5),
        ("{ __typename project { __typename id } }", 30),
        ("{ a: project { id } b: project { ...P } } fragment P on Project { progress { energy } }", 5),
        ("query A { version } query B { project { progress { energy } } }", 5),
        ("query ($x: Boolean!) { project { id live @include(if: $x) } }", 2),
        # One private part, however it is reached, and nothing is kept.
        ("{ time }", 0),
        ("{ version time }", 0),
        ("{ hidden { id } }", 0),
        ("{ person { name } }", 0),
        ("{ project { id owner { name } } }", 0),
        ("{ project { always { value } } }", 0),
        ("{ project { ... on Node { id } } }", 0),
        ("{ project { id ...P } } fragment P on Project { owner { project { id } } }", 0),
        ("query A { version } query B { time }", 0),
        ("query ($x: Boolean!) { version time @skip(if: $x) }", 0),
        ("{ node { id } }", 0),
        ("{ found { ... on Project { id } } }", 0),
        ("{ __schema { queryType { name } } }", 0),
        ("{ __typename }", 0),
        ("mutation { project { id } }", 0),
    ],
)
def test_an_answer_is_kept_as_long_as_its_most_short_lived_part(document: str, expected: int) -> None:
    assert max_age_s(SCHEMA, AGES, parse(document)) == expected


def test_only_what_everybody_would_be_answered_is_kept() -> None:
    caching = Caching[str](SCHEMA, TEXT, is_anybody=lambda caller: caller == "anybody")
    document = Document("{ version }", parse("{ version }"), [])

    assert [caching.max_age_s(document, caller) for caller in ("ann", "anybody", "ann")] == [0, 600, 0]
