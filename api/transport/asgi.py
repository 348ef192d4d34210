"""The vocabulary of ASGI, and the few facts that are read from a scope."""

import os
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

Headers: TypeAlias = Mapping[str, str]

# An extension of ours in `scope["extensions"]`, with the one entry `send`.
SEND_NOW = "lucid.send_now"

# Sends messages of text, all of them or none; tells whether it did.
SendNow: TypeAlias = Callable[[Iterable[bytes]], bool]

# Another one, with the one entry `respond`.
RESPOND = "lucid.respond"

# Answers with a status, headers and a whole body at once; tells whether it did.
Respond: TypeAlias = Callable[[Scope, int, Mapping[str, str], bytes], bool]

# Under this name, which no header can have, stands the address of the peer: callers without a key have no other.
CLIENT = ":client"

RANDOM_AT_ONCE = 256

# What may be echoed into a header and a log line without asking what it does there.
_SANE_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,100}")


def read_headers(scope: Scope) -> dict[str, str]:
    """Return the headers by name, in lower case as ASGI has them, and the peer's address as `:client`.

    What was sent twice is joined with a comma, as HTTP has it.
    """
    client = scope.get("client")
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    headers[CLIENT] = client[0] if client else ""
    return headers


def read_request_id(headers: Headers) -> str:
    """Return the caller's `X-Request-Id` if it is sane, and a new one otherwise."""
    given = headers.get("x-request-id", "")
    return given if _SANE_REQUEST_ID.fullmatch(given) else make_request_id()


def _random() -> Iterator[str]:
    """Yield random numbers of 128 bits: asking the system for many at once takes a tenth of the time."""
    while True:
        drawn = os.urandom(16 * RANDOM_AT_ONCE).hex()
        for start in range(0, len(drawn), 32):
            yield drawn[start : start + 32]


_randoms = [_random()]
# A forked process must not draw what its parent draws.
os.register_at_fork(after_in_child=lambda: _randoms.__setitem__(0, _random()))


def make_request_id() -> str:
    """Return the id of a request that has none."""
    return next(_randoms[0])


def read_send_now(scope: Scope) -> SendNow | None:
    """Return what sends at once to the client of a socket, where the server has that."""
    extension: Mapping[str, SendNow] = scope.get("extensions", {}).get(SEND_NOW, {})
    return extension.get("send")


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Exchange:
    """One HTTP request, the id by which it is known, and how it is answered."""

    scope: Scope
    headers: Headers
    request_id: str
    receive: Receive
    send: Send

    @classmethod
    def of(cls, scope: Scope, receive: Receive, send: Send) -> "Exchange":
        """Read what stands before the body."""
        headers = read_headers(scope)
        return cls(scope, headers, read_request_id(headers), receive, send)

    @property
    def method(self) -> str:
        """GET, POST and so on."""
        method: str = self.scope["method"]
        return method

    @property
    def query_string(self) -> bytes:
        """What stands behind the question mark."""
        query_string: bytes = self.scope["query_string"]
        return query_string

    def respond(self, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Answer at once, where the server has that; tell whether it did."""
        extension: Mapping[str, Respond] = self.scope.get("extensions", {}).get(RESPOND, {})
        respond = extension.get("respond")
        return respond is not None and respond(self.scope, status, headers, body)
