"""A list that comes written is the list that its rows would be, and only what can be written has a form."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
import strawberry
from graphql import OperationDefinitionNode, build_schema, parse

from api.execution.compiler import Compiled
from api.execution.cost import Pricing
from api.execution.results import Result
from api.execution.written import OPEN, Form, Written
from tests.execution.differ.stones import WHOLE, Beside, Hardness, Stone, Stones, WrittenStones, make_row

QUARRIES: dict[int, dict[str, Any]] = {1: {"name": 'so"uth\n', "depth": None}, 2: {"name": "北", "depth": 7}}
ROWS: list[dict[str, Any]] = [
    {"id": "a", "name": "grän\x01ite", "weight": 7, "hardness": "soft", "was": None, "price": None, "width": 1,
     "height": None, "loose": None, "quarry_id": 1, "depth": 3},
    {"id": "b", "name": None, "weight": -3, "hardness": "hard", "was": "soft", "price": None, "width": 2,
     "height": 5, "loose": None, "quarry_id": 2, "depth": 3},
    {"id": "c", "name": "", "weight": 2**31 - 1, "hardness": "hard", "was": "hard", "price": None, "width": 0,
     "height": -1, "loose": None, "quarry_id": 1, "depth": 3},
]  # fmt: skip
WRITABLE = (
    "{ pit { stones { weight } } }",
    "{ pit { __typename stones { id } } }",
    "{ pit { stones { heavy: weight id hardness was __typename size { height w: width } } } }",
    "{ pit { stones { quarry { name d: depth __typename } weight id } } }",
    "query ($yes: Boolean = true) { pit { stones { ...all weight @include(if: $yes) id @skip(if: $yes) } } } "
    "fragment all on Stone { first: hardness ... on Stone { second: hardness } }",
)
NOT_WRITABLE = (
    "{ pit { stones { loose } } }",
    "{ pit { a: stones { weight } b: stones { id } } }",
    "{ pit { a: stones { weight } b: stones { __typename } } }",
    "{ pit { a: stones { __typename } b: stones { weight } } }",
    "{ pit { stones { __typename } } }",
    "{ pit { stones { q: quarry { name } quarry { depth } } } }",
)


@strawberry.type
class Pit:
    stones: list[Stone]


class Found:
    """What a resolver does with the forms that it is given."""

    def __init__(self, *, writes: bool = True, other: Form | None = None, rows: list[dict[str, Any]] = ROWS) -> None:
        self.writes = writes
        self.other = other
        self.rows = rows
        self.forms: Mapping[str, Form] = {}

    def pit(self, info: Any) -> Pit:
        self.forms = info.forms
        beside = Beside({key: make_row(WHOLE, ROWS[0] | row) for key, row in QUARRIES.items()})
        form = self.other or self.forms.get("stones")
        stones: Any = Stones([make_row(WHOLE, row) for row in self.rows], beside)
        if form is not None and self.writes:
            stones = WrittenStones.of(form, stones)
            assert stones is not None
        return Pit(stones=stones)


@strawberry.type
class Query:
    @strawberry.field
    def pit(self, info: strawberry.Info[Any, Any]) -> Pit:
        found: Found = info.root_value
        return found.pit(info)


SCHEMA = strawberry.Schema(Query)._schema


def executed(document: str, found: Found) -> tuple[dict[str, Any], list[Any]]:
    ast = parse(document)
    operation = ast.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    given = {"yes": True} if operation.variable_definitions else {}
    execution, data = Compiled(SCHEMA, ast, operation, given).begin(None, found, given, {})
    return data, execution.errors


@pytest.mark.parametrize("document", WRITABLE)
def test_a_list_that_comes_written_is_what_its_rows_are(document: str) -> None:
    found = Found()
    data, errors = executed(document, found)
    expected, none = executed(document, Found(writes=False))

    assert (errors, none) == ([], [])
    assert type(data["pit"]["stones"]) is Written
    assert type(expected["pit"]["stones"]) is list
    assert json.loads(Result(data).json()) == {"data": expected}
    assert list(json.loads(Result(data).json())["data"]["pit"]["stones"][0]) == list(expected["pit"]["stones"][0])
    # And beside something that orjson does not take.
    odd = json.loads(Result(data | {"odd": 2**70}).json())
    assert odd == {"data": expected | {"odd": 2**70}}
    assert executed(document, Found(rows=[]))[0]["pit"]["stones"] == []


@pytest.mark.parametrize("document", NOT_WRITABLE)
def test_what_cannot_be_written_has_no_form(document: str) -> None:
    found = Found()
    data, _ = executed(document, found)
    assert found.forms == {}
    assert all(type(one) is not Written for one in data["pit"].values())


def test_what_is_no_member_of_an_enum_has_no_name() -> None:
    found = Found()
    executed("{ pit { stones { hardness } } }", found)
    (value,) = found.forms["stones"].values
    assert value.name_of is not None
    assert value.name_of(Hardness.HARD) == "FIRM"
    nobody: Any
    for nobody in (ValueError("in a row"), []):
        with pytest.raises(TypeError):
            value.name_of(nobody)


def test_a_list_that_was_written_by_another_form_is_not_shown() -> None:
    others = [Found() for _ in WRITABLE[:2]]
    for document, other in zip(WRITABLE, others, strict=False):
        executed(document, other)
    same, different = (other.forms["stones"] for other in others)

    data, errors = executed(WRITABLE[0], Found(other=same))
    assert errors == []
    assert json.loads(Result(data).json())["data"]["pit"]["stones"] == [{"weight": row["weight"]} for row in ROWS]
    _, errors = executed(WRITABLE[0], Found(other=different))
    assert [error.path for error in errors] == [["pit", "stones"]]


def test_no_text_of_a_client_stands_in_a_form_but_keys_of_the_answer() -> None:
    found = Found()
    executed(
        'query Q($v: String = "\'); --") { pit { __typename k: stones { a: weight @skip(if: false) b: id } } }', found
    )
    form = found.forms["stones"]
    assert form.literals == ('{"a":', f',"b":"{OPEN}"}}')


COSTS = """
directive @cost(weight: String!) on FIELD_DEFINITION | OBJECT
directive @listSize(assumedSize: Int, slicingArguments: [String!], sizedFields: [String!]) on FIELD_DEFINITION
type Query { pit: Pit @cost(weight: "3") }
type Pit { stones: [Stone!]! @cost(weight: "2") }
type Stone @cost(weight: "5") { id: ID! weight: Int @cost(weight: "7") quarry: Quarry size: Size }
type Quarry @cost(weight: "11") { name: String depth: Int }
type Size { width: Int height: Int }
"""


@pytest.mark.parametrize(
    "selection", ["id", "id weight", "id quarry { name }", "size { width } weight quarry { depth }"]
)
def test_it_costs_what_its_rows_cost(selection: str) -> None:
    document = f"{{ pit {{ stones {{ {selection} }} }} }}"
    ast = parse(document)
    operation = ast.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    price = Pricing(build_schema(COSTS), COSTS).price(ast, operation)

    written, _ = executed(document, Found())
    rows, _ = executed(document, Found(writes=False))
    assert type(written["pit"]["stones"]) is Written
    assert price.actual(written, {}) == price.actual(rows, {}) > len(ROWS)
