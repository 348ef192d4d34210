"""GraphQL over HTTP, after the draft of the GraphQL Foundation; event streams on the same URL.

A request is looked at from the outside in, the cheap questions first: method, what the client can read, what it
sends, who it is, and only then the body. Every answer is JSON with a code and the request id, also those to
bytes that make no sense.

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Generic, TypeAlias

from graphql import OperationType

from api.execution.announcements import Stream
from api.execution.engine import NEEDS_STREAM, Authenticate, Caller, Engine
from api.execution.errors import Code, Refused, format_bug
from api.execution.operation import Operation
from api.execution.requests import GraphQLRequest, read_json_request, read_request
from api.execution.results import Result, refusal
from api.execution.timing import TimeLimit
from api.transport.asgi import Exchange, Headers, Receive, Scope, Send
from api.transport.bodies import check_content_type, read_body, read_query
from api.transport.caching import SHARED_VARY, UNCACHED, VARY, shared
from api.transport.direct import Direct, Recognise
from api.transport.event_stream import DEFAULT_STREAM_LIMITS, EventStreamResponse, StreamLimits
from api.transport.negotiation import EVENT_STREAM, GRAPHQL_JSON, HTML, JSON, choose, choose_readable
from api.transport.operations import Disconnected
from api.transport.origins import Origins
from api.transport.responses import Response
from api.transport.sse import EventStreams

ALLOW = "GET, POST, PUT, DELETE, OPTIONS"
TOKEN_HEADER = "x-graphql-event-stream-token"  # noqa: S105

CURSOR_MAX = 1_000  # characters

# `X-GraphQL-Cost: dry-run` asks what an operation would cost, and executes nothing.
COST_HEADER = "x-graphql-cost"
DRY_RUN = "dry-run"


# Makes the page for a person with a browser, as it is now.
MakePage: TypeAlias = Callable[[], Response]


class GraphQLHTTP(Generic[Caller]):
    """The ASGI application of one GraphQL endpoint."""

    def __init__(
        self,
        engine: Engine[Caller],
        *,
        explorer: MakePage | None = None,
        origins: Collection[str] = (),
        body_max: int = 2**20,
        body_timeout_s: float = 10.0,
        streams: StreamLimits = DEFAULT_STREAM_LIMITS,
        recognise: Recognise[Caller] = lambda _: None,
    ) -> None:
        self.streams = EventStreams(streams)
        self._engine = engine
        self._explorer = explorer
        self._origins = Origins(origins)
        also = ", Origin" if origins else ""
        self._vary, self._shared_vary = VARY + also, SHARED_VARY + also
        self._body_max = body_max
        self._body_limit = TimeLimit(body_timeout_s)
        #: The way of ordinary requests, for a server that has it.
        self.direct = Direct(engine, recognise, self._always)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        exchange = Exchange.of(scope, receive, send)
        headers, request_id = exchange.headers, exchange.request_id
        self._engine.listen(headers)
        response: Response | EventStreamResponse
        try:
            response = await self._respond(exchange)
        except Disconnected:
            return
        except Refused as refused:
            response = _refuse(refused, request_id, headers)
        except Exception as error:  # whatever it was, the client gets JSON
            failed = Result(errors=(format_bug(error, request_id),), executed=False, status=500)
            response = Response(500, failed.json(), GRAPHQL_JSON, UNCACHED.copy())
        response.headers = {**self._always(headers), **response.headers, "x-request-id": request_id}
        await response.transmit(exchange)

    def _always(self, headers: Headers) -> dict[str, str]:
        """Return the headers that any answer to a request with these headers has."""
        return {"vary": self._vary, **self._origins.answer(headers)}

    async def close(self) -> None:
        """End all event streams, so that clients connect again elsewhere."""
        await self.streams.close()

    async def recheck(self, authenticate: Authenticate[Caller] | None = None) -> None:
        """End the event streams of clients that would not be let in any more.

        `authenticate` is asked instead of the engine's: it may know what many streams have in common.
        """
        await self.streams.recheck(authenticate or self._engine.authenticate)

    async def _respond(self, exchange: Exchange) -> Response | EventStreamResponse:
        match exchange.method:
            case "GET" | "POST":
                return await self._answer(exchange)
            case "PUT":
                await self._engine.authenticate(exchange.headers)
                token = self.streams.reserve(exchange.headers)
                return Response(201, token.encode(), "text/plain", UNCACHED.copy())
            case "DELETE":
                parameters = read_query(exchange.query_string)
                self.streams.complete(_token(exchange, parameters) or "", parameters.get("operationId", ""))
                return Response(200)
            case "OPTIONS":
                return Response(204, headers={"allow": ALLOW, **self._origins.answer_preflight(exchange.headers)})
        raise Refused(Code.METHOD_NOT_ALLOWED, f"Use one of {ALLOW}.", 405, headers={"allow": ALLOW})

    async def _answer(self, exchange: Exchange) -> Response | EventStreamResponse:
        """Answer a GET or a POST in the media type that the client likes best."""
        accept = exchange.headers.get("accept", "")
        is_get = exchange.method == "GET"
        if is_get and self._explorer and choose(accept, (JSON, GRAPHQL_JSON, EVENT_STREAM, HTML)) == HTML:
            return self._explorer()
        media_type = choose_readable(accept)
        if media_type is None:
            raise Refused(Code.NOT_ACCEPTABLE, f"The answer would be {GRAPHQL_JSON} or {JSON}.", 406)
        parameters = read_query(exchange.query_string)
        token = _token(exchange, parameters)
        if media_type == EVENT_STREAM and token is not None:
            return self.streams.connect(token)
        if not is_get:
            check_content_type(exchange.headers)
        caller = await self._engine.authenticate(exchange.headers)
        request = read_request(parameters) if is_get else read_json_request(await self._read_body(exchange))
        if token is not None:
            return self._add(exchange, token, request, caller)
        operation = self._prepare(exchange, request, caller, streams=media_type == EVENT_STREAM)
        if media_type == EVENT_STREAM:
            return self.streams.open(
                lambda: self._execute(operation, caller, exchange.request_id),
                exchange.request_id,
                exchange.headers,
            )
        if isinstance(operation, Operation):
            max_age_s = self._engine.max_age_s(operation, caller) if is_get and request.is_named else 0
            operation = await self._engine.run(operation, caller, exchange.request_id)
            if max_age_s and operation.executed and not operation.errors:
                # Without extensions: what the caller may still spend is the caller's own.
                body, also = (
                    replace(operation, extensions=None).json(),
                    {**operation.headers, "vary": self._shared_vary},
                )
                return shared(body, media_type, max_age_s, exchange.headers, also)
        # `application/json` promises that the status says only whether this was a request at all.
        status = 200 if media_type == JSON else operation.status
        return Response(status, operation.json(), media_type, {**UNCACHED, **operation.headers})

    def _add(self, exchange: Exchange, token: str, request: GraphQLRequest, caller: Caller) -> Response:
        """Add an operation to a reserved stream: single connection mode."""
        operation = self._prepare(exchange, request, caller, streams=True)
        if isinstance(operation, Result):
            return Response(operation.status, operation.json(), GRAPHQL_JSON, UNCACHED.copy())
        request_id = exchange.request_id
        self.streams.begin(
            token, request.extensions, lambda: self._engine.stream(operation, caller, request_id), request_id
        )
        return Response(202)

    def _prepare(
        self, exchange: Exchange, request: GraphQLRequest, caller: Caller, *, streams: bool
    ) -> Operation | Result:
        """Find the operation, check that it may be asked for like this, and charge its caller."""
        operation = self._engine.prepare(request, caller, exchange.request_id)
        if isinstance(operation, Result):
            return operation
        if operation.type is OperationType.MUTATION and exchange.method == "GET":
            raise Refused(Code.METHOD_NOT_ALLOWED, "Send a mutation by POST.", 405, headers={"allow": "POST"})
        if exchange.headers.get(COST_HEADER, "").strip().lower() == DRY_RUN:
            return self._engine.quote(operation, caller)
        if operation.type is OperationType.SUBSCRIPTION and not streams:
            raise Refused(Code.STREAM_REQUIRED, NEEDS_STREAM, 406)
        cursor = exchange.headers.get("last-event-id")
        if cursor and len(cursor) <= CURSOR_MAX and operation.type is OperationType.SUBSCRIPTION:
            operation = self._engine.resume(operation, cursor)
        return self._engine.charge(operation, caller, exchange.request_id)

    async def _execute(self, operation: Operation | Result, caller: Caller, request_id: str) -> Stream | Result:
        if isinstance(operation, Operation):
            return await self._engine.stream(operation, caller, request_id)
        return operation

    async def _read_body(self, exchange: Exchange) -> bytes:
        return await read_body(exchange.headers, exchange.receive, size_max=self._body_max, limit=self._body_limit)


def _token(exchange: Exchange, parameters: dict[str, Any]) -> str | None:
    """Return the token of a reserved stream, if the request names one."""
    return exchange.headers.get(TOKEN_HEADER) or parameters.get("token")


def _refuse(refused: Refused, request_id: str, request_headers: Headers) -> Response:
    media_type = choose_readable(request_headers.get("accept", ""))
    headers = {**UNCACHED, **refused.headers}
    if refused.status == 401:
        headers.setdefault("www-authenticate", 'Bearer realm="graphql"')
    body = refusal(refused, request_id).json()
    return Response(refused.status, body, JSON if media_type == JSON else GRAPHQL_JSON, headers)
