"""Calls of `recordActions` with 1,000 actions each, made before the clock starts and sent by next to nothing.

The sender shares its core with the database. So while it measures it parses nothing: it writes bytes that lie ready,
and counts in the bytes that come back what must be in them. What was written is counted in the database afterwards.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.checks import RowsWrong, count_rows
from bench.numbers import Numbers, leg, trip
from bench.postgres import Server
from bench.servers import Running

CALL = 1_000
#: Calls under way at the same time.
SENDERS = 4
#: Faster than any server yet: as many are made as it would answer.
FASTEST_PER_S = 40_000
RECORD = """mutation Record($input: RecordActionsInput!) {
  recordActions(input: $input) {
    results { action { id credited status } replayed errors { __typename } }
    errors { __typename }
  }
}"""
#: How often an answer must say what, when each action was credited, and for the first time.
SAYS = {b'"status":"CREDITED"': CALL, b'"replayed":false': CALL, b'"errors":[]': CALL + 1}
HEAD_END = b"\r\n\r\n"


class CallFailed(Exception):
    """A call was not answered as it must be."""


@dataclass(frozen=True)
class Recorded:
    """What some seconds of calls came to."""

    actions: int
    seconds: float
    #: CPU for each action.
    server_us: float
    database_us: float

    @property
    def per_s(self) -> float:
        """Actions in a second."""
        return self.actions / self.seconds


def record_many(
    server: Server, running: Running, known: Mapping[str, Any], numbers: Numbers, seconds: float
) -> Recorded:
    """Send calls for some seconds, each with new keys, and new trips of the first app's users.

    Raises: CallFailed, RowsWrong.
    """
    users = [user[1] for user in known["users"] if user[2] == 0]
    calls = [
        _request(known["keys"][0], users, numbers.next + number * CALL)
        for number in range(int(seconds * FASTEST_PER_S / CALL))
    ]
    before = count_rows(server, running.database, "W1")
    server_s, database_s = running.cpu_s(), server.cpu_s()
    begun = time.perf_counter()
    sent = asyncio.run(_send(running.port, calls, begun + seconds))
    took = time.perf_counter() - begun
    server_s, database_s = running.cpu_s() - server_s, server.cpu_s() - database_s
    actions = sent * CALL
    numbers.use(actions)
    after = count_rows(server, running.database, "W1")
    added = {what: after[what] - before[what] for what in before}
    if set(added.values()) != {actions}:
        raise RowsWrong(f"{actions} actions were acknowledged, added were {added}")
    return Recorded(actions, took, server_s / actions * 1e6, database_s / actions * 1e6)


def _request(key: str, users: Sequence[str], first: int) -> bytes:
    actions = []
    for number in range(first, first + CALL):
        user, starts = trip(number, len(users))
        actions.append({"user": {"id": users[user]}, "legs": [leg(starts)]})
    variables = {"input": {"idempotencyKey": f"bulk-{first}", "actions": actions}}
    body = json.dumps({"query": RECORD, "variables": variables}, separators=(",", ":")).encode()
    head = (
        f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\nAccept: application/json\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _send(port: int, calls: Sequence[bytes], ends_at: float) -> int:
    """Send calls until the time is over, or there are none left; return how many were answered."""
    waiting = iter(calls)
    return sum(await asyncio.gather(*(_send_in_turn(port, waiting, ends_at) for _ in range(SENDERS))))


async def _send_in_turn(port: int, calls: Iterator[bytes], ends_at: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.perf_counter() < ends_at and (call := next(calls, None)) is not None:
        writer.write(call)
        head = (await reader.readuntil(HEAD_END)).lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if not head.startswith(b"http/1.1 200") or any(answer.count(one) != often for one, often in SAYS.items()):
            raise CallFailed(f"{head.decode()}{answer[:500].decode()}")
        answered += 1
    writer.close()
    return answered
