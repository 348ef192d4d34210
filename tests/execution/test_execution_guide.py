"""The guide to the compiled executor shows what is really generated."""

import re
from pathlib import Path

from graphql import OperationDefinitionNode, parse

from api.execution.compiler import Compiled
from api.resolvers import make_schema

GUIDE = Path("docs/execution.md").read_text(encoding="utf-8")


def test_the_function_in_the_guide_is_the_one_that_is_generated() -> None:
    document = parse(_example("graphql"))
    operation = document.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    compiled = Compiled(make_schema()._schema, document, operation, {})

    assert _example("python") in compiled.source


def _example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    assert found is not None
    return found[1].rstrip()
