"""What the contract promises: it breaks nobody without notice, and it is written as Relay's clients expect.

`schema.released.graphql` is the contract as it was released last. A breaking change of it stops here, unless it was
announced: what is taken away carried `@sunset` in that release, and its `removal` has come.
"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from graphql import DirectiveNode, Node, StringValueNode, parse

from tests.contract.node import needs_node, run

RELEASED = Path("schema.released.graphql").absolute()
CURRENT = Path("schema.graphql").absolute()


def announced(released: Path, today: date) -> set[str]:
    """Return what may be taken away today, as `Type.field` or `Type.field.argument`."""

    def walk(parent: str, nodes: Any) -> Iterator[str]:
        for node in nodes or ():
            name = f"{parent}.{node.name.value}" if parent else node.name.value
            if any(removal(one) <= today for one in node.directives or () if one.name.value == "sunset"):
                yield name
            for inner in ("fields", "values", "arguments"):
                yield from walk(name, getattr(node, inner, ()))

    return set(walk("", parse(released.read_text(encoding="utf-8")).definitions))


def removal(directive: DirectiveNode) -> date:
    values: dict[str, Node] = {one.name.value: one.value for one in directive.arguments or ()}
    text = values["removal"]
    assert isinstance(text, StringValueNode)
    return date.fromisoformat(text.value)


async def broken(released: Path, current: Path, today: date) -> list[str]:
    """Return every breaking change that was not announced."""
    changes = json.loads(await run("node", "compare.mjs", released, current))
    allowed = announced(released, today)
    return [
        f"{change['type']} {change['path']}"
        for change in changes
        # A type can only go when nothing names it any more, and each place that did is a change of its own.
        if change["level"] == "BREAKING" and change["type"] != "TYPE_REMOVED" and change.get("path") not in allowed
    ]


@needs_node
async def test_nothing_that_was_released_is_broken_without_notice() -> None:
    assert await broken(RELEASED, CURRENT, datetime.now(UTC).date()) == []


SUNSET = "directive @sunset(since: String!, removal: String!, replacement: String) on FIELD_DEFINITION | ENUM_VALUE\n"
BEFORE, ON_THE_DAY = date(2026, 6, 30), date(2026, 7, 1)
LEAVING = '@deprecated(reason: "Use new.") @sunset(since: "2026-01-01", removal: "2026-07-01", replacement: "new")'


@needs_node
@pytest.mark.parametrize(
    ("released", "current", "today", "complaints"),
    [
        ("type Query { a: Int new: Int }", "type Query { new: Int }", ON_THE_DAY, ["FIELD_REMOVED Query.a"]),
        (f"type Query {{ a: Int {LEAVING} new: Int }}", "type Query { new: Int }", BEFORE, ["FIELD_REMOVED Query.a"]),
        (f"type Query {{ a: Int {LEAVING} new: Int }}", "type Query { new: Int }", ON_THE_DAY, []),
        ("type Query { a: Int }", "type Query { a: Int b(c: Int): Int }", ON_THE_DAY, []),
        ("type Query { a: Int! }", "type Query { a: Int }", ON_THE_DAY, ["FIELD_TYPE_CHANGED Query.a"]),
        (
            "type Query { a(b: Int): Int }",
            "type Query { a(b: Int!): Int }",
            ON_THE_DAY,
            ["FIELD_ARGUMENT_TYPE_CHANGED Query.a.b"],
        ),
        (f"type Query {{ a: E }} enum E {{ X Y {LEAVING} }}", "type Query { a: E } enum E { X }", ON_THE_DAY, []),
        (
            "type Query { a: E } enum E { X Y }",
            "type Query { a: E } enum E { X }",
            ON_THE_DAY,
            ["ENUM_VALUE_REMOVED E.Y"],
        ),
    ],
)
async def test_a_breaking_change_is_seen_until_its_announced_day(
    tmp_path: Path, released: str, current: str, today: date, complaints: list[str]
) -> None:
    (tmp_path / "released.graphql").write_text(SUNSET + released)
    (tmp_path / "current.graphql").write_text(SUNSET + current)

    assert await broken(tmp_path / "released.graphql", tmp_path / "current.graphql", today) == complaints


@needs_node
async def test_the_schema_is_written_by_the_rules_of_relay_and_of_naming() -> None:
    assert json.loads(await run("node", "lint.mjs", CURRENT)) == []


@needs_node
async def test_the_rules_of_relay_and_of_naming_are_at_work(tmp_path: Path) -> None:
    path = tmp_path / "schema.graphql"
    path.write_text("type Query { get_users(first: Int): UserConnection }\ntype UserConnection { nodes: [Int] }\n")

    found = {one["rule"].removeprefix("@graphql-eslint/") for one in json.loads(await run("node", "lint.mjs", path))}

    assert {"naming-convention", "relay-arguments", "relay-connection-types"} <= found
