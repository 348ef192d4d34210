"""A page asks for the columns of what is selected, and no field finds out.

What is executed first is executed by graphql-core, which does not know what is selected and loads whole rows; what
comes again is compiled. So both must give the same answer, whatever is selected together.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from graphql import GraphQLObjectType, GraphQLSchema, get_named_type, is_leaf_type, is_required_argument
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tortoise.context import TortoiseContext

from api.models import Project
from api.models.rows import ALL
from api.resolvers import make_schema
from api.schema.action import Action
from api.schema.donation import Donation
from api.schema.project import Project as ShownProject
from api.schema.transfer import Transfer
from api.schema.views import columns_of
from tests.conftest import Actor, Client, Running, add_project
from tests.resolvers.calls import call, donate, earned, record, sealed, trip
from tests.statements import counted

SCHEMA: GraphQLSchema = make_schema()._schema
#: What is paged below a user, with the type of its items.
LISTS = {"actions": "Action", "donations": "Donation", "transfers": "Transfer"}
DEPTH_MAX = 2


def fields_of(name: str, depth: int = 0) -> Iterator[str]:
    """Yield each field of a type as it can be selected by itself, also through one object."""
    kind = SCHEMA.type_map[name]
    assert isinstance(kind, GraphQLObjectType)
    yield "__typename"
    for field_name, field in kind.fields.items():
        if any(is_required_argument(argument) for argument in field.args.values()):
            continue
        inner = get_named_type(field.type)
        if is_leaf_type(inner):
            yield field_name
        elif isinstance(inner, GraphQLObjectType) and depth < DEPTH_MAX and not inner.name.endswith("Connection"):
            # What lies deeper is selected together with the type's name alone, or there would be thousands.
            for below in fields_of(inner.name, depth + 1) if depth == 0 else ("__typename",):
                yield f"{field_name} {{ {below} }}"


FIELDS = {field: [*dict.fromkeys(fields_of(kind))] for field, kind in LISTS.items()}


def page_of(field: str, selection: str, *, through_edges: bool = False) -> str:
    inside = f"edges {{ cursor node {{ {selection} }} }}" if through_edges else f"nodes {{ {selection} }}"
    return f'{{ user(by: {{externalRef: "u1"}}) {{ {field} {{ {inside} pageInfo {{ endCursor }} }} }} }}'


@pytest.fixture
async def used(service: Running, app_partner: Actor, project: Project, ngo: Actor) -> Client:
    """A user with trips, one of them taken back, and donations to two projects, one of them taken back."""
    forest = await add_project("forest", ngo)
    client = service.client(app_partner)
    await earned(client, ("u1", 3))
    void = await record(client, "void", ref="u1", legs=[trip(hour=20)], externalRef="trip-9")
    await call(client, "reverseAction", idempotencyKey="r1", actionId=void["action"]["id"])
    for key, to in (("a", project), ("b", forest)):
        given = await donate(client, key, to, 10, ref="u1")
    await call(client, "reverseDonation", idempotencyKey="r2", donationId=given["donation"]["id"])
    await sealed()
    return client


async def compare(client: Client, document: str) -> dict[str, Any]:
    """Execute a document as graphql-core does, then compiled, and return the one answer."""
    answers = [await client.send(document) for _ in range(3)]
    assert "errors" not in answers[0], answers[0]
    assert answers[0]["data"] == answers[1]["data"] == answers[2]["data"], document
    found: dict[str, Any] = answers[0]["data"]["user"]
    return found


async def test_every_field_by_itself_is_what_it_is_in_a_whole_row(used: Client) -> None:
    for field, names in FIELDS.items():
        assert len(names) > 4
        for name in names:
            found = await compare(used, page_of(field, name))
            assert len(found[field]["nodes"]) >= 2


async def test_any_fields_together_are_what_they_are_in_a_whole_row(used: Client) -> None:
    fields = st.sampled_from(sorted(FIELDS)).flatmap(
        lambda field: st.tuples(
            st.just(field), st.lists(st.sampled_from(FIELDS[field]), min_size=1, max_size=8), st.booleans()
        )
    )
    tried: list[str] = []

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(fields)
    def collect(chosen: tuple[str, list[str], bool]) -> None:
        field, names, through_edges = chosen
        aliased = " ".join(f"f{number}: {name}" for number, name in enumerate(names))
        tried.append(page_of(field, aliased, through_edges=through_edges))

    collect()
    for document in tried:
        await compare(used, document)


async def test_no_column_is_asked_for_that_is_not_shown(used: Client, db: TortoiseContext) -> None:
    document = page_of("actions", "status")
    await compare(used, document)
    with counted(db) as statements:
        await used(document)
    (page,) = [one for one in statements if "LIMIT" in one]
    assert "a.status" in page
    for column in ("quantity", "started_at", "credited_g", "external_ref"):
        assert column not in page


def test_what_is_not_known_of_a_field_is_asked_for_whole() -> None:
    assert columns_of(Action, frozenset({"status", "startedAt", "__typename"})) == {"id", "status", "started_at"}
    assert columns_of(Action, frozenset({"status", "unheardOf"})) is ALL
    assert columns_of(Action, frozenset({"spentOn"})) is ALL
    assert columns_of(Donation, frozenset({"project"})) == {"id", "project_id"}
    assert columns_of(Donation, frozenset({"fundedBy", "id"})) is ALL
    assert columns_of(Transfer, frozenset({"isCredit"})) == {"id", "kind"}
    assert columns_of(ShownProject, frozenset({"name", "location"})) == {
        "id", "name_zh", "name_en", "longitude", "latitude",
    }  # fmt: skip
