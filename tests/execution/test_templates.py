"""Objects with variables in them come to what graphql-core makes of them, also where it refuses them."""

from typing import Any

import pytest
from graphql import FieldNode, OperationDefinitionNode, parse

from api.execution import inputs
from api.execution.inputs import arguments_of
from tests.execution.reference.answers import answer, schema_of

SCHEMA = schema_of(
    """
    input Where { text: String! limit: Int = 3 tags: [String!] inner: Where other: Int }
    input By @oneOf { id: ID name: String where: Where }
    type Query {
      where(where: Where, and: Where! = {text: "and"}): String
      by(by: By!, number: Int = 5): String
    }
    """,
    {f"Query.{name}": lambda _, __, **given: repr(sorted(given.items())) for name in ("where", "by")},
)
VARIABLES = {"$t": "String!", "$i": "ID", "$n": "Int", "$l": "[String!]", "$w": "Where", "$m": "Int = 7"}
GIVEN: list[dict[str, Any]] = [
    {"t": "a"},
    {"t": "a", "i": "b", "n": 1, "l": ["x"], "w": {"text": "w"}, "m": 2},
    {"t": "a", "i": None, "n": None, "l": None, "w": None, "m": None},
    {"t": "a", "i": "", "n": 0, "l": [], "w": {"text": "w", "inner": {"text": "v"}}},
]


@pytest.mark.parametrize("given", GIVEN, ids=str)
@pytest.mark.parametrize(
    "selection",
    [
        "where(where: {text: $t})",
        "where(where: {text: $t, limit: $n})",
        "where(where: {text: $t, limit: $m, other: 4})",
        "where(where: {other: $n, limit: 2, text: $t}, and: {text: $t, inner: {text: $t, other: $n}})",
        "where(where: {text: $t, tags: $l})",
        "where(where: {text: $t, tags: [$t]})",
        'where(where: {text: $t, tags: ["a"]})',
        "where(where: {text: $t, inner: $w})",
        "where(where: $w, and: {text: $t})",
        "by(by: {id: $i})",
        "by(by: {name: $t}, number: $n)",
        "by(by: {where: {text: $t, other: $n}})",
    ],
)
async def test_an_object_with_variables_is_what_graphql_core_makes_of_it(selection: str, given: dict[str, Any]) -> None:
    used = ", ".join(f"{name}: {kind}" for name, kind in VARIABLES.items() if name in selection)
    await answer(SCHEMA, f"query ({used}) {{ {selection} }}", given)


def test_what_is_usual_is_not_asked_of_graphql_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert SCHEMA.query_type is not None
    (operation,) = parse("query ($id: ID!) { by(by: {id: $id}) }").definitions
    assert isinstance(operation, OperationDefinitionNode)
    (node,) = operation.selection_set.selections
    assert isinstance(node, FieldNode)
    find = arguments_of(SCHEMA.query_type.fields["by"], node)
    asked: list[object] = []
    monkeypatch.setattr(inputs, "get_argument_values", lambda *given: asked.append(given))

    values = [find({"id": one}, lambda: pytest.fail("nobody asks")) for one in ("a", "b")]

    assert values == [{"by": {"id": "a"}, "number": 5}, {"by": {"id": "b"}, "number": 5}]
    assert values[0]["by"] is not values[1]["by"]
    assert asked == []
