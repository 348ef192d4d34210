"""GraphQL over HTTP, after the draft of the GraphQL Foundation.

A request is looked at from the outside in, the cheap questions first: method, what the client can read, what it
sends, who it is, and only then the body. Every answer is JSON with a code and the request id, also those to
bytes that make no sense.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Collection
from typing import Any, Generic
from urllib.parse import parse_qs

from graphql import OperationType

from api.execution.errors import Code, Refused, format_bug
from api.execution.requests import GraphQLRequest, decode_json, read_request
from api.execution.results import Result, refusal
from api.execution.runtime import NEEDS_STREAM, Caller, Engine, Operation
from api.transport.asgi import Headers, Receive, Scope, Send, read_headers, read_request_id
from api.transport.bodies import check_content_type, read_body
from api.transport.negotiation import GRAPHQL_JSON, HTML, JSON, choose
from api.transport.operations import Disconnected
from api.transport.origins import Origins
from api.transport.responses import Response, send_response

ALLOW = "GET, POST, OPTIONS"

# An answer may depend on the caller, and a cache cannot tell.
UNCACHED = {"cache-control": "private, no-store"}


class GraphQLHTTP(Generic[Caller]):
    """The ASGI application of one GraphQL endpoint."""

    def __init__(
        self,
        engine: Engine[Caller],
        *,
        explorer: str | None = None,
        origins: Collection[str] = (),
        body_max: int = 2**20,
        body_timeout_s: float = 10.0,
    ) -> None:
        self._engine = engine
        self._explorer = explorer.encode() if explorer is not None else None
        self._origins = Origins(origins)
        self._body_max = body_max
        self._body_timeout_s = body_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = read_headers(scope)
        request_id = read_request_id(headers)
        try:
            response = await self._respond(scope, headers, receive, request_id)
        except Disconnected:
            return
        except Refused as refused:
            response = _refuse(refused, request_id, _readable(headers) or GRAPHQL_JSON)
        except Exception as error:  # whatever it was, the client gets JSON
            failed = Result(errors=(format_bug(error, request_id),), executed=False, status=500)
            response = Response(500, failed.json(), GRAPHQL_JSON, UNCACHED.copy())
        response.headers |= {"x-request-id": request_id, **self._origins.answer(headers)}
        await send_response(response, headers, send)

    async def _respond(self, scope: Scope, headers: Headers, receive: Receive, request_id: str) -> Response:
        method = scope["method"]
        if method == "OPTIONS":
            return Response(204, headers={"allow": ALLOW, **self._origins.answer_preflight(headers)})
        if method not in {"GET", "POST"}:
            raise Refused(Code.METHOD_NOT_ALLOWED, f"Use one of {ALLOW}.", 405, headers={"allow": ALLOW})
        if method == "GET" and self._explorer and choose(headers.get("accept", ""), (JSON, GRAPHQL_JSON, HTML)) == HTML:
            return Response(200, self._explorer, HTML)
        media_type = _readable(headers)
        if media_type is None:
            raise Refused(Code.NOT_ACCEPTABLE, f"The answer would be {GRAPHQL_JSON} or {JSON}.", 406)
        if method == "POST":
            check_content_type(headers)
        caller = await self._engine.authenticate(headers)
        request = await self._read(method, scope, headers, receive)
        result = await self._execute(method, request, caller, request_id)
        # `application/json` promises that the status says only whether this was a request at all.
        status = 200 if media_type == JSON else result.status
        return Response(status, result.json(), media_type, UNCACHED.copy())

    async def _read(self, method: str, scope: Scope, headers: Headers, receive: Receive) -> GraphQLRequest:
        if method == "GET":
            return read_request(_read_query(scope["query_string"]))
        body = await read_body(headers, receive, size_max=self._body_max, timeout_s=self._body_timeout_s)
        return read_request(body)

    async def _execute(self, method: str, request: GraphQLRequest, caller: Caller, request_id: str) -> Result:
        operation = self._engine.prepare(request)
        if isinstance(operation, Operation):
            if operation.type is OperationType.SUBSCRIPTION:
                raise Refused(Code.STREAM_REQUIRED, NEEDS_STREAM, 406)
            if operation.type is OperationType.MUTATION and method == "GET":
                raise Refused(Code.METHOD_NOT_ALLOWED, "Send a mutation by POST.", 405, headers={"allow": "POST"})
            return await self._engine.run(operation, caller, request_id)
        return self._engine.reject(operation, request_id)


def _readable(headers: Headers) -> str | None:
    """Return the media type to answer in, if the client can read one."""
    accept = headers.get("accept", "")
    # A client that can read anything may well be one that knows only the older of the two.
    offered = (JSON, GRAPHQL_JSON) if "*/*" in accept else (GRAPHQL_JSON, JSON)
    return choose(accept, offered)


def _read_query(query_string: bytes) -> dict[str, Any]:
    """Read the parameters of a GET request: `variables` and `extensions` are JSON."""
    try:
        fields = parse_qs(query_string.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20)
    except (UnicodeError, ValueError):
        raise Refused(Code.BAD_REQUEST, "The query of the URL is not encoded as UTF-8 form data.") from None
    if any(len(values) > 1 for values in fields.values()):
        raise Refused(Code.BAD_REQUEST, "A parameter of the URL is there twice.")
    parameters: dict[str, Any] = {name: values[0] for name, values in fields.items()}
    for name in ("variables", "extensions"):
        if name in parameters:
            parameters[name] = decode_json(parameters[name]) if parameters[name] else None
    return parameters


def _refuse(refused: Refused, request_id: str, media_type: str) -> Response:
    headers = {**UNCACHED, **refused.headers}
    if refused.status == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="graphql"')
    return Response(refused.status, refusal(refused, request_id).json(), media_type, headers)
