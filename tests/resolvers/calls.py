"""What a partner's program sends, and what a test looks at afterwards: documents, sockets, the state of the ledger."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from graphql import GraphQLSchema, GraphQLUnionType, build_schema
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from api.ledger import Leg
from api.models import Account, Action, Gap, LinkCode, Outbox, Project, Transfer, UserLink, encode_id, now
from tests.conftest import Actor, Client, Running, eventually, leg

SHANGHAI = ZoneInfo("Asia/Shanghai")
HANG_S = 20
USER_ERROR = ("code", "message", "path", "retryable")


@cache
def contract() -> GraphQLSchema:
    """The schema as partners read it."""
    return build_schema(Path("schema.graphql").read_text(encoding="utf-8"))


def errors_of(union: str) -> str:
    """Select the errors of a payload with all their facts."""
    kind = contract().type_map[union]
    assert isinstance(kind, GraphQLUnionType)
    facts = [
        f"... on {member.name} {{ {' '.join(extra)} }}"
        for member in kind.types
        if (extra := [name for name in member.fields if name not in USER_ERROR])
    ]
    return f"errors {{ __typename ... on UserError {{ {' '.join(USER_ERROR)} }} {' '.join(facts)} }}"


BALANCE = "balance { available earned donated }"
ACTION = "action { id status credited takenBack externalRef calculation { emissionReduction } }"
RESULTS = {
    "recordAction": ACTION,
    "reverseAction": ACTION,
    "donateEnergy": "donation { id amount status }",
    "reverseDonation": "donation { id amount status }",
    "issueLinkCode": "linkCode { code expiresAt redeemedAt }",
    "linkUser": "user { id externalRef balance { available } }",
    "unlinkUser": "unlinkedId",
    "createUserToken": "token scopes expiresAt",
}
PROJECT = """project { id code name { zh en } description { zh en } category sector sdgs location { coordinates } goal
  status organisations { role partner { slug } } }"""


def mutation(name: str) -> str:
    """Write the document of a mutation that selects everything."""
    capital = name[0].upper() + name[1:]
    if name == "recordActions":
        item = f"results {{ {RESULTS['recordAction']} {BALANCE} replayed {errors_of('RecordActionError')} }}"
        selection = f"{item} {errors_of('RecordActionsError')}"
    elif name == "advanceSandboxClock":
        selection = f"now replayed {errors_of('AdvanceSandboxClockError')}"
    elif "Project" in name:
        selection = f"{PROJECT} replayed {errors_of(f'{capital}Error')}"
    else:
        selection = f"{RESULTS[name]} {BALANCE} replayed {errors_of(f'{capital}Error')}"
    return f"mutation ($input: {capital}Input!) {{ {name}(input: $input) {{ {selection} }} }}"


async def call(client: Client, name: str, /, **given: Any) -> dict[str, Any]:
    """Call a mutation and return its payload."""
    payload: dict[str, Any] = (await client(mutation(name), input=given))[name]
    return payload


def project_id(project: Project) -> str:
    """Return the project's global id."""
    return encode_id("prj", project.id)


def user(ref: str) -> dict[str, str]:
    """Name a user by the partner's own reference."""
    return {"externalRef": ref}


def written(leg: Leg) -> dict[str, Any]:
    """Return a leg as JSON."""
    return {
        "type": leg.type,
        "quantity": leg.quantity,
        "startedAt": leg.started_at.isoformat(),
        "endedAt": leg.ended_at.isoformat(),
    }


def at_hour(hour: float, days_ago: int = 2) -> datetime:
    """Return a moment of a day that is over, by the clock of the programme's zone."""
    date = now().astimezone(SHANGHAI).date() - timedelta(days=days_ago)
    return datetime.combine(date, time(), SHANGHAI) + timedelta(hours=hour)


def trip(kind: str = "BUS", quantity: int = 8_000, *, hour: float = 9, days_ago: int = 2, kmh: float = 40) -> Any:
    """Return a leg that ended at an hour of a day that is over; 8,000 m by bus give 416 g."""
    return written(leg(kind, quantity, at_hour(hour, days_ago), kmh=kmh))


def in_utc(text: str) -> str:
    """Return a moment as answers show it."""
    return datetime.fromisoformat(text).astimezone(UTC).isoformat().replace("+00:00", "Z")


async def record(client: Client, key: str, ref: str = "u1", **given: Any) -> dict[str, Any]:
    """Record an action; a bus trip of 416 g if nothing else is said."""
    legs = given.pop("legs", None) or [trip()]
    return await call(client, "recordAction", idempotencyKey=key, user=user(ref), legs=legs, **given)


async def donate(client: Client, key: str, project: Project, grams: int | None, ref: str = "u1") -> dict[str, Any]:
    """Donate grams, or all."""
    amount = {"all": "ALL"} if grams is None else {"grams": grams}
    return await call(
        client, "donateEnergy", idempotencyKey=key, user=user(ref), projectId=project_id(project), amount=amount
    )


