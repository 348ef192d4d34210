"""Rules of the house that no linter knows."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tortoise.context import TortoiseContext
from tortoise.migrations.autodetector import MigrationAutodetector

from api.models.database import configuration

MODULES = sorted(path for path in Path("api").rglob("*.py") if "migrations" not in path.parts)
LINES_MAX = 350
#: Longer than that, each for a reason.
LONG = {
    "api/batching.py": "one primitive: what waits, whose turn it is, and who is told",
    "api/schema/errors.py": "one type for each refusal, and one table",
    "api/execution/runtime.py": "what compiled operations call, all of one hot path",
}
#: Words of the ORM. Questions have names, and they stand in the models; only rules write.
ORM_WORDS = {
    "all", "annotate", "bulk_create", "bulk_update", "count", "create", "delete", "exclude", "exists", "fetch_related",
    "filter", "first", "get", "get_or_create", "get_or_none", "in_bulk", "limit", "offset", "only", "order_by",
    "prefetch_related", "raw", "refresh_from_db", "save", "select_for_update", "select_related", "update",
    "update_or_create", "using_db", "values", "values_list",
}  # fmt: skip
VAGUE = re.compile(r"(^|_)(utils?|helpers?|commons?|base|managers?|services?|misc|stuff)(_|$)")


def test_the_schema_and_the_resolvers_ask_the_models_by_name_and_never_in_the_words_of_the_orm() -> None:
    outer = [path for path in MODULES if path.parts[1] in {"schema", "resolvers"}]
    assert len(outer) > 20
    found = [
        f"{path}:{line}: {word}"
        for path in outer
        for line, word in orm_words(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert found == []


def orm_words(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield ORM words that are asked of a model: of a name from `api.models`, of `models.X`, or of a row of one."""
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("api.models")
        for alias in node.names
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in ORM_WORDS and is_model(node.value, names):
            yield node.lineno, ast.unparse(node)


def is_model(node: ast.expr, names: set[str]) -> bool:
    """Whether an expression is a model, a chain that began with one, or a row."""
    if isinstance(node, ast.Call):
        return is_model(node.func, names)
    if isinstance(node, ast.Attribute):
        is_qualified = isinstance(node.value, ast.Name) and node.value.id == "models" and node.attr[0].isupper()
        return is_qualified or node.attr == "row" or (node.attr in ORM_WORDS and is_model(node.value, names))
    return isinstance(node, ast.Name) and (node.id in names or node.id == "row") and node.id != "models"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("from api import models\nmodels.User.filter(id=1)", ["models.User.filter"]),
        ("from api.models import User\nUser.all().order_by('id')", ["User.all().order_by", "User.all"]),
        ("from api.models import User as Person\nPerson.get_or_none(id=1)", ["Person.get_or_none"]),
        ("from api import models\nmodels.User.by_ids([1])", []),
        ("from api.models import User\nUser.by_ids([1]).get(1)", []),
        ("row.save()", ["row.save"]),
        ("self.row.delete()", ["self.row.delete"]),
        ("sums.get(1)\nnames.update({})", []),
    ],
)
def test_the_search_for_words_of_the_orm_finds_them(source: str, words: list[str]) -> None:
    assert [word for _, word in orm_words(ast.parse(source))] == words


def test_a_module_is_named_for_what_is_in_it() -> None:
    assert [str(path) for path in MODULES if any(VAGUE.search(part.removesuffix(".py")) for part in path.parts)] == []


def test_every_module_says_what_is_here_and_why() -> None:
    for path in MODULES:
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert re.search(r"[.:]$", text, re.MULTILINE), path


def test_a_file_has_one_reason_to_exist_and_is_not_long() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    too_long = {path for path, lines in lengths.items() if lines > LINES_MAX}
    assert too_long <= set(LONG), lengths
    assert {path for path in LONG if not Path(path).exists()} == set()


def test_the_tests_are_a_mirror_of_the_service() -> None:
    packages = {path.parts[1] for path in MODULES if len(path.parts) > 2}
    folders = {path.parent.name for path in Path("tests").glob("*/__init__.py")}
    # What is tested from the outside, across all of the service, has folders of its own.
    assert folders - packages <= {"contract", "faults"}


async def test_the_migrations_make_the_tables_that_the_models_describe() -> None:
    configuration_here = configuration("sqlite://:memory:")
    async with TortoiseContext() as context:
        await context.init(config=configuration_here)
        assert context.apps is not None
        changes = await MigrationAutodetector(context.apps, configuration_here["apps"]).changes()
    assert [writer.name for writer in changes] == []
