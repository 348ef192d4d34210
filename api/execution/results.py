"""What a caller is answered, the same on every transport."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson
from graphql import GraphQLError

from api.execution.errors import FormattedError, Refused, format_request_errors
from api.execution.written import Written, fragment

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class Result:
    """A response: what was executed, or why nothing was.

    `status` is what GraphQL over HTTP answers to a client that understands it; other transports ignore it.
    A response that is JSON already has that in `encoded`, and need not have its data.
    """

    data: Any = None
    errors: tuple[FormattedError, ...] = ()
    executed: bool = True
    status: int = 200
    extensions: Mapping[str, Any] | None = None
    encoded: bytes | None = None
    # What a transport with headers says beside it.
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS)

    def extended(self, extensions: Mapping[str, Any]) -> "Result":
        """Return the same result with these extensions instead of its own."""
        return Result(self.data, self.errors, self.executed, self.status, extensions, self.encoded, self.headers)

    def payload(self) -> dict[str, Any]:
        """Return the response as GraphQL defines it: without `data` when nothing was executed."""
        payload: dict[str, Any] = {}
        if self.errors:
            payload["errors"] = list(self.errors)
        if self.executed:
            payload["data"] = self.data
        if self.extensions:
            payload["extensions"] = dict(self.extensions)
        return payload

    def json(self) -> bytes:
        """Return the response as JSON."""
        if self.encoded is None:
            if not self.errors and self.executed:  # as nearly always
                answer = {"data": self.data, "extensions": self.extensions} if self.extensions else {"data": self.data}
                return encode(answer)
            return encode(self.payload())
        if not self.extensions:
            return self.encoded
        return b'%b,"extensions":%b}' % (self.encoded[:-1], encode(dict(self.extensions)))


def refusal(refused: Refused, request_id: str) -> Result:
    """Say that a request was refused as a whole."""
    return Result(errors=(refused.formatted(request_id),), executed=False, status=refused.status)


def rejected(errors: Iterable[GraphQLError], request_id: str, *, status: int = 400) -> Result:
    """Say what is wrong with a request, before it was executed."""
    return Result(errors=format_request_errors(errors, request_id), executed=False, status=status)


def encode(value: object) -> bytes:
    """Encode JSON, and never fail: an answer that was worked for is not lost to an odd value in it."""
    try:
        return orjson.dumps(value, default=fragment)
    except TypeError:  # an integer past 64 bits, half of a surrogate pair, something from a custom scalar
        return json.dumps(value, default=_plain, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    return orjson.loads(value.text) if isinstance(value, Written) else str(value)
