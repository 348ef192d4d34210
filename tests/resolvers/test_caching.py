"""Nothing private can be kept by a cache: neither by what the schema says, nor by what is sent."""

import re
from itertools import product
from typing import Any

import orjson
import pytest
import strawberry
from graphql import GraphQLObjectType, get_named_type, parse

from api.access import Scope
from api.execution.caching import max_age_s, read_ages
from api.execution.persisted import sha256
from api.models import Project
from api.resolvers import make_schema
from api.schema.caching import MAX_AGES_S, PrivateFieldCached, publish_max_ages
from api.schema.permissions import guarded, public
from tests.conftest import Actor, Client, Running
from tests.resolvers.calls import contract, donate, earned, sealed
from tests.resolvers.matrix import FIELDS, PUBLIC, QUERIES

SCHEMA = make_schema()
AGES = read_ages(SCHEMA.as_str())
SHARED = sorted(name.partition(".")[2] for name in MAX_AGES_S if name.startswith("Query."))
ARGUMENTS = {"partner": '(slug: "waters")', "project": '(code: "longwu")'}


def everything(kind: Any, seen: tuple[str, ...] = ()) -> str:
    """Select all that there is below a field, once on each way down."""
    inner = get_named_type(kind)
    if not isinstance(inner, GraphQLObjectType):
        return ""
    fields = [
        f"{name} {everything(one.type, (*seen, inner.name))}"
        for name, one in inner.fields.items()
        if get_named_type(one.type).name not in seen
    ]
    return f"{{ {' '.join(fields)} }}"


def document(name: str) -> str:
    """Ask for all that there is of a root field."""
    query = contract().query_type
    assert query is not None
    return f"{{ {name}{ARGUMENTS.get(name, '')} {everything(query.fields[name].type)} }}"


def test_the_contract_says_what_the_table_says() -> None:
    assert AGES == MAX_AGES_S


def test_only_types_that_the_matrix_calls_public_are_kept() -> None:
    pages = {f"{name}{part}" for name in PUBLIC for part in ("Connection", "Edge")}
    assert {name for name in AGES if "." not in name} <= PUBLIC | pages


def test_a_document_that_asks_for_one_private_field_is_not_kept() -> None:
    schema = contract()
    private = []
    for kind, way in FIELDS.items():
        holder = schema.type_map[kind]
        assert isinstance(holder, GraphQLObjectType)
        for name, field in holder.fields.items():
            is_object = isinstance(get_named_type(field.type), GraphQLObjectType)
            private.append(way.document % (f"{name} {{ __typename }}" if is_object else name))
    of_roots = [text for name, (text, _) in QUERIES.items() if name.split()[0] not in SHARED]
    for one in [*private, *of_roots]:
        assert max_age_s(schema, AGES, parse(one)) == 0, one
        # Nor is it beside something that is.
        body = one[one.index("{", one.index(")") if one.startswith("query") else 0) :].strip()
        for shared in SHARED:
            both = f"{{ {document(shared).strip()[1:-1]} {body[1:-1]} }}"
            assert max_age_s(schema, AGES, parse(both)) == 0, both


@pytest.mark.parametrize("name", SHARED)
def test_all_that_there_is_below_a_shared_field_is_kept(name: str) -> None:
    assert 5 <= max_age_s(contract(), AGES, parse(document(name))) <= 300


def five() -> int:
    return 5


@strawberry.type
class Thing:
    secret: int | None = strawberry.field(resolver=five, extensions=guarded(Scope.ADMIN))


def a_thing() -> Thing:
    return Thing()


@strawberry.type
class Roots:
    thing: Thing = strawberry.field(resolver=a_thing, extensions=public())
    locked: int = strawberry.field(resolver=five, extensions=guarded(Scope.ADMIN))
    forgotten: int = strawberry.field(resolver=five)


@pytest.mark.parametrize("name", ["Roots.locked", "Roots.forgotten", "Thing", "Thing.secret"])
def test_a_schema_in_which_a_guarded_field_is_kept_does_not_start(name: str) -> None:
    with pytest.raises(PrivateFieldCached, match=name):
        publish_max_ages(strawberry.Schema(Roots), {"Roots.thing": 5, name: 5})


async def remember(service: Running, query: str) -> str:
    """Let a document be known by its hash, and return its name."""
    hashed = {"persistedQuery": {"version": 1, "sha256Hash": sha256(query)}}
    response = await service.http.post("/graphql", json={"query": query, "extensions": hashed})
    assert response.status_code == 200
    return f"sha256:{sha256(query)}"


async def test_what_is_shared_is_the_same_for_everybody_in_every_language(
    service: Running, app_partner: Actor, ngo: Actor, operator: Actor, project: Project
) -> None:
    client = service.client(app_partner)
    await earned(client, ("u1", 1))
    await donate(client, "gift", project, 10)
    await sealed()
    for name in SHARED:
        document_id = await remember(service, document(name))
        params = {"documentId": document_id}
        answers = [
            await service.http.get("/graphql", params=params, headers={"accept-language": language})
            for language, _ in product(("en", "zh"), range(2))
        ]
        (body,) = {one.content for one in answers}
        assert set(orjson.loads(body)) == {"data"}
        assert {one.headers["vary"] for one in answers} == {"Accept, Accept-Encoding, Authorization"}
        (caching,) = {one.headers["cache-control"] for one in answers}
        assert re.fullmatch(r"public, max-age=\d+", caching)
        fresh = await service.http.get("/graphql", params=params, headers={"if-none-match": answers[0].headers["etag"]})
        assert (fresh.status_code, fresh.content) == (304, b"")
        # With a key the same is answered, and kept by nobody.
        for actor in (app_partner, ngo, operator):
            keyed = await service.http.get("/graphql", params=params, headers=actor.headers)
            assert keyed.headers["cache-control"] == "private, no-store"
            assert "etag" not in keyed.headers
            assert keyed.json()["data"] == orjson.loads(body)["data"]


async def test_a_donation_changes_the_tag_of_its_project(
    service: Running, app_partner: Actor, project: Project
) -> None:
    client: Client = service.client(app_partner)
    await earned(client, ("u1", 1))
    params = {"documentId": await remember(service, '{ project(code: "longwu") { progress { energyRaised } } }')}
    before = await service.http.get("/graphql", params=params)
    await donate(client, "gift", project, 10)
    await sealed()

    after = await service.http.get("/graphql", params=params, headers={"if-none-match": before.headers["etag"]})

    assert after.json() == {"data": {"project": {"progress": {"energyRaised": 10}}}}
    assert after.headers["cache-control"] == "public, max-age=5"


async def test_the_sandbox_sees_its_own_progress_and_no_cache_keeps_it(
    service: Running, sandbox: Actor, project: Project
) -> None:
    client = service.client(sandbox)
    await earned(client, ("u1", 1))
    await donate(client, "gift", project, 10)
    await sealed()
    params = {"documentId": await remember(service, '{ project(code: "longwu") { progress { energyRaised } } }')}

    live = await service.http.get("/graphql", params=params)
    tried = await service.http.get("/graphql", params=params, headers=sandbox.headers)

    assert [one.json()["data"]["project"]["progress"]["energyRaised"] for one in (live, tried)] == [0, 10]
    assert [one.headers["cache-control"] for one in (live, tried)] == ["public, max-age=5", "private, no-store"]
