"""The parts put together: what is served beside GraphQL, and how a process begins and ends."""

import pytest
from tortoise.context import TortoiseContext

from api.app import make_app
from api.models import Project, Transfer
from api.models.database import DatabaseUnusable
from api.settings import Settings
from tests.conftest import Actor, Running, add_partner, add_project, serving
from tests.postgres import Server
from tests.resolvers.calls import donate, earned, project_id, sealed


async def test_the_small_pages_are_there(service: Running) -> None:
    start = await service.http.get("/")
    assert (start.status_code, start.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "/graphql" in start.text
    contract = await service.http.get("/schema.graphql")
    assert contract.headers["content-type"].startswith("text/plain")
    assert "type Mutation" in contract.text
    for address, said in (("/health/live", {"live": True}), ("/health/ready", {"ready": True})):
        answer = await service.http.get(address)
        assert (answer.status_code, answer.json()) == (200, said)
    explorer = await service.http.get("/graphql", headers={"accept": "text/html"})
    assert explorer.headers["content-type"].startswith("text/html")
    assert (await service.http.get("/nothing")).status_code == 404


async def test_operators_are_told_how_operations_were_executed(
    service: Running, operator: Actor, app_partner: Actor
) -> None:
    client = service.client(operator)
    for _ in range(3):
        await client("query Mine { viewer { scopes } }")
    answer = await service.http.get("/metrics", headers={"authorization": f"Bearer {operator.key}"})
    counted = dict(line.rsplit(" ", 1) for line in answer.text.splitlines())
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert counted['lucid_executions_total{executor="compiled"}'] == "2"
    assert counted['lucid_executions_total{executor="graphql-core"}'] == "1"
    assert counted["lucid_documents"] == "1"
    for headers, status in (
        ({}, 403),
        ({"authorization": f"Bearer {app_partner.key}"}, 403),
        ({"authorization": "Bearer lk_no_such"}, 401),
    ):
        refused = await service.http.get("/metrics", headers=headers)
        assert (refused.status_code, "lucid_" in refused.text) == (status, False)


async def test_what_was_donated_before_the_end_is_sealed_by_the_next_process(
    db: TortoiseContext, url: str, app_partner: Actor, project: Project
) -> None:
    settings = Settings(database_url=url)
    async with serving(settings, db) as service:
        app = service.client(app_partner)
        await earned(app, ("u1", 1))
        for number in range(5):
            await donate(app, f"k{number}", project, 10)
    assert await Transfer.filter(kind="DONATE").count() == 5
    async with serving(settings, db) as service:
        await sealed()
        found = await service.client()(
            "query ($id: ID!) { project(id: $id) { progress { energyRaised sequence } } }", id=project_id(project)
        )
        assert found["project"]["progress"] == {"energyRaised": 50, "sequence": 5}
        again = await donate(service.client(app_partner), "k0", project, 10)
        assert again["replayed"] is True


async def test_two_partners_of_one_kind_each_may_play_several_parts(service: Running) -> None:
    both = await add_partner("both")
    viewer = await service.client(both)("{ viewer { partner { slug kinds } scopes environment } }")
    assert viewer["viewer"] == {"partner": {"slug": "both", "kinds": []}, "scopes": [], "environment": "LIVE"}
    await add_project("open", both)
    refused = await service.client(both).send("{ donations { nodes { id } } }")
    assert refused["errors"][0]["extensions"]["code"] == "FORBIDDEN"


async def test_a_database_that_is_not_migrated_is_not_served(postgres: Server) -> None:
    postgres.create_database("empty_for_app")
    app = make_app(Settings(database_url=postgres.url("empty_for_app")))
    with pytest.raises(DatabaseUnusable, match="run `lucid migrate`"):
        async with app.router.lifespan_context(app):
            pass
    postgres.drop_database("empty_for_app")
