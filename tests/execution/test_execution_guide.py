"""The guide to the compiled executor shows what is really generated."""

import re
from pathlib import Path
from typing import Any

from graphql import OperationDefinitionNode, parse

from api.execution.compiler import Compiled
from api.models.transfer import DONATION
from api.resolvers import make_schema

GUIDE = Path("docs/execution.md").read_text(encoding="utf-8")


def test_the_functions_in_the_guide_are_those_that_are_generated() -> None:
    document = parse(_examples("graphql")[0])
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    written: list[str] = []
    compiled = Compiled(make_schema()._schema, document, operation, {}, written.append)
    row: Any = DONATION.only(frozenset({"id", "amount_g", "project_id"})).sqlite(("id", 3, "project"))
    tables = [one for one in compiled._compilation._by_rows.values() if one.rest is not None]
    (read,) = [compiled._compilation._names[one.read] for one in tables]

    assert read([row]) == [{"amount": 3, "project": None}]
    examples = _examples("python")
    assert len(examples) == 2
    assert [one for one in examples if one not in written] == []


def _examples(language: str) -> list[str]:
    return [one.rstrip() for one in re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)]
