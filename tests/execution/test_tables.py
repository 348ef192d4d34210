"""What is read of many rows at once is what would be read of each, and what is unusual is told as always."""

from typing import Any

import pytest
import strawberry
from graphql import ExecutionResult, OperationDefinitionNode, execute_sync, parse
from typing_extensions import override

from api.execution.compiler import Compiled
from api.execution.tables import CLASSES_MAX
from tests.execution.differ.stones import COLUMNS, WHOLE, Beside, Stone, Stones, make_row, row_class, stone

USUAL = {
    "id": "a", "name": "granite", "weight": 7, "hardness": "soft", "was": None, "price": None, "width": 1,
    "height": None, "loose": [1], "quarry_id": 1, "depth": 3,
}  # fmt: skip
EVERYTHING = "{ heap { __typename id name weight hardness was size { width height } quarry { name depth } } }"


@strawberry.type
class Query:
    @strawberry.field
    def heap(self, info: strawberry.Info[Any, Any]) -> list[Stone]:
        found: list[Stone] = info.root_value
        return found

    @strawberry.field
    def perhaps(self, info: strawberry.Info[Any, Any]) -> list[Stone | None] | None:
        found: list[Stone | None] = info.root_value
        return found


SCHEMA = strawberry.Schema(Query)._schema


class Watched(Stones):
    """Tells how often it was looked at one by one."""

    looked = 0

    @override
    def __iter__(self) -> Any:
        self.looked += 1
        return super().__iter__()


def row(**values: Any) -> Any:
    return make_row(WHOLE, USUAL | values)


def compiled(document: str) -> Compiled:
    ast = parse(document)
    operation = ast.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    return Compiled(SCHEMA, ast, operation, {})


def executed(operation: Compiled, root: Any) -> tuple[Any, list[tuple[str, Any]]]:
    execution, data = operation.begin(None, root, {}, {})
    assert not execution.is_waiting
    answer = None if execution.is_null else data
    return answer, [(error.message, error.path) for error in execution.errors]


def interpreted(document: str, root: Any) -> tuple[Any, list[tuple[str, Any]]]:
    result = execute_sync(SCHEMA, parse(document), root)
    assert isinstance(result, ExecutionResult)
    return result.data, [(error.message, error.path) for error in result.errors or ()]


def test_rows_are_read_without_looking_at_their_objects() -> None:
    beside = Beside({1: row(name="north", depth=1), 2: row(name="south", depth=2)})
    stones = Watched([row(id="a", quarry_id=2), row(id="b", quarry_id=1, was="hard"), row(quarry_id=2)], beside)
    operation = compiled(EVERYTHING)
    answer = executed(operation, stones)

    assert stones.looked == 0
    assert answer == interpreted(EVERYTHING, stones)
    first, second, third = answer[0]["heap"]
    assert first["quarry"] is third["quarry"]
    assert first["quarry"] == {"name": "southsouth", "depth": 2}
    assert second == {
        "__typename": "Stone", "id": "b!", "name": "granitegranite", "weight": 7, "hardness": "SOFT", "was": "FIRM",
        "size": {"width": 1, "height": None}, "quarry": {"name": "northnorth", "depth": 1},
    }  # fmt: skip


def test_the_next_batch_has_its_own_things_beside_it() -> None:
    operation = compiled(EVERYTHING)
    for depth in (1, 2):
        stones = Stones([row()], Beside({1: row(depth=depth)}))
        assert executed(operation, stones)[0]["heap"][0]["quarry"]["depth"] == depth


@pytest.mark.parametrize("field", ["heap", "perhaps"])
@pytest.mark.parametrize(
    "values",
    [
        {"id": None}, {"name": None}, {"name": 3}, {"weight": None}, {"weight": 2**31}, {"weight": "7"},
        {"weight": True}, {"hardness": None},
        {"hardness": "wet"}, {"hardness": []}, {"was": "hard"}, {"was": 5}, {"width": None},
        {"width": 1.5}, {"height": 2}, {"quarry_id": 5}, {"quarry_id": None}, {"weight": ValueError("in a row")},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_unusual_is_told_as_always(field: str, values: dict[str, Any]) -> None:
    document = EVERYTHING.replace("heap", field)
    operation = compiled(document)
    for rows in ([row(), row(**values), row()], [row(**values)], [row()], []):
        for beside in (Beside({1: row(), 2: row()}), None):
            stones = Stones(rows, beside)
            assert executed(operation, stones) == interpreted(document, stones)
    assert executed(operation, [stone(row(**values), None)]) == interpreted(document, [stone(row(**values), None)])


def test_a_column_that_a_row_does_not_have_is_missed_aloud() -> None:
    part = row_class(("id", "name"))
    stones = Stones([make_row(part, USUAL)], None)
    data, errors = executed(compiled("{ heap { id weight } }"), stones)

    assert data is None
    assert errors == [("'Row' object has no attribute 'weight'", ["heap", 0, "weight"])]


def test_rows_of_more_classes_than_are_known_are_read_one_by_one() -> None:
    operation = compiled("{ heap { id weight } }")
    names = list(COLUMNS)
    for number in range(CLASSES_MAX + 3):
        turned = row_class(names[number % len(names) :] + names[: number % len(names)])
        stones = Watched([make_row(turned, USUAL)] * 2, None)
        assert executed(operation, stones) == ({"heap": [{"id": "a!", "weight": 7}] * 2}, [])
        assert bool(stones.looked) is (number >= CLASSES_MAX)
