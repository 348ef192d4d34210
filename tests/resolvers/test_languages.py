"""Errors in the language that the caller asks for; their codes never change."""

import asyncio

import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from api.batching import Overloaded
from api.ledger import Ledger
from api.models import Project
from tests.conftest import Actor, Client, Running
from tests.resolvers.calls import Socket, call, donate, project_id, record, trip, user

CHINESE = {"Accept-Language": "zh-CN,zh;q=0.9,en;q=0.5"}


def chinese(service: Running, actor: Actor | None = None) -> Client:
    return Client(service.http, CHINESE | (actor.headers if actor else {}))


async def test_a_refusal_is_told_with_its_facts_in_the_callers_language(
    service: Running, app_partner: Actor, project: Project
) -> None:
    client = chinese(service, app_partner)
    await record(client, "trip")
    told = (await donate(client, "gift", project, 500))["errors"]
    again = (await donate(service.client(app_partner), "gift", project, 500))["errors"]

    assert [one.pop("message") for one in told] == ["用户的能量不足：需要 500 克，现有 416 克。"]
    assert [one.pop("message") for one in again] == ["The user has less energy than this: 416 g of 500 g."]
    assert told == again
    assert told[0]["code"] == "INSUFFICIENT_ENERGY"


async def test_the_reason_of_a_bad_input_is_told_in_the_callers_language(service: Running, app_partner: Actor) -> None:
    payload = await record(chinese(service, app_partner), "x" * 129)

    (error,) = payload["errors"]
    assert error["reason"] == error["message"] == "须为 1 至 128 个可打印字符。"


@pytest.mark.parametrize(
    ("query", "code", "message"),
    [
        ("{ project { id } }", "BAD_USER_INPUT", "请只给出 id 或 code 之一。"),
        ("{ projects(first: 101) { nodes { id } } }", "BAD_USER_INPUT", "每页 1 至 100 项。"),
        (
            "{ users { nodes { id } } }",
            "UNAUTHENTICATED",
            "请发送 API 密钥：Authorization: Bearer lk_…",
        ),
        (
            "{ nothing }",
            "GRAPHQL_VALIDATION_FAILED",
            "文档与 schema 不符。(Cannot query field 'nothing' on type 'Query'.)",
        ),
        ("{", "GRAPHQL_PARSE_FAILED", "文档不符合 GraphQL 语法。(Syntax Error: Expected Name, found <EOF>.)"),
    ],
)
async def test_an_error_of_the_request_is_told_in_the_callers_language(
    service: Running, query: str, code: str, message: str
) -> None:
    (error,) = (await chinese(service).send(query))["errors"]

    assert (error["extensions"]["code"], error["message"]) == (code, message)


async def test_a_wrong_key_is_refused_in_the_callers_language(service: Running) -> None:
    headers = CHINESE | {"Authorization": "Bearer lk_wrong_key"}
    response = await service.http.post("/graphql", json={"query": "{ __typename }"}, headers=headers)

    (error,) = response.json()["errors"]
    assert (response.status_code, error["extensions"]["code"]) == (401, "UNAUTHENTICATED")
    assert error["message"] == "缺少密钥或令牌，或其无效：错误、已过期或已吊销。"


@pytest.mark.parametrize("place", ["handshake", "payload"])
async def test_a_socket_speaks_the_language_of_its_handshake(
    service: Running, ngo: Actor, project: Project, place: str
) -> None:
    handshake = CHINESE if place == "handshake" else {}
    payload = ngo.headers | (CHINESE if place == "payload" else {})
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(service.websocket_address, subprotocols=[protocol], additional_headers=handshake) as connection:
        socket = Socket(connection)
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.receive() == {"type": "connection_ack"}
        follow = 'subscription ($id: ID!) { donationUpdates(projectIds: [$id], after: "x") { __typename } }'
        await socket.subscribe(follow, id=project_id(project))
        (error,) = await socket.refusal()

    assert error["extensions"]["code"] == "BAD_CURSOR"
    assert error["message"] == "此游标不是由该订阅给出的。"


async def test_an_event_stream_speaks_the_language_of_its_request(service: Running) -> None:
    headers = CHINESE | {"Accept": "text/event-stream"}
    response = await service.http.post("/graphql", json={"query": "{ nothing }"}, headers=headers)

    data = next(line for line in response.text.splitlines() if line.startswith("data: {"))
    (error,) = orjson.loads(data.removeprefix("data: "))["errors"]
    assert error["message"].startswith("文档与 schema 不符。")


async def test_callers_at_the_same_time_each_hear_their_own_language(service: Running) -> None:
    clients = [chinese(service), service.client()] * 3
    answers = await asyncio.gather(*(client.send("{ project { id } }") for client in clients))

    assert [answer["errors"][0]["message"] for answer in answers] == [
        "请只给出 id 或 code 之一。",
        "Say either id or code.",
    ] * 3


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "More is waiting than can be served in good time. Try again in 5 s."),
        (CHINESE, "等待处理的请求过多。请在 5 秒后重试。"),
    ],
)
async def test_a_call_that_finds_the_queue_full_is_told_when_to_come_back(
    service: Running,
    app_partner: Actor,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
    message: str,
) -> None:
    async def full(*_: object, **__: object) -> None:
        raise Overloaded("20000 requests are waiting")

    monkeypatch.setattr(Ledger, "donate", full)
    client = Client(service.http, headers | app_partner.headers)
    donation = "mutation ($input: DonateEnergyInput!) { donateEnergy(input: $input) { replayed } }"
    given = {"idempotencyKey": "k", "user": user("u1"), "projectId": "prj_x", "amount": {"all": "ALL"}}
    (error,) = (await client.send(donation, input=given))["errors"]

    assert error["message"] == message
    assert (error["extensions"]["code"], error["extensions"]["retryAfterS"]) == ("OVERLOADED", 5)


async def test_an_action_that_finds_the_queue_full_is_a_temporary_failure_among_others(
    service: Running, app_partner: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object, **__: object) -> list[Exception]:
        return [Overloaded("20000 requests are waiting")]

    monkeypatch.setattr(Ledger, "record", full)
    client = chinese(service, app_partner)
    payload = await call(client, "recordActions", idempotencyKey="k", actions=[{"user": user("u1"), "legs": [trip()]}])

    (error,) = payload["results"][0]["errors"]
    assert (error["code"], error["retryable"]) == ("TEMPORARY_FAILURE", True)
    assert error["message"].startswith("发生意外情况。请用相同的幂等键重新发送此项。")
