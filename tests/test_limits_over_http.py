"""The limits as callers meet them: over HTTP and sockets, with the databases behind."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tortoise.context import TortoiseContext
from tortoise.exceptions import OperationalError
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api import models
from api.ledger import transfers
from api.models import Project, Transfer
from api.models.database import database
from api.models.loaders import loaders
from api.resolvers import make_schema
from api.schema.cost import FREE, WEIGHTS
from api.settings import Settings
from tests.conftest import Actor, Running, eventually, serving
from tests.resolvers.calls import PROGRESS, call, donate, earned, mutation, project_id, record, socket_of, trip, user
from tests.statements import counted

SMALL = {"anonymous_capacity": 50, "anonymous_refill": 1, "rate_capacity": 200, "rate_refill": 1}
PROJECTS = "query ($n: Int) { projects(first: $n) { nodes { code } } }"


@asynccontextmanager
async def limited(url: str, db: TortoiseContext, **settings: Any) -> AsyncIterator[Running]:
    async with serving(Settings(database_url=url, **settings), db) as running:
        yield running


def of_projects(statements: list[str]) -> list[str]:
    return [one for one in statements if re.search(r'FROM "project"', one)]


async def post(running: Running, query: str, headers: dict[str, str] | None = None, **variables: Any) -> httpx.Response:
    headers = {"accept": "application/graphql-response+json", **(headers or {})}
    return await running.http.post("/graphql", json={"query": query, "variables": variables}, headers=headers)


def cost_of(response: httpx.Response) -> dict[str, Any]:
    cost: dict[str, Any] = response.json()["extensions"]["cost"]
    return cost


def test_each_field_with_a_resolver_has_a_weight_or_is_known_to_be_free() -> None:
    types = make_schema()._schema.type_map
    unweighed = set()
    for kind, definition in types.items():
        for name, field in getattr(definition, "fields", {}).items():
            made = (field.extensions or {}).get("strawberry-definition")
            if getattr(made, "base_resolver", None) is None or name in {"message", "reason"}:
                continue
            returned = re.sub(r"\W", "", str(field.type))
            if f"{kind}.{name}" not in WEIGHTS.keys() | FREE and returned not in WEIGHTS:
                unweighed.add(f"{kind}.{name}")
    assert unweighed == set()


async def test_every_answer_says_what_it_cost(service: Running, project: Project) -> None:
    response = await post(service, PROJECTS, n=10)

    cost = cost_of(response)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", cost.pop("resetAt"))
    assert 20_000 - 4 <= cost.pop("remaining") <= 20_000
    # 1 for the operation, 2 for the question, 1 for each project: ten that were asked for, one that there is.
    assert cost == {"requested": 13, "actual": 4}


async def test_introspection_says_it_too(service: Running) -> None:
    answers = [await post(service, "{ __schema { queryType { name } } }") for _ in range(2)]

    assert [one.json()["data"] for one in answers] == [{"__schema": {"queryType": {"name": "Query"}}}] * 2
    assert [cost_of(one)["actual"] for one in answers] == [1, 1]


async def test_who_has_spent_the_budget_gets_429_and_nobody_else_feels_it(
    db: TortoiseContext, url: str, app_partner: Actor, other_app: Actor, project: Project
) -> None:
    async with limited(url, db, **SMALL) as service:
        with counted(db) as statements:
            refused = await post(service, PROJECTS, n=48)
        assert refused.status_code == 400, "more than the whole budget: no use in waiting"
        assert refused.json()["errors"][0]["extensions"]["cost"] == {"requested": 51, "maximum": 50}
        assert of_projects(statements) == []

        # Nothing flows in: each call costs 4, the refusal has cost 5.
        answers = [await post(service, PROJECTS, n=20) for _ in range(10)]
        assert {one.status_code for one in answers} == {200, 429}
        with counted(db) as statements:
            refused = await post(service, PROJECTS, n=40)
        assert refused.status_code == 429
        error = refused.json()["errors"][0]
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["retryAfterS"] == int(refused.headers["retry-after"]) > 0
        assert error["extensions"]["cost"]["requested"] == 43
        assert "data" not in refused.json()
        assert statements == []
        assert (await post(service, PROJECTS, {"accept": "application/json"}, n=40)).status_code == 429

        for actor in (app_partner, other_app):
            assert (await post(service, PROJECTS, actor.headers, n=20)).status_code == 200


async def test_a_token_spends_the_budget_of_its_key(db: TortoiseContext, url: str, app_partner: Actor) -> None:
    async with limited(url, db, **SMALL) as service:
        app = service.client(app_partner)
        await record(app, "k1")
        given = {"idempotencyKey": "t", "user": user("u1"), "scopes": ["users:read"], "ttlS": 60}
        token = (await call(app, "createUserToken", **given))["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        left = []
        for headers in (app_partner.headers, bearer, app_partner.headers, bearer):
            answers = [await post(service, "{ __typename }", headers) for _ in range(10)]
            left += [cost_of(one)["remaining"] for one in answers]

    assert left[0] < 200 - 20
    assert left[-1] <= left[0] - 20  # 39 less, and a point a second


async def test_the_dearest_operation_has_a_limit_and_reads_nothing(service: Running, db: TortoiseContext) -> None:
    query = "{ users(first: 100) { nodes { actions(first: 100) { nodes { spentOn { project { code } } } } } } }"
    with counted(db) as statements:
        response = await post(service, query)

    assert response.status_code == 400
    error = response.json()["errors"][0]
    assert error["extensions"]["code"] == "LIMIT_EXCEEDED"
    assert error["extensions"]["cost"] == {"requested": 3 + 100 * (1 + 2 + 100 * (1 + 5 + 5)), "maximum": 20_000}
    assert statements == []


async def test_a_dry_run_tells_the_cost_and_executes_nothing(
    service: Running, db: TortoiseContext, app_partner: Actor
) -> None:
    asked = {**app_partner.headers, "X-GraphQL-Cost": "dry-run"}
    given = {"idempotencyKey": "k", "actions": [{"user": user("u1"), "legs": [trip()]}] * 3}

    answer = (await post(service, mutation("recordActions"), asked, input=given)).json()

    assert answer["data"] is None
    assert "errors" not in answer
    cost = answer["extensions"]["cost"]
    assert (cost["maximum"], cost["remaining"]) == (20_000, 100_000)
    assert cost["requested"] > 10 + 3 * 5
    assert await models.Action.all().count() == 0
    followed = await post(service, PROGRESS, asked, project="prj_x")
    assert followed.json()["extensions"]["cost"]["requested"] == 12
    wrong = await post(service, "{ nothing }", asked)
    assert wrong.json()["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"


async def test_actions_in_one_call_cost_half_of_what_they_cost_alone(service: Running, app_partner: Actor) -> None:
    items = [{"user": user("u1"), "legs": [trip(hour=6 + number)]} for number in range(4)]
    query = "mutation ($input: RecordActionsInput!) { recordActions(input: $input) { results { replayed } } }"

    many = await post(service, query, app_partner.headers, input={"idempotencyKey": "k", "actions": items})

    assert cost_of(many)["actual"] == 1 + 10 + 4 * 5


async def test_a_wrong_request_costs_a_little_and_wrong_variables_no_more(db: TortoiseContext, url: str) -> None:
    async with limited(url, db, **SMALL) as service:
        await post(service, "{ nothing }")
        await post(service, "{")
        # 43 are there no more, so they are not charged before the variables are looked at.
        assert (
            await post(service, "query ($n: Int) { projects(first: $n) { nodes { id } } }", n="x")
        ).status_code == 400
        left = cost_of(await post(service, "{ __typename }"))["remaining"]
    assert 50 - 3 * 5 - 1 <= left <= 50 - 3 * 5 + 5


async def test_who_owes_is_refused_before_the_document_is_read(db: TortoiseContext, url: str) -> None:
    async with limited(url, db, **SMALL) as service:
        codes = []
        for number in range(15):
            answer = (await post(service, f"{{ nothing{number} }}")).json()
            codes.append(answer["errors"][0]["extensions"]["code"])

    assert codes[0] == "GRAPHQL_VALIDATION_FAILED"
    assert codes[-1] == "RATE_LIMITED"


async def test_on_a_socket_an_operation_over_budget_is_an_error_and_the_socket_lives_on(
    db: TortoiseContext, url: str, project: Project
) -> None:
    async with limited(url, db, **SMALL) as service, socket_of(service, None) as socket:
        await socket.subscribe(PROGRESS, project=project_id(project))
        assert (await socket.next())["projectProgress"]["donations"] == 0
        await socket.subscribe(PROJECTS, n=40)
        (error,) = await socket.refusal()
        assert error["extensions"]["code"] == "RATE_LIMITED"
        assert error["extensions"]["retryAfterS"] >= 1
        await socket.subscribe("{ __typename }")
        answer = await socket.receive()
        assert answer["payload"]["data"] == {"__typename": "Query"}
        # 12 for following; what is followed costs no more.
        assert answer["payload"]["extensions"]["cost"]["remaining"] <= 50 - 12 - 1 + 10


async def test_an_event_stream_over_budget_is_refused_before_it_is_opened(db: TortoiseContext, url: str) -> None:
    async with limited(url, db, **SMALL) as service:
        body = {"query": PROJECTS, "variables": {"n": 20}}
        headers = {"accept": "text/event-stream"}
        async with service.http.stream("POST", "/graphql", json=body, headers=headers) as stream:
            text = "".join([chunk async for chunk in stream.aiter_text()])
        assert '"cost":{"requested":23,"actual":3,' in text
        body["variables"] = {"n": 46}
        refused = await service.http.post("/graphql", json=body, headers=headers)
        assert refused.status_code == 429


async def test_a_caller_has_a_bounded_number_of_sockets(
    db: TortoiseContext, url: str, app_partner: Actor, other_app: Actor
) -> None:
    async with limited(url, db, sockets=2) as service:
        async with socket_of(service, app_partner), socket_of(service, app_partner) as second:
            protocol = Subprotocol("graphql-transport-ws")
            async with connect(service.websocket_address, subprotocols=[protocol]) as third:
                await third.send(
                    f'{{"type":"connection_init","payload":{{"Authorization":"Bearer {app_partner.key}"}}}}'
                )
                with pytest.raises(ConnectionClosed):
                    await asyncio.wait_for(third.recv(), 20)
            assert (third.close_code, third.close_reason) == (4429, "Too many sockets: at most 2")
            async with socket_of(service, other_app), socket_of(service, None):
                pass
            await second.subscribe("{ __typename }")
            assert (await second.next()) == {"__typename": "Query"}
        async with socket_of(service, app_partner):
            pass


@pytest.mark.parametrize(("proxies", "budgets"), [((), 1), (("192.0.2.0/24",), 1), (("127.0.0.0/8",), 10)])
async def test_only_a_trusted_proxy_says_who_calls(
    db: TortoiseContext, url: str, proxies: tuple[str, ...], budgets: int
) -> None:
    async with limited(url, db, trusted_proxies=proxies, **SMALL) as service:
        addresses = [{"x-forwarded-for": f"198.51.100.{number}"} for number in range(10)]
        left = [cost_of(await post(service, "{ __typename }", headers))["remaining"] for headers in addresses]

    assert (left[-1] == 49) is (budgets == 10)


SLOW = {
    "sqlite": (
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3000000000) SELECT count(*) FROM t"
    ),
    "postgres": "SELECT pg_sleep(600)",
}


def slow_statement(url: str) -> str:
    return SLOW["sqlite" if url.startswith("sqlite") else "postgres"]


async def test_the_database_stops_with_the_operation(
    db: TortoiseContext, url: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def by_slug(slug: str) -> None:
        await db.db().execute_query(slow_statement(url))

    async with limited(url, db, deadline=timedelta(seconds=1)) as service:
        with monkeypatch.context() as patched:
            patched.setattr(models.Partner, "by_slug", by_slug)
            answer = await post(service, '{ partner(slug: "waters") { slug } }')
        assert answer.status_code == 504
        assert answer.json()["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"

        # It is not only that nobody waits for it: on SQLite nothing else could be asked.
        answer = await asyncio.wait_for(post(service, '{ project(code: "longwu") { code } }'), 60)
        assert answer.json()["data"] == {"project": {"code": "longwu"}}
    if not url.startswith("sqlite"):

        async def has_stopped() -> bool:
            _, rows = await db.db().execute_query(
                "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep%'"
            )
            return not rows

        await eventually(has_stopped)


@pytest.mark.parametrize("url", ["postgres"], indirect=True)
async def test_a_statement_that_nobody_cancels_ends_by_itself(url: str) -> None:
    async with database(url, statement_s=0.2) as context:
        with pytest.raises((OperationalError, Exception), match="statement timeout"):
            await asyncio.wait_for(context.db().execute_query("SELECT pg_sleep(600)"), 60)


async def test_a_write_that_has_begun_is_finished_past_its_deadline(
    db: TortoiseContext, url: str, app_partner: Actor, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with limited(url, db) as service:
        await earned(service.client(app_partner), ("u1", 1))
    begun, go_on = asyncio.Event(), asyncio.Event()
    waiting = transfers._prepare

    async def slowly(*arguments: Any, **given: Any) -> Any:
        begun.set()
        await go_on.wait()
        return await waiting(*arguments, **given)

    async with limited(url, db, deadline=timedelta(seconds=1)) as service:
        with monkeypatch.context() as patched:
            patched.setattr(transfers, "_prepare", slowly)
            given = {
                "idempotencyKey": "d1",
                "user": user("u1"),
                "projectId": project_id(project),
                "amount": {"grams": 100},
            }
            late = await post(service, mutation("donateEnergy"), app_partner.headers, input=given)
            assert late.json()["errors"][0]["extensions"]["code"] == "DEADLINE_EXCEEDED"
            assert begun.is_set()
            go_on.set()

            async def is_donated() -> bool:
                return await Transfer.filter(kind="DONATE").count() == 1

            await eventually(is_donated)
        again = await donate(service.client(app_partner), "d1", project, 100)
        assert (again["replayed"], again["donation"]["amount"]) == (True, 100)


HOSTILE = {
    "fields 50 deep": "{ " + "node { " * 50 + "id" + " }" * 51,
    "1,000 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(1_000)) + " }",
    "10,000 directives": "{ __typename " + "@skip(if: true) " * 3_000 + "}",
    "100 root fields": "{ " + " ".join(f'a{n}: project(code: "x") {{ id }}' for n in range(100)) + " }",
    "chained fragments": '{ project(code: "x") { ...F0 } } '
    + " ".join(f"fragment F{n} on Project {{ ...F{n + 1} ...F{n + 1} }}" for n in range(14))
    + " fragment F14 on Project { id }",
    "circular fragments": '{ project(code: "x") { ...A } } '
    "fragment A on Project { ...B } fragment B on Project { ...A }",
    "lists in lists": "{ users(first: 100) { nodes { donations(first: 100) { nodes { fundedBy { amount } } } } } }",
    "a page of two billion": "{ projects(first: 2147483647) { nodes { id } } }",
    "an integer past 2^31": "{ projects(first: 2147483648) { nodes { id } } }",
    "an integer past 2^63": "{ projects(first: 9223372036854775808) { nodes { id } } }",
    "a string of a megabyte": '{ project(code: "' + "x" * 1_000_000 + '") { id } }',
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_document_is_refused_without_a_statement(
    service: Running, db: TortoiseContext, project: Project, name: str
) -> None:
    with counted(db) as statements:
        response = await post(service, HOSTILE[name])

    assert 400 <= response.status_code < 500
    assert statements == []
    assert (await post(service, PROJECTS, n=1)).json()["data"] == {"projects": {"nodes": [{"code": "longwu"}]}}


async def test_a_flood_of_hostile_documents_is_not_felt_by_a_key(
    db: TortoiseContext, url: str, app_partner: Actor, project: Project
) -> None:
    async with limited(url, db, anonymous_capacity=100, anonymous_refill=1) as service:

        async def flood() -> list[int]:
            return [(await post(service, HOSTILE[name])).status_code for name in HOSTILE for _ in range(5)]

        async def work() -> list[int]:
            return [(await post(service, PROJECTS, app_partner.headers, n=5)).status_code for _ in range(30)]

        refused, served = await asyncio.gather(flood(), work())
    assert served == [200] * 30
    assert refused[-1] in {413, 429}
    assert 429 in refused


async def test_a_read_for_which_there_is_no_time_is_told_when_to_come_back(
    service: Running, db: TortoiseContext, app_partner: Actor, project: Project
) -> None:
    find = "query ($id: ID!) { __typename project(id: $id) { code } }"
    await post(service, find, id=project_id(project))
    shared = loaders()
    shared.projects._waiting_max = 0
    answer = (await post(service, find, id=project_id(project))).json()
    (error,) = answer["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfterS"]) == ("OVERLOADED", 5)
    assert error["path"] == ["project"]
    assert answer["data"] == {"__typename": "Query", "project": None}

    # Not even the time to find out whose key it is.
    shared.keys._waiting_max = 0
    refused = await post(service, "{ viewer { keyId } }", app_partner.headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    (error,) = refused.json()["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfterS"]) == ("OVERLOADED", 5)

    shared.keys._waiting_max = shared.projects._waiting_max = 20_000
    assert (await post(service, find, app_partner.headers, id=project_id(project))).json()["data"]["project"]
