"""Documents made to keep a parser, a limiter or a validator busy: none gets far.

The promise is 50 ms, and 5 ms for the chained fragments. A clock would measure who else uses the machine, so work is
counted in function calls, ours, the libraries' and the interpreter's: one takes 0.1 to 0.25 µs (without the counting),
and the documents below 50 ms at most.
"""

import sys
import time
from collections.abc import Iterator
from types import FrameType

import pytest
from graphql import GraphQLSchema

from api.execution.documents import Document, Documents

CALLS_MAX = 300_000
CALLS_OF_A_CHAIN_MAX = 20_000
CPU_MAX_S = 1.0


def chain(length: int) -> str:
    links = " ".join(f"fragment F{n} on Node {{ ...F{n + 1} ...F{n + 1} }}" for n in range(length))
    return f"{{ node {{ ...F0 }} }} {links} fragment F{length} on Node {{ name }}"


def each(count: int, template: str) -> str:
    return " ".join(template.replace("#", str(n)) for n in range(count))


def circle(count: int, spreads: int) -> Iterator[str]:
    for n in range(count):
        targets = " ".join(f"...A{(n + 3 * step + 1) % count}" for step in range(spreads))
        yield f"fragment A{n} on Node {{ {targets} }}"


HOSTILE = {
    "fragments chained 14 deep": chain(14),
    "fragments chained 99 deep": chain(99),
    "fragments chained through fields": "{ node { ...F0 } } "
    + " ".join(f"fragment F{n} on Node {{ a: node {{ ...F{n + 1} }} b: node {{ ...F{n + 1} }} }}" for n in range(14))
    + " fragment F14 on Node { name }",
    "fields 50 deep": "{ " + "node { " * 50 + "name" + " }" * 51,
    "fields 1,000 deep": "{ " + "node { " * 1_000 + "name" + " }" * 1_001,
    "inline fragments 190 deep": "{ node " + "{ ... on Node " * 190 + "{ name }" + " }" * 191,
    "lists 190 deep": "{ node { node(numbers: " + "[" * 190 + "]" * 190 + ") { name } } }",
    "1,000 aliases": "{ node { " + each(1_000, "a#: name") + " } }",
    "100 root fields": "{ " + each(100, "a#: node { name }") + " }",
    "10,000 directives": "{ node { name " + "@skip(if: true) " * 10_000 + "} }",
    "300 directives": "{ node { name " + "@skip(if: true) " * 300 + "} }",
    "the same field 900 times": "{ node { " + "name " * 900 + "} }",
    "the same object 300 times": "{ node { " + "node { name } " * 300 + "} }",
    "the same objects within each other": "{ node { " + "node { node { node { name } } } " * 150 + "} }",
    "the same field with 200 arguments": "{ node { " + each(200, "node(number: #) { name }") + " } }",
    "900 unknown fields": "{ node { " + each(900, "nam#") + " } }",
    "40 long unknown fields": "{ node { " + each(40, "n" * 1_000 + "#") + " } }",
    "a name of 49,000 letters": "{ node { " + "n" * 49_000 + " } }",
    "480 variables": "query (" + each(480, "$v#: Int") + ") { node { name } }",
    "480 variables of unknown types": "query (" + each(480, "$v#: Nod#") + ") { node { name } }",
    "90 undefined variables": "{ node { " + each(90, "a#: node(number: $v#) { name }") + " } }",
    "10 operations with 99 fragments": each(10, "query Q# { node { ...F0 } }")
    + " ".join(f" fragment F{n} on Node {{ ...F{n + 1} name }}" for n in range(98))
    + " fragment F98 on Node { name }",
    "300 operations": each(300, "query Q# { node { name } }"),
    "99 fragments nobody spreads": "{ node { name } } " + each(99, "fragment F# on Node { name }"),
    "99 fragments of one name": "{ node { name } } " + "fragment F on Node { name } " * 99,
    "99 fragments with the same fields": "{ node { "
    + each(99, "...F#")
    + " } } "
    + each(99, "fragment F# on Node { name }"),
    "28 fragments that all spread each other": "{ node { ...A0 } } " + " ".join(circle(28, 28)),
    "99 fragments in circles": "{ node { ...A0 } } " + " ".join(circle(99, 3)),
    "a list of 1,900 numbers": "{ node { node(numbers: [" + "1 " * 1_900 + "]) { name } } }",
    "a number of 49,000 digits": "{ node { node(number: " + "9" * 49_000 + ") { name } } }",
    "a number of 4,000 digits": "{ node { node(number: " + "9" * 4_000 + ") { name } } }",
    "a string of 8,000 escapes": '{ node(text: "' + "\\u0041" * 8_000 + '") { name } }',
    "a block string of 24,000 lines": '{ node(text: """' + "\n " * 24_000 + '""") { name } }',
    "a string of a megabyte": '{ node(text: "' + "x" * 2**20 + '") { name } }',
    "1,900 comments": "#\n" * 1_900 + "{ node { name } }",
    "20,000 comments": "#\n" * 20_000 + "{ node { name } }",
    "49,000 spaces": " " * 49_000 + "{ node { name } }",
    "250 type definitions": each(250, "type A# { a: Int }"),
    "introspection of introspection": "{ __schema { types { fields { type { fields { type { name } } } } } } }",
}