async def earned(client: Client, *trips: tuple[str, int]) -> None:
    """Let users earn 416 g for each bus trip: (reference, number of trips), at most 9 a day as the cap is 3,900 g."""
    items = [{"user": user(ref), "legs": [trip(hour=6 + number)]} for ref, count in trips for number in range(count)]
    payload = await call(client, "recordActions", idempotencyKey="earned", actions=items)
    assert [one["errors"] for one in payload["results"]] == [[]] * len(items)


async def energy() -> dict[str, Any]:
    """Return all that a refused write may not change."""
    return {
        "accounts": sorted(
            (row.user_id, row.credited, row.debited, row.held) for row in await Account.all() if row.credited
        ),
        "actions": sorted((row.id, row.status, row.taken_back_g) for row in await Action.all()),
        "transfers": sorted(row.id for row in await Transfer.all()),
        "gaps": sorted(row.id for row in await Gap.all()),
        "codes": sorted((row.id, row.redeemed_by) for row in await LinkCode.all()),
        "links": sorted(row.id for row in await UserLink.all()),
    }


async def sealed() -> None:
    """Wait until every donation has its number."""

    async def is_empty() -> bool:
        return not await Outbox.all().exists()

    await eventually(is_empty)


class Socket:
    """A graphql-transport-ws client that shows every message."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self._subscriptions = 0

    async def send(self, message: Mapping[str, Any]) -> None:
        """Send a message."""
        await self.connection.send(orjson.dumps(message).decode())

    async def receive(self) -> dict[str, Any]:
        """Return the next message."""
        async with asyncio.timeout(HANG_S):
            message: dict[str, Any] = orjson.loads(await self.connection.recv())
        return message

    async def subscribe(self, query: str, **variables: Any) -> None:
        """Begin an operation."""
        self._subscriptions += 1
        payload = {"query": query, "variables": variables}
        await self.send({"id": str(self._subscriptions), "type": "subscribe", "payload": payload})

    async def next(self) -> dict[str, Any]:
        """Return the data of the next message, which must be a result."""
        message = await self.receive()
        assert message["type"] == "next", message
        assert "errors" not in message["payload"], message
        data: dict[str, Any] = message["payload"]["data"]
        return data

    async def updates(self, count: int) -> list[dict[str, Any]]:
        """Return so many results of `donationUpdates`."""
        return [(await self.next())["donationUpdates"] for _ in range(count)]

    def drop(self) -> None:
        """Vanish without a word, as a train in a tunnel."""
        self.connection.transport.abort()

    async def refusal(self) -> Sequence[dict[str, Any]]:
        """Return the errors that the operation ended with."""
        message = await self.receive()
        assert message["type"] == "error", message
        errors: Sequence[dict[str, Any]] = message["payload"]
        return errors


@asynccontextmanager
async def socket_of(running: Running, actor: Actor | None) -> AsyncIterator[Socket]:
    """Open a socket and introduce the actor, or nobody."""
    protocol = Subprotocol("graphql-transport-ws")
    async with connect(running.websocket_address, subprotocols=[protocol]) as connection:
        socket = Socket(connection)
        payload = actor.headers if actor is not None else {}
        await socket.send({"type": "connection_init", "payload": payload})
        assert await socket.receive() == {"type": "connection_ack"}
        yield socket


UPDATES = """
subscription ($projects: [ID!]!, $after: String, $startAt: StartPosition! = BEGINNING) {
  donationUpdates(projectIds: $projects, after: $after, startAt: $startAt) {
    __typename
    ... on DonationEvent { kind sequence cursor donationId projectId amount totalAfter donor project { code } }
    ... on Checkpoint { cursor positions { projectId sequence } }
  }
}
"""
PROGRESS = """
subscription ($project: ID!) {
  projectProgress(projectId: $project) { projectId energyRaised donations donors sequence }
}
"""


def refusal(kind: str, path: str = "", *, retryable: bool = False, **facts: Any) -> dict[str, Any]:
    """Return a refusal as partners see it, without the sentence for people; `path` with dots."""
    code = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in kind).lstrip("_")
    return {
        "__typename": kind,
        "code": code,
        "path": path.split(".") if path else [],
        "retryable": retryable,
    } | facts


async def assert_refused(
    client: Client, name: str, given: dict[str, Any], expected: dict[str, Any], *, stored: bool = True
) -> dict[str, Any]:
    """Call twice and assert that both are refused alike, and that nothing changed; return the first payload.

    `stored`: the refusal is the answer to its key for ever, so the second is a repetition.
    """
    before = await energy()
    payloads = [await call(client, name, **given) for _ in range(2)]
    for payload in payloads:
        (error,) = payload["errors"]
        assert error.pop("message").endswith(".")
        assert error == expected
        assert not any(payload.get(one) for one in ("action", "donation", "linkCode", "user", "unlinkedId", "token"))
    assert [payload["replayed"] for payload in payloads] == [False, stored]
    assert await energy() == before
    return payloads[0]
