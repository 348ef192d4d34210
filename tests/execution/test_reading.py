"""What a class says of its own fields is used for its own objects, and nothing else is taken for granted."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import strawberry
from graphql import FieldNode, FragmentDefinitionNode, OperationDefinitionNode, parse

from api.execution.compiler import Compiled
from api.execution.reading import selected_below


class Upper:
    """Reads a name from a row, in capitals."""

    path = "row.name"
    make = staticmethod(str.upper)

    def __get__(self, shown: Any, kind: type | None = None) -> Any:
        return self if shown is None else shown.row.name.upper()


class Row:
    def __init__(self, name: str) -> None:
        self.name = name


@strawberry.type
class Tree:
    row: strawberry.Private[Row]
    reads: strawberry.Private[Iterator[int]]
    completed: strawberry.Private[dict[Any, Any] | None] = None
    name: str
    fails: bool | None = None

    @strawberry.field(metadata={"of_object_alone": True})  # type: ignore[untyped-decorator]
    def read(self) -> int:
        if self.fails:
            raise ValueError("no")
        return next(self.reads)

    @strawberry.field
    def caller(self, info: strawberry.Info[Any, Any]) -> str:
        return str(info.context)


Tree.name = Upper()  # type: ignore[assignment]


class Stone:
    """Something else that has a name."""

    name = "stone"


@strawberry.type
class Query:
    @strawberry.field
    def tree(self, info: strawberry.Info[Any, Any]) -> Tree | None:
        found: Tree | None = info.root_value
        return found


SCHEMA = strawberry.Schema(Query)._schema


def tree(**others: Any) -> Tree:
    made = object.__new__(Tree)
    made.row, made.reads, made.completed = Row("oak"), count(1), {}
    for name, value in others.items():
        setattr(made, name, value)
    return made


def executed(document: str, root: Any, times: int = 2) -> list[Any]:
    """Execute a query some times, each for another caller."""
    ast = parse(document)
    operation = ast.definitions[0]
    assert isinstance(operation, OperationDefinitionNode)
    compiled = Compiled(SCHEMA, ast, operation, {})
    answers = []
    for caller in range(times):
        execution, data = compiled.begin(caller, root, {}, {})
        answers.append((data, [error.message for error in execution.errors]))
    return answers


def test_a_field_is_read_by_the_path_that_its_class_tells() -> None:
    assert executed("{ tree { name } }", tree(), 1) == [({"tree": {"name": "OAK"}}, [])]


def test_an_object_of_another_class_is_read_by_its_attributes() -> None:
    assert executed("{ tree { name } }", Stone()) == [({"tree": {"name": "stone"}}, [])] * 2


def test_what_is_completed_of_a_shared_object_is_completed_once() -> None:
    assert executed("{ tree { read name } }", tree()) == [({"tree": {"read": 1, "name": "OAK"}}, [])] * 2


def test_what_is_completed_of_an_object_that_is_not_shared_is_completed_anew() -> None:
    read = [answer["tree"]["read"] for answer, _ in executed("{ tree { read } }", tree(completed=None))]
    assert read == [1, 2]


def test_each_selection_of_a_shared_object_is_completed_by_itself() -> None:
    root = tree()
    assert executed("{ tree { read } }", root)[0][0] == {"tree": {"read": 1}}
    assert executed("{ tree { again: read } }", root)[0][0] == {"tree": {"again": 2}}


def test_what_hangs_on_the_caller_is_not_shared() -> None:
    answers = [answer for answer, _ in executed("{ tree { read caller } }", tree())]
    assert answers == [{"tree": {"read": 1, "caller": "0"}}, {"tree": {"read": 2, "caller": "1"}}]


def test_a_failure_is_not_shared() -> None:
    root = tree(fails=True)
    failed = executed("{ tree { read } }", root)
    assert [errors for _, errors in failed] == [["no"], ["no"]]
    root.fails = False
    assert executed("{ tree { read } }", root) == [({"tree": {"read": 1}}, [])] * 2


def test_what_is_selected_below_is_found_through_fragments_and_aliases_by_its_whole_path() -> None:
    ast = parse("""{ a { ...F ... on T { b { d } } } }
        fragment F on T { x: b { ...G } ...F2 } fragment G on T { c } fragment F2 on T { e }""")
    operation, *rest = ast.definitions
    fragments = {one.name.value: one for one in rest if isinstance(one, FragmentDefinitionNode)}
    assert isinstance(operation, OperationDefinitionNode)
    nodes = [one for one in operation.selection_set.selections if isinstance(one, FieldNode)]

    def names(path: str) -> list[str]:
        return sorted(selected_below(nodes, tuple(path.split()), fragments))

    assert [names(path) for path in ("", "b", "b d", "e", "x")] == [["b", "e"], ["c", "d"], [], [], []]
