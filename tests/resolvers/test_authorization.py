"""Who may call what and read what: each cell of the matrix, and that a denied call reads, shows and changes nothing.

The matrix is compared with the schema first: a root field, a type with private data or one of its fields that has no
row fails, and so does a row that lacks a cell.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
import pytest
import pytest_asyncio
from graphql import GraphQLObjectType, GraphQLOutputType, get_named_type
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from api.models import now
from tests.conftest import fresh_database
from tests.resolvers.calls import Socket, contract, mutation, socket_of
from tests.resolvers.matrix import (
    ANSWERED,
    CALLERS,
    DENIED,
    ENDED,
    FIELDS,
    FOLLOWED,
    MUTATIONS,
    PUBLIC,
    QUERIES,
    SUBSCRIPTIONS,
    Way,
    row,
)
from tests.resolvers.world import World, open_world
from tests.statements import counted

WHO, NO = "UNAUTHENTICATED", "FORBIDDEN"
#: What says who is calling.
AUTHENTICATION = re.compile(r'FROM "?api_key"?|UPDATE "api_key"|FROM "signing_key"')

in_one_world = pytest.mark.asyncio(loop_scope="module")

Cells = dict[tuple[str, str], str]


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with fresh_database(request, tmp_path_factory.mktemp("world")) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(world_url: str) -> AsyncIterator[World]:
    """One world for the whole matrix: what comes first only reads."""
    async with open_world(world_url) as made:
        yield made


def expected(rows: Mapping[str, str]) -> Cells:
    """Read rows, and add what ended credentials get."""
    cells = {(name, caller): cell for name, cells in rows.items() for caller, cell in row(cells).items()}
    return cells | {(name, caller): WHO for name in rows for caller in ENDED}


def outcome(answer: Mapping[str, Any]) -> str:
    """Tell what an answer with one root field comes to."""
    if "errors" in answer:
        return str(answer["errors"][0]["extensions"]["code"])
    (value,) = answer["data"].values()
    if isinstance(value, dict) and value.get("errors"):
        return str(value["errors"][0]["__typename"])
    if isinstance(value, dict) and "nodes" in value:
        value = value["nodes"]
    return "yes" if value and value != [None] else "none"


def object_types() -> dict[str, GraphQLObjectType]:
    """Return the types that hold data: not roots, pages, payloads and refusals."""
    roots = {contract().query_type, contract().mutation_type, contract().subscription_type}
    return {
        name: kind
        for name, kind in contract().type_map.items()
        if isinstance(kind, GraphQLObjectType)
        and kind not in roots
        and not name.startswith("__")
        and not name.endswith(("Connection", "Edge", "Payload"))
        and "UserError" not in {one.name for one in kind.interfaces}
    }


def test_every_root_field_is_in_the_matrix() -> None:
    schema = contract()
    assert schema.query_type is not None
    assert schema.mutation_type is not None
    assert schema.subscription_type is not None
    # A row may be about one argument: `actions of a user`.
    assert {name.split()[0] for name in QUERIES} == set(schema.query_type.fields)
    assert set(MUTATIONS) == set(schema.mutation_type.fields)
    assert set(SUBSCRIPTIONS) == set(schema.subscription_type.fields)


def test_every_field_that_is_not_public_is_in_the_matrix() -> None:
    types = object_types()
    assert set(FIELDS) | PUBLIC | FOLLOWED | ANSWERED == set(types)
    assert not set(FIELDS) & PUBLIC
    for name, way in FIELDS.items():
        listed = [one for fields in way.fields.values() for one in fields.split()]
        assert sorted(listed) == sorted(types[name].fields), name
    sent = " ".join([*(document for document, _ in SUBSCRIPTIONS.values()), *map(mutation, MUTATIONS)])
    for name in FOLLOWED | ANSWERED:
        assert [one for one in types[name].fields if not re.search(rf"\b{one}\b", sent)] == [], name


@pytest.mark.parametrize("cells", ["yes none", " ".join(["yes"] * (len(CALLERS) + 1))])
def test_a_row_that_lacks_a_cell_or_has_one_too_many_fails(cells: str) -> None:
    with pytest.raises(ValueError, match="zip"):
        row(cells)


def leaves(kind: GraphQLOutputType, depth: int = 0) -> str:
    """Select what is needed of a field of this type: something that is never null."""
    inner = get_named_type(kind)
    if not isinstance(inner, GraphQLObjectType):
        return ""
    if "nodes" in inner.fields:
        return f"{{ nodes {leaves(inner.fields['nodes'].type, depth)} }}"
    plain = next(
        (name for name, one in inner.fields.items() if not isinstance(get_named_type(one.type), GraphQLObjectType)), ""
    )
    if plain:
        return f"{{ {plain} }}"
    name, one = next(iter(inner.fields.items()))
    return f"{{ {name} {leaves(one.type, depth + 1)} }}"


def at(value: Any, path: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield the objects at a path."""
    if isinstance(value, list):
        for one in value:
            yield from at(one, path)
    elif value is not None and path:
        yield from at(value[path[0]], path[1:])
    elif value is not None:
        yield value