def counted(documents: Documents, text: str) -> tuple[Document, int]:
    """Look at a text, and return how many functions were called for it."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        document = documents.get(text)
    finally:
        sys.setprofile(before)
    return document, calls


@pytest.fixture(scope="module")
def warm(schema: GraphQLSchema) -> GraphQLSchema:
    """The schema, with all that it works out once."""
    Documents(schema).get("{ node { node(number: 1) { name } } }")
    return schema


@pytest.mark.parametrize("name", HOSTILE)
def test_no_document_keeps_the_engine_busy(warm: GraphQLSchema, name: str) -> None:
    _, calls = counted(Documents(warm), HOSTILE[name])

    assert calls <= CALLS_MAX


def test_fragments_chained_14_deep_are_refused_with_the_work_of_their_text(warm: GraphQLSchema) -> None:
    refused, calls = counted(Documents(warm), HOSTILE["fragments chained 14 deep"])

    assert refused.errors
    assert calls <= CALLS_OF_A_CHAIN_MAX


@pytest.mark.parametrize("name", HOSTILE)
def test_a_document_that_was_looked_at_is_only_looked_up(warm: GraphQLSchema, name: str) -> None:
    documents = Documents(warm)
    documents.get(HOSTILE[name])

    _, calls = counted(documents, HOSTILE[name])

    assert calls <= 30


@pytest.mark.parametrize(
    "piece", [" ", "\n", ",", "#\n", "a", "9", "-", ".", "(", "{", "\\", '"', '"""', "\\u", "\ufeff"]
)
def test_no_run_of_one_sign_keeps_a_pattern_busy(warm: GraphQLSchema, piece: str) -> None:
    # Inside a pattern no call can be counted. Its own CPU time is some 10 ms; going back and forth would take minutes.
    text = piece * (49_000 // len(piece))
    for hostile in (text, "{ node { name } } " + text, f'{{ node(text: "{text}") {{ name }} }}'):
        begin = time.thread_time()
        Documents(warm).get(hostile)

        assert time.thread_time() - begin < CPU_MAX_S


@pytest.mark.parametrize("name", [name for name in HOSTILE if "chained" in name or "deep" in name])
def test_no_document_multiplies_itself(schema: GraphQLSchema, name: str) -> None:
    accepted = {"inline fragments 190 deep"}  # deep in the text, not in what is executed

    codes = [(error.extensions or {})["code"] for error in Documents(schema).get(HOSTILE[name]).errors]

    expected = "GRAPHQL_VALIDATION_FAILED" if name == "lists 190 deep" else "LIMIT_EXCEEDED"
    assert codes == ([] if name in accepted else [expected])
