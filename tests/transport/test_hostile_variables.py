"""Variables that are large, deep or odd: the caller's mistake at worst, and never much work."""

import json
from typing import Any

import httpx
import pytest

QUERIES = {
    "values": "query ($values: [Int!]!) { sum(values: $values) }",
    "tree": "query ($tree: Tree!) { nested(tree: $tree) }",
    "name": "query ($name: String!) { hello(name: $name) }",
}


def deep(levels: int) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for _ in range(levels):
        tree = {"child": tree}
    return tree


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [
        ("values", [1] * 9_000, 200, None),
        ("values", [1] * 300_000, 400, "LIMIT_EXCEEDED"),
        ("values", ["x"] * 9_000, 400, "BAD_USER_INPUT"),
        ("values", [2**53, 2**63, 2**64, 10**30], 400, "BAD_USER_INPUT"),
        ("tree", deep(5), 200, None),
        ("tree", deep(250), 400, "BAD_USER_INPUT"),
        ("tree", {"unknown": 1}, 400, "BAD_USER_INPUT"),
        ("name", "x" * 1_000_000, 200, None),
        ("name", "\N{GRINNING FACE}\u202e\ufeff", 200, None),
        ("name", ["x"] * 9_000, 400, "BAD_USER_INPUT"),
    ],
)
async def test_variables_are_coerced_or_refused(
    http: httpx.AsyncClient, name: str, value: object, status: int, code: str | None
) -> None:
    response = await http.post(
        "",
        content=json.dumps({"query": QUERIES[name], "variables": {name: value}}).encode(),
        headers={"accept": "application/graphql-response+json", "content-type": "application/json"},
    )

    assert response.status_code == status
    assert {error["extensions"]["code"] for error in response.json().get("errors", ())} == ({code} if code else set())
    assert len(response.json().get("errors", ())) <= 11
    assert all(len(error["message"]) <= 1_000 for error in response.json().get("errors", ()))


async def test_an_odd_value_that_a_resolver_returns_does_not_cost_the_answer(http: httpx.AsyncClient) -> None:
    response = await http.post("", json={"query": "query ($w: Weight!) { weight(weight: $w) }",
                                         "variables": {"w": {"grams": f"{10**30}g"}}})  # fmt: skip

    assert response.json() == {"data": {"weight": f"{10**30}g"}}