def outcomes(way: Way, answer: Mapping[str, Any], fields: list[str]) -> Iterator[tuple[str, str]]:
    """Tell what an answer comes to, field by field."""
    codes: dict[tuple[str, ...], str] = {}
    for error in answer.get("errors", ()):
        place = tuple(part for part in error.get("path", ()) if isinstance(part, str))
        codes[place] = error["extensions"]["code"]
    found = list(at(answer.get("data"), way.path))
    for name in fields:
        places = [(*way.path, name)[:length] for length in range(len(way.path) + 2)]
        code = next((codes[place] for place in places if place in codes), None)
        is_there = any(one.get(name) not in (None, []) for one in found)
        yield name, code or ("yes" if is_there else "none")


@in_one_world
async def test_each_caller_reads_what_the_matrix_says_and_nothing_that_is_anothers(world: World) -> None:
    before = await world.everything()
    got: Cells = {}
    for name, (document, _) in QUERIES.items():
        for caller in (*CALLERS, *ENDED):
            with counted(world.context) as statements:
                text = await ask(world, caller, document)
            got[name, caller] = outcome(orjson.loads(text))
            if got[name, caller] in DENIED:
                assert [one for one in statements if not AUTHENTICATION.search(one)] == [], (name, caller)
    assert got == expected({name: cells for name, (_, cells) in QUERIES.items()})
    assert await world.everything() == before


@in_one_world
async def test_each_caller_reads_those_fields_that_the_matrix_says(world: World) -> None:
    before = await world.everything()
    got: Cells = {}
    rows: dict[str, str] = {}
    for kind, way in FIELDS.items():
        types = object_types()[kind].fields
        fields = [one for fields in way.fields.values() for one in fields.split()]
        rows |= {f"{kind}.{one}": cells for cells, fields in way.fields.items() for one in fields.split()}
        document = way.document % " ".join(f"{one} {leaves(types[one].type)}" for one in fields)
        for caller in (*CALLERS, *ENDED):
            answer = orjson.loads(await ask(world, caller, document))
            got |= {(f"{kind}.{one}", caller): cell for one, cell in outcomes(way, answer, fields)}
    assert got == expected(rows)
    assert await world.everything() == before


async def ask(world: World, caller: str, document: str) -> str:
    """Send a query and return the answer as it came: without anything that is not this caller's."""
    needed = {name: world.ids[name] for name in re.findall(r"\$(\w+):", document)}
    body = {"query": document, "variables": needed}
    headers = world.client(caller).headers
    response = await world.service.http.post("/graphql", json=body, headers=headers)
    assert world.leaks(caller, response.text) == [], (document, caller)
    assert response.status_code == (401 if caller in ENDED else 200)
    if caller in ENDED:
        assert response.headers["www-authenticate"] == 'Bearer realm="graphql"'
        assert "data" not in response.json()
    return response.text


