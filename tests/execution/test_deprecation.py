"""Deprecated parts of a schema: found once in a document, told to a hook, and said in the headers of the answer."""

from collections.abc import Mapping

import httpx
import pytest
from graphql import DocumentNode, build_schema, parse

from api.execution import documents
from api.execution.deprecation import deprecated_uses, deprecates
from api.execution.engine import Engine
from api.execution.requests import GraphQLRequest
from api.transport.http import GraphQLHTTP

SCHEMA = build_schema("""
type Query {
  new(old: Int @deprecated(reason: "x"), kind: Kind, filter: Filter): Int
  old: Int @deprecated(reason: "x")
  thing: Thing
}
interface Named { name: String @deprecated(reason: "x") }
type Thing implements Named { name: String, old: Int @deprecated(reason: "x") }
type Subscription { old: Int @deprecated(reason: "x") }
enum Kind { NEW OLD @deprecated(reason: "x") }
input Filter { old: Int @deprecated(reason: "x"), new: Int }
""")
PLAIN = build_schema("type Query { new: Int }")


@pytest.mark.parametrize(
    ("text", "uses"),
    [
        ("{ new }", ()),
        ("{ old }", ("Query.old",)),
        ("{ a: old b: old new }", ("Query.old",)),
        ("{ new(old: 1) }", ("Query.new(old:)",)),
        ("{ new(kind: OLD) }", ("Kind.OLD",)),
        ("{ new(kind: NEW, filter: {new: 1}) }", ()),
        ("{ new(filter: {old: 1}) }", ("Filter.old",)),
        ("{ thing { ...F } } fragment F on Thing { old }", ("Thing.old",)),
        ("{ thing { ... on Named { name } } }", ("Named.name",)),
        ("{ thing { name } }", ()),
        ("{ old thing { old } }", ("Query.old", "Thing.old")),
        ("query ($kind: Kind) { new(kind: $kind) @skip(if: false) }", ()),
    ],
)
def test_what_is_deprecated_is_found_wherever_a_document_writes_it(text: str, uses: tuple[str, ...]) -> None:
    assert deprecated_uses(SCHEMA, parse(text)) == uses


def test_a_schema_without_anything_deprecated_is_not_searched() -> None:
    assert deprecates(SCHEMA)
    assert not deprecates(PLAIN)


def test_a_document_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[DocumentNode] = []

    def search(_: object, ast: DocumentNode) -> tuple[str, ...]:
        searched.append(ast)
        return ("Query.old",)

    monkeypatch.setattr(documents, "deprecated_uses", search)
    kept = documents.Documents(SCHEMA)

    found = [kept.get("{ old }") for _ in range(3)]

    assert len(searched) == 1
    assert [one.deprecated for one in found] == [("Query.old",)] * 3


class Heard:
    """An engine's application, and what its hook was told."""

    def __init__(self) -> None:
        self.uses: list[tuple[str, tuple[str, ...]]] = []
        engine = Engine(
            SCHEMA, authenticate=self.authenticate, context=lambda *_: None, notice=self.notice, deadline_s=5
        )
        self.engine: Engine[str] = engine
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(GraphQLHTTP(engine)), base_url="http://lucid")

    async def authenticate(self, headers: Mapping[str, str]) -> str:
        return headers.get("authorization", "nobody")

    def notice(self, caller: str, uses: tuple[str, ...]) -> Mapping[str, str]:
        self.uses.append((caller, uses))
        return {"deprecation": "@1767225600"}


async def test_the_hook_hears_each_use_and_its_headers_are_sent() -> None:
    heard = Heard()
    headers = {"authorization": "ann"}

    async with heard.http as http:
        old = await http.post("/", json={"query": "{ old }"}, headers=headers)
        again = await http.post("/", json={"query": "{ old }"}, headers=headers)
        new = await http.post("/", json={"query": "{ new }"}, headers=headers)
        wrong = await http.post("/", json={"query": "{ old nothing }"}, headers=headers)

    assert (old.json(), again.json()) == ({"data": {"old": None}},) * 2
    assert [one.headers.get("deprecation") for one in (old, again, new, wrong)] == ["@1767225600"] * 2 + [None] * 2
    assert heard.uses == [("ann", ("Query.old",))] * 2


async def test_an_operation_that_was_not_executed_is_no_use() -> None:
    heard = Heard()
    request = GraphQLRequest("query ($n: Int!) { old new(filter: {new: $n}) }", variables={"n": "nonsense"})

    result = await heard.engine.execute(request, "ann", "r")

    assert not result.executed
    assert heard.uses == []
