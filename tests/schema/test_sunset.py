"""What is deprecated says when it goes, each answer that uses it says so too, and who uses it is counted."""

import re
from collections.abc import AsyncIterator

import orjson
import pytest
import strawberry
from strawberry.tools import merge_types
from tortoise.context import TortoiseContext

import api.app
from api.access import Caller, DeprecatedUses
from api.models import DeprecatedUse, now
from api.resolvers import make_schema
from api.resolvers.partners import PartnerQueries
from api.schema.permissions import public
from api.schema.scalars import SCALARS
from api.schema.sunset import Sunset, UnannouncedDeprecation, deprecation_headers, sunsets
from api.settings import Settings
from tests.conftest import Actor, Running, serving
from tests.resolvers.calls import socket_of

LEAVING = Sunset(since="2026-01-01", removal="2026-07-01", replacement="new")


@strawberry.type
class OldQueries:
    """Something that goes."""

    old: int = strawberry.field(
        resolver=lambda: 1, extensions=public(), deprecation_reason="Use new.", directives=[LEAVING]
    )
    new: int = strawberry.field(resolver=lambda: 2, extensions=public())


def old_schema() -> strawberry.Schema:
    query = merge_types("Query", (OldQueries, PartnerQueries))
    return strawberry.Schema(query, config=strawberry.schema.config.StrawberryConfig(scalar_map=SCALARS))


@pytest.fixture
async def leaving(db: TortoiseContext, url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Running]:
    """The service with a schema that has something deprecated."""
    monkeypatch.setattr(api.app, "make_schema", old_schema)
    async with serving(Settings(database_url=url), db) as running:
        yield running


def test_what_is_deprecated_in_the_schema_says_when_it_goes() -> None:
    sunsets(make_schema()._schema)  # raises otherwise


def test_the_schema_shows_partners_when_something_goes() -> None:
    sdl = old_schema().as_str()

    assert '@sunset(since: "2026-01-01", removal: "2026-07-01", replacement: "new")' in sdl
    assert sunsets(old_schema()._schema) == {"Query.old": LEAVING}


def test_a_deprecation_without_a_day_does_not_start() -> None:
    @strawberry.type
    class Query:
        old: int = strawberry.field(deprecation_reason="It is old.")

    with pytest.raises(UnannouncedDeprecation, match=r"Query\.old"):
        sunsets(strawberry.Schema(Query)._schema)


def test_headers_tell_the_first_day_of_each_kind() -> None:
    announced = {"A.a": LEAVING, "A.b": Sunset(since="2025-03-01", removal="2026-12-31")}

    assert deprecation_headers(announced, ()) == {}
    assert deprecation_headers(announced, ("A.a",)) == {
        "deprecation": "@1767225600",
        "sunset": "Wed, 01 Jul 2026 00:00:00 GMT",
    }
    assert deprecation_headers(announced, ("A.a", "A.b")) == {
        "deprecation": "@1740787200",
        "sunset": "Wed, 01 Jul 2026 00:00:00 GMT",
    }


async def test_a_partner_sees_in_headers_and_in_its_usage_what_will_go(
    leaving: Running, app_partner: Actor, other_app: Actor
) -> None:
    client, other = leaving.client(app_partner), leaving.client(other_app)
    before = now()
    answers = [
        await leaving.http.post("/graphql", json={"query": query}, headers=client.headers)
        for query in ("{ old }", "{ a: old b: old }", "{ new }")
    ]
    usage = "{ viewer { deprecatedUsage { field count lastUsedAt } } }"
    (used,) = (await client(usage))["viewer"]["deprecatedUsage"]

    assert [one.headers.get("deprecation") for one in answers] == ["@1767225600", "@1767225600", None]
    assert [one.headers.get("sunset") for one in answers] == ["Wed, 01 Jul 2026 00:00:00 GMT"] * 2 + [None]
    assert (used["field"], used["count"]) == ("Query.old", 2)
    assert used["lastUsedAt"] >= before.isoformat()[:19]
    assert (await other(usage))["viewer"]["deprecatedUsage"] == []
    assert (await leaving.client()(usage))["viewer"]["deprecatedUsage"] == []


TOLD = [{"field": "Query.old", "since": "2026-01-01", "removal": "2026-07-01", "replacement": "new"}]


async def test_a_socket_and_an_event_stream_tell_in_their_first_result_what_will_go(
    leaving: Running, app_partner: Actor
) -> None:
    async with socket_of(leaving, app_partner) as socket:
        await socket.subscribe("{ old }")
        message = await socket.receive()
    streaming = app_partner.headers | {"accept": "text/event-stream"}
    streamed = await leaving.http.post("/graphql", json={"query": "{ old }"}, headers=streaming)
    (event,) = re.findall(r"^data: (\{.*)$", streamed.text, re.MULTILINE)
    plain = await leaving.http.post("/graphql", json={"query": "{ old }"}, headers=app_partner.headers)

    assert message["payload"]["extensions"]["deprecation"] == TOLD
    assert orjson.loads(event)["extensions"]["deprecation"] == TOLD
    assert set(plain.json()["extensions"]) == {"cost"}
    # Counted alike.
    usage = await leaving.client(app_partner)("{ viewer { deprecatedUsage { field count } } }")
    assert usage["viewer"]["deprecatedUsage"] == [{"field": "Query.old", "count": 3}]


async def test_uses_of_several_processes_add_up(app_partner: Actor) -> None:
    caller = Caller(partner=app_partner.partner)
    first, second = DeprecatedUses(), DeprecatedUses()
    first.note(caller, ["Query.old", "Query.older"])
    second.note(caller, ["Query.old"])
    second.note(Caller(), ["Query.old"])
    await first.close()
    await second.close()

    rows = await DeprecatedUse.of_partner(app_partner.partner.id)
    assert [(row.field, row.uses) for row in rows] == [("Query.old", 2), ("Query.older", 1)]


async def test_a_use_that_cannot_be_written_down_is_kept(app_partner: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    uses = DeprecatedUses()
    uses.note(Caller(partner=app_partner.partner), ["Query.old"])

    async def fail(*_: object) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(DeprecatedUse, "add", fail)
        with pytest.raises(OSError, match="full"):
            await uses.flush()
    (row,) = await uses.of_partner(app_partner.partner.id)

    assert row.uses == 1
