"""No text of a client becomes Python: generated source is the same, whatever a client calls things, up to the keys.

GraphQL lets names be letters, digits and `_` only, and the parser sees to it. Here documents are also made by hand,
with names that no parser lets through, to see that the compiler does not rely on it.
"""

import ast
import builtins
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from graphql import (
    DocumentNode,
    NameNode,
    Node,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    visit,
)

from api.execution.compiler import Compiled
from api.execution.documents import Document
from api.execution.executables import Executable
from tests.execution.reference.answers import schema_of

SDL = """
enum Mood { None import __debug__ lambda }
input Where { text: String = "'); breach(); ('" mood: Mood = import and: Where }
interface Being { name: String! }
type Person implements Being {
  name: String! self: Person class: [[Person!]]! mood: Mood
  echo(text: String = "\\"\\"\\"\\nbreach()", where: Where): String
}
type None { d: Int s: Int x: Int p: Int q: Int v: Int e: Int settle: Int }
type Query { person: Person! being: Being beings: [Being!] None: None __: Int _: Int }
type Mutation { person: Person }
"""
SCHEMA = schema_of(SDL, {"Being.type": lambda *_: "Person"})
PERSON: dict[str, Any] = {"name": "n", "mood": "import", "echo": lambda _, **given: repr(given)}
PERSON |= {"self": PERSON, "class": ()}
ROOT = {"person": PERSON, "being": PERSON, "beings": [PERSON], "None": {}}

TEMPLATE = """
query KEY1($KEY2: String = "TEXT1", $c: Boolean = true) {
  KEY3: person { KEY4: name KEY5: mood KEY6: self { KEY7: __typename ...KEY8 } KEY9: class { KEY10: name } }
  KEY11: being { KEY12: name ... on Person { KEY13: echo(text: "TEXT2", where: {text: $KEY2, mood: import}) } }
  KEY14: beings @include(if: $c) { KEY15: name KEY16: __typename }
  KEY17: None { KEY18: d KEY19: s KEY20: settle }
}
fragment KEY8 on Person { KEY21: echo(text: $KEY2) KEY22: self { KEY23: mood } }
"""
KEYS_MAX = 23

# What a parser lets through as a name.
NAMES = (
    "__import__", "import", "None", "True", "d", "s", "x", "p", "q", "v", "e", "o0", "i0", "u0", "r0", "F7", "K8",
    "settle", "breach", "exec", "select_Person_0", "__builtins__", "__class__", "lambda", "def", "return", "_",
)  # fmt: skip
# What it does not.
HOSTILE = (
    "'] = breach()\nd['", '"] = breach()\nd["', "'''", '"""',
    "\\", "\\'", "'\\", "\n", "\r", "\t", "\0", "\x0c", "\x85",
    "\u2028breach()", "\u2029", "\ud800", "{breach()}", "{0}", "{v!r}", "%s", "%(x)s", "#", "'; breach(); '",
    "__import__('os').abort()", "' + __import__('os').abort() + '", "a\n    breach()\n", "\N{FULLWIDTH APOSTROPHE}",
    "\N{RIGHT-TO-LEFT OVERRIDE}", "", " ", ")", "f'{breach()}'", "\x1b[31m", "\\N{APOSTROPHE}", "\\x27", "\\u0027",
)  # fmt: skip