@in_one_world
async def test_each_caller_follows_what_the_matrix_says(world: World) -> None:
    got: Cells = {}
    for name, (document, _) in SUBSCRIPTIONS.items():
        for caller in CALLERS:
            async with socket_of(world.service, world.actors[caller]) as socket:
                await socket.subscribe(document, project=world.ids["project"])
                message = await socket.receive()
            assert world.leaks(caller, str(message)) == [], (name, caller)
            payload = message["payload"]
            got[name, caller] = outcome({"errors": payload} if message["type"] == "error" else payload)
        for caller in ENDED:
            got[name, caller] = await refused_socket(world, caller)
    assert got == expected({name: cells for name, (_, cells) in SUBSCRIPTIONS.items()})


async def refused_socket(world: World, caller: str) -> str:
    """Introduce somebody to a socket and return why it was closed."""
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(world.service.websocket_address, subprotocols=[protocol]) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init", "payload": world.client(caller).headers})
        with pytest.raises(ConnectionClosedError) as closed:
            await socket.receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    return closed.value.rcvd.reason.partition(":")[0]


def given(world: World, name: str, caller: str) -> dict[str, Any]:
    """Return the input of a mutation about what is the first user's."""
    ids, person = world.ids, {"id": world.ids["user"]}
    fields: dict[str, dict[str, Any]] = {
        "reverseAction": {"actionId": ids["action"]},
        "reverseDonation": {"donationId": ids["donation"]},
        "donateEnergy": {"user": person, "projectId": ids["project"], "amount": {"grams": 1}},
        "createUserToken": {"user": person, "scopes": ["actions:read"]},
        "issueLinkCode": {"user": person},
        "linkUser": {"code": ids["code"], "externalRef": f"linked by {caller}"},
        "unlinkUser": {"user": {"id": ids["carried"]}},
        "recordAction": {"user": person, "legs": ids["legs"]},
        "recordActions": {"actions": [{"user": person, "legs": ids["legs"]}]},
        "addProject": {
            "code": caller.replace("_", "-"),
            "name": {"zh": "新", "en": "New"},
            "description": {"zh": "新", "en": "New"},
            "category": "WATER",
            "sector": "14015",
            "sdgs": [6],
        },
        "updateProject": {"projectId": ids["project"], "name": {"zh": caller, "en": caller}},
        "setProjectStatus": {
            "projectId": ids["project"],
            "status": "IMPLEMENTATION" if caller == "operator" else "SUSPENDED",
        },
        "setProjectOrganisations": {"projectId": ids["project"], "organisations": []},
        "advanceSandboxClock": {"to": (now() + timedelta(minutes=1)).isoformat()},
    }
    return {"idempotencyKey": f"{name} {caller}", **fields[name]}


@in_one_world
async def test_each_caller_does_what_the_matrix_says_and_a_denied_call_changes_nothing(world: World) -> None:
    cells = expected(MUTATIONS)
    got: Cells = {}
    for name in MUTATIONS:
        denied = [caller for caller in (*CALLERS, *ENDED) if cells[name, caller] in DENIED]
        before = await world.everything()
        with counted(world.context) as statements:
            for caller in denied:
                got[name, caller] = await order(world, name, caller)
        assert [one for one in statements if not AUTHENTICATION.search(one)] == [], name
        assert await world.everything() == before, name
        for caller in CALLERS:
            if caller not in denied:
                if cells[name, caller] == "yes" and await world.renew(name):
                    before = await world.everything()
                got[name, caller] = await order(world, name, caller)
                before, then = await world.everything(), before
                changed = {table for table, rows in before.items() if rows != then[table]}
                # What a call was refused with is kept under its key, and is all that it leaves. A token is not kept.
                leaves_more = cells[name, caller] == "yes" and name != "createUserToken"
                assert bool(changed - {"receipt"}) is leaves_more, (name, caller, changed)
    assert got == cells


async def order(world: World, name: str, caller: str) -> str:
    """Send a mutation and tell what it came to."""
    body = {"query": mutation(name), "variables": {"input": given(world, name, caller)}}
    response = await world.service.http.post("/graphql", json=body, headers=world.client(caller).headers)
    if (name, caller) == ("linkUser", "other_app"):
        world.secrets[world.ids["carried"]].add("other_app")
    assert world.leaks(caller, response.text) == [], (name, caller)
    answer = response.json()
    if (results := (answer.get("data") or {}).get("recordActions")) and results["results"]:
        answer = {"data": {"recordActions": results["results"][0]}}
    return outcome(answer)
