"""What a caller asks for, the same on every transport: a GraphQL request, checked for its form.

The form is all that is checked here: which parameters there are, and that no string holds what no database and no
log can take. Whether the document makes sense is for `documents`, whether the variables do for `runtime`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import orjson

from api.execution.errors import Code, Refused

# Coercing a variable takes microseconds for each value in it, and a megabyte has room for half a million. A thousand
# actions in one call, of a few legs each, are 40,000.
VALUES_MAX = 50_000

NOTHING: Mapping[str, Any] = MappingProxyType({})


# Made for each request, and so not frozen: that would take three times as long.
@dataclass(slots=True)
class GraphQLRequest:
    """A document, by its text or by a name it is known under, and what to fill in."""

    query: str | None = None
    operation_name: str | None = None
    variables: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    extensions: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    document_id: str | None = None

    @property
    def is_named(self) -> bool:
        """Whether the document goes by a name, which leads to the same text for ever."""
        return self.document_id is not None or "persistedQuery" in self.extensions


def decode_json(body: bytes | str) -> object:
    """Decode JSON, which excludes NaN, infinities, invalid UTF-8 and half a surrogate pair.

    Raises: Refused, whatever the bytes are.
    """
    try:
        value: object = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused(Code.BAD_REQUEST, f"This is not JSON: {error}") from None
    return value


def read_json_request(body: bytes) -> GraphQLRequest:
    """Read a request that is a JSON text.

    Raises: Refused.
    """
    return read_request(decode_json(body), body)


def read_request(parameters: object, body: bytes | None = None) -> GraphQLRequest:
    """Check the form of a request's parameters, and that no value in them can do harm.

    `body`: the JSON text that all of them were decoded from, if there is one. What cannot be in the text need not be
    looked for in the values.

    Raises: Refused.
    """
    if not isinstance(parameters, dict):
        what = "A batch of requests is not supported" if isinstance(parameters, list) else "A request is a JSON object"
        raise Refused(Code.BAD_REQUEST, f"{what}: send an object with the entry `query`.")
    if body is None or not _is_harmless(body):
        _check_values(parameters)
    query = _optional(parameters, "query", str)
    document_id = _optional(parameters, "documentId", str)
    extensions = _optional(parameters, "extensions", dict) or NOTHING
    if query is None and document_id is None and "persistedQuery" not in extensions:
        raise Refused(Code.BAD_REQUEST, "The entry `query` is missing.")
    return GraphQLRequest(
        query=query,
        operation_name=_optional(parameters, "operationName", str) or None,
        variables=_optional(parameters, "variables", dict) or NOTHING,
        extensions=extensions,
        document_id=document_id,
    )


def _optional(parameters: dict[str, Any], name: str, kind: type) -> Any:
    value = parameters.get(name)
    if value is not None and not isinstance(value, kind):
        what = "a string" if kind is str else "an object"
        raise Refused(Code.BAD_REQUEST, f"The entry `{name}` is not {what}.")
    return value


def _is_harmless(body: bytes) -> bool:
    """Tell by the text of JSON alone that `_check_values` would find nothing; False where only a look can tell.

    In a string NUL can only be this escape. Each value but the first follows a comma or is the first in brackets, and
    each name has its colon; those in strings, which count as well, only make it seem more.
    """
    return b"\\u0000" not in body and sum(map(body.count, (b",", b"[", b"{", b":"))) < VALUES_MAX


def _check_values(parameters: dict[str, Any]) -> None:
    """Look at every value: there are not too many of them, and no string holds the character NUL."""
    stack: list[Any] = [parameters]
    count = 0
    while stack:
        item = stack.pop()
        count += 1
        if isinstance(item, str):
            if "\0" in item:
                raise Refused(Code.BAD_REQUEST, "A string holds the character NUL.")
        elif isinstance(item, dict):
            stack += item.keys()
            stack += item.values()
        elif isinstance(item, list):
            stack += item
        if count + len(stack) > VALUES_MAX:
            message = f"The request exceeds a limit: it holds more than {VALUES_MAX:,} values."
            raise Refused(Code.LIMIT_EXCEEDED, message)