@pytest.fixture
def breaches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was executed of the texts that call `breach`: nothing, it is hoped."""
    found: list[str] = []
    monkeypatch.setattr(builtins, "breach", lambda *_: found.append("breach"), raising=False)
    return found


@pytest.mark.parametrize("name", NAMES)
async def test_names_that_mean_something_in_python_mean_nothing_as_keys(name: str, breaches: list[str]) -> None:
    names = {f"KEY{number}": f"{name}{number}" for number in range(1, KEYS_MAX + 1)} | {"KEY3": name}
    text = re.sub(r"KEY\d+", lambda found: names[found[0]], TEMPLATE)

    await _assert_only_keys_differ(parse(text), lambda key: names[key], breaches)


@pytest.mark.parametrize("text", HOSTILE)
async def test_names_that_no_parser_lets_through_do_not_leave_their_literals(text: str, breaches: list[str]) -> None:
    def rename(key: str) -> str:
        return f"{text}{key}{text}" if key != "KEY3" else text

    await _assert_only_keys_differ(_renamed(parse(TEMPLATE), rename), rename, breaches)


@pytest.mark.parametrize("text", HOSTILE)
def test_strings_of_a_document_are_not_in_its_source(text: str, breaches: list[str]) -> None:
    hostile, data = _executed(visit(parse(TEMPLATE), _Strings(text)))
    plain, plain_data = _executed(parse(TEMPLATE))

    assert hostile.source == plain.source
    assert list(_all_keys(data)) == list(_all_keys(plain_data))
    assert breaches == []


def test_every_name_in_the_source_is_the_compilers_or_the_schemas() -> None:
    compiled = _executed(parse(TEMPLATE))[0]

    names = {name for function in ast.parse(compiled.source).body for name in _names(function)}
    ours = re.compile(r"[A-Z]\d+|[a-z]\d*|(step|select)_[A-Z]\w*_\d+")
    of_python = {"Exception", "None", "False", "True", "bool", "enumerate", "float", "int", "len", "list", "str"}
    attributes = {"place", "place_in", "fail", "fail_in"}
    assert {name for name in names if not ours.fullmatch(name)} <= of_python | attributes | {"tuple", "type", "settle"}


async def _assert_only_keys_differ(tree: DocumentNode, rename: Callable[[str], str], breaches: list[str]) -> None:
    plain, plain_data = _executed(parse(TEMPLATE))
    hostile, data = _executed(tree)
    shape, keys = _shape(plain.source)
    assert keys >= {f"KEY{number}" for number in (3, 4, 10, 15, 20, 21, 23)}
    hostile_shape, hostile_keys = _shape(hostile.source)

    assert hostile_shape == shape
    assert hostile_keys == {rename(key) if key.startswith("KEY") else key for key in keys}
    assert list(_all_keys(data)) == [rename(key) for key in _all_keys(plain_data)]
    assert breaches == []


def _shape(source: str) -> tuple[list[str], set[str]]:
    """Return the source without its strings, and its strings."""
    strings: set[str] = set()
    functions = ast.parse(source)
    for node in ast.walk(functions):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            strings.add(node.value)
            node.value = "a string"
    return [ast.dump(function) for function in functions.body], strings


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        for field in ("id", "attr", "name", "arg"):
            value = getattr(node, field, None)
            if isinstance(value, str):
                yield value


def _executed(tree: DocumentNode) -> tuple[Compiled, dict[str, Any]]:
    """Execute an operation, so that also types that are met at run time are compiled."""
    executable = _executable(tree)
    variables = executable.variables.coerce({})
    assert isinstance(variables, dict)
    compiled = executable.compiled(variables)
    assert compiled is not None
    execution, data = compiled.begin(None, ROOT, variables, {})
    assert not execution.is_waiting
    assert execution.errors == []
    return compiled, data


def _executable(tree: DocumentNode) -> Executable:
    return Executable(SCHEMA, Document("", tree, []), _operation(tree))


def _operation(tree: DocumentNode) -> OperationDefinitionNode:
    node = tree.definitions[0]
    assert isinstance(node, OperationDefinitionNode)
    return node


def _all_keys(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from _all_keys(value)
    elif isinstance(data, list):
        for one in data:
            yield from _all_keys(one)


class _Strings(Visitor):
    """Puts a text for each string of a document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def enter_string_value(self, *_: object) -> Node:
        return StringValueNode(value=self._text, block=False)


def _renamed(tree: DocumentNode, rename: Callable[[str], str]) -> DocumentNode:
    class Renaming(Visitor):
        def enter_name(self, node: NameNode, *_: object) -> Node | None:
            return NameNode(value=rename(node.value)) if node.value.startswith("KEY") else None

    renamed = visit(tree, Renaming())
    assert isinstance(renamed, DocumentNode)
    return renamed
