"""Deprecated parts of a schema: found once in a document, told to a hook, and said in the headers of the answer."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from graphql import DocumentNode, build_schema, parse

from api.execution import documents
from api.execution.announcements import Announcement
from api.execution.deprecation import deprecated_uses, deprecates
from api.execution.engine import Engine
from api.execution.requests import GraphQLRequest
from api.execution.results import Result
from api.execution.streams import EventStream
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
input Filter { old: Int @deprecated(reason: "x"), new: Int, kind: Kind, inside: [Filter!] }
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

    def notice(self, caller: str, uses: tuple[str, ...]) -> Announcement:
        self.uses.append((caller, uses))
        return Announcement({"deprecation": "@1767225600"}, {"deprecation": list(uses)})


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


@pytest.mark.parametrize(
    ("variables", "uses"),
    [
        ({"filter": {"new": 1}}, ()),
        ({"filter": None, "kind": None}, ()),
        ({"filter": {"old": 1}}, ("Filter.old",)),
        ({"filter": {"old": None}}, ("Filter.old",)),
        ({"kind": "OLD"}, ("Kind.OLD",)),
        ({"kind": "NEW"}, ()),
        ({"filter": {"inside": [{"new": 1}, {"inside": [{"old": 1, "kind": "OLD"}]}]}}, ("Filter.old", "Kind.OLD")),
        ({"filter": {"inside": {"kind": "OLD"}}}, ("Kind.OLD",)),  # one item needs no brackets
    ],
)
async def test_what_is_deprecated_is_found_in_variables_too(variables: dict[str, Any], uses: tuple[str, ...]) -> None:
    heard = Heard()
    text = "query ($kind: Kind, $filter: Filter) { new(kind: $kind, filter: $filter) }"

    await heard.engine.execute(GraphQLRequest(text, variables=variables), "ann", "r")

    assert heard.uses == ([("ann", uses)] if uses else [])


async def test_what_the_document_and_what_its_variables_use_is_told_together() -> None:
    heard = Heard()
    request = GraphQLRequest("query ($f: Filter) { new(old: 1, filter: $f) }", variables={"f": {"old": 1}})

    result = await heard.engine.execute(request, "ann", "r")

    assert heard.uses == [("ann", ("Filter.old", "Query.new(old:)"))]
    assert result.headers == {"deprecation": "@1767225600"}
    assert result.extensions is None


def test_only_variables_that_can_hold_something_deprecated_are_looked_at() -> None:
    text = "query B($f: Filter!, $n: Int) { new(filter: $f, old: $n) } query A($n: Int) { new(old: $n) }"

    document = documents.Documents(SCHEMA).get(text)

    assert document.errors == []
    assert {name: [one for one, _ in found] for name, found in document.searched.items()} == {"B": ["f"]}


async def test_on_a_stream_the_first_result_tells_what_will_go() -> None:
    heard = Heard()

    async def each_event(*_: object) -> AsyncIterator[dict[str, int]]:
        yield {"old": 1}
        yield {"old": 2}

    assert SCHEMA.subscription_type is not None
    SCHEMA.subscription_type.fields["old"].subscribe = each_event
    query = await heard.engine.subscribe(GraphQLRequest("{ old }"), "ann", "r")
    stream = await heard.engine.subscribe(GraphQLRequest("subscription { old }"), "ann", "r")

    assert isinstance(query, Result)
    assert query.payload() == {"data": {"old": None}, "extensions": {"deprecation": ["Query.old"]}}
    assert isinstance(stream, EventStream)
    assert [result.payload() async for result in stream] == [
        {"data": {"old": 1}, "extensions": {"deprecation": ["Subscription.old"]}},
        {"data": {"old": 2}},
    ]
    await stream.aclose()
    assert [uses for _, uses in heard.uses] == [("Query.old",), ("Subscription.old",)]
