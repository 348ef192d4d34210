"""The direct way of an ordinary request: its head has come before, its body is here, and so is its operation, compiled.

Nearly every request of a partner's server is like that. Such a one needs none of what the ordinary way has for the
others: a task, ASGI's messages, decisions about media types, refusals of what is malformed. It is answered in
callbacks: the caller is looked up, the operation is charged and executed, the answer is written.

What this way does not know it does not take. As long as nothing has been charged, any doubt sends the request, as it
came, to the ordinary way (`api.transport.http`), which decides, and answers what is to be answered: so every refusal
is said in one place. Both do the same checks in the same order of consequence: nothing is executed for a caller that is
not known, or beyond its budget.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeAlias

from api.execution.engine import Caller, Engine
from api.execution.errors import Refused, format_bug
from api.execution.executables import Executable
from api.execution.operation import Operation
from api.execution.requests import read_json_request
from api.execution.results import Result
from api.transport.asgi import Headers, Scope, read_headers
from api.transport.bodies import check_content_type
from api.transport.caching import UNCACHED
from api.transport.compression import COMPRESSED_FROM
from api.transport.heads import Head, Heads, Known
from api.transport.negotiation import EVENT_STREAM, JSON, choose_readable
from api.transport.responses import Response, lines_of

# Begins to look up the caller.
LookUp: TypeAlias = Callable[[], asyncio.Future[Caller]]
# Returns that for the headers of a request, where one look-up is all it takes; None where it takes more.
Recognise: TypeAlias = Callable[[Headers], LookUp[Caller] | None]
# Returns the headers that any answer to a request with these headers has.
Always: TypeAlias = Callable[[Headers], Mapping[str, str]]

#: Bytes. So much comes in one piece.
BODY_MAX = 2**16
#: Headers that ask for something else than an ordinary answer.
SPECIAL = ("x-graphql-event-stream-token", "last-event-id", "x-graphql-cost", "content-encoding", "expect")

#: What the protocol finds the direct ways under, in the state of the application: by path.
DIRECT = "direct"


class Connection(Protocol):
    """Where a request came from."""

    def answer(self, head: bytes, body: bytes) -> None:
        """Send an answer: its status and the headers that are its own, and its body."""

    def give_back(self, data: bytes) -> None:
        """Take a request back, as it came, and send it the ordinary way."""


class About(Generic[Caller]):
    """What the direct way wants to know of a head."""

    __slots__ = ("accept_encoding", "always", "look_up", "media_type")

    def __init__(
        self, look_up: LookUp[Caller], media_type: str, accept_encoding: str, always: Mapping[str, str]
    ) -> None:
        self.look_up = look_up
        self.media_type = media_type
        self.accept_encoding = accept_encoding
        self.always = always


class Direct(Generic[Caller]):
    """The direct way to one endpoint."""

    def __init__(self, engine: Engine[Caller], recognise: Recognise[Caller], always: Always) -> None:
        self.heads = Heads()
        #: How many requests it has taken, of which few may have been given back.
        self.taken = 0
        self._engine = engine
        self._recognise = recognise
        self._always = always

    def learn(self, data: bytes, scope: Scope) -> None:
        """Remember the head with which some bytes begin, from which this scope was just read, if it is ordinary."""
        if scope["method"] != "POST" or scope["query_string"] or self.heads.find(data) is not None:
            return
        headers = read_headers(scope)
        media_type = choose_readable(headers.get("accept", ""))
        if media_type is None or media_type == EVENT_STREAM or any(name in headers for name in SPECIAL):
            return
        look_up = self._recognise(headers)
        if look_up is None:
            return
        try:
            check_content_type(headers)
        except Refused:
            return
        always = self._always(headers)
        about = About(look_up, media_type, headers.get("accept-encoding", ""), always)
        usual = Response(200, b"", media_type, {**UNCACHED, **always})
        lead = lines_of(200, {**usual.own_headers(), "content-length": ""}).removesuffix(b"\r\n")
        self.heads.keep(data, lambda: Head(lead, about, lambda: self._engine.listen(headers)))

    def counters(self) -> dict[str, int]:
        """Return what was counted since the process began, by the names under which it is published."""
        return {"lucid_direct_requests_total": self.taken, "lucid_heads": len(self.heads)}

    def begin(self, known: Known, data: bytes, connection: Connection) -> bool:
        """Take a request, whose bytes are all there, and answer it; or do nothing with it, and return False."""
        head = known.head
        try:
            found = self._engine.operations.known(read_json_request(data[known.body_starts :]))
            if found is None:
                return False
            caller = head.about.look_up()
        except Exception:  # the ordinary way hears of it, too, and says it
            return False
        self.taken += 1
        request = DirectRequest(self._engine, *found, head, known.request_id, data, connection)
        caller.add_done_callback(request.go_on, context=head.context.copy())
        return True


class DirectRequest(Generic[Caller]):
    """One request on its direct way."""

    __slots__ = ("_connection", "_data", "_engine", "_executable", "_head", "_operation", "_request_id")

    def __init__(
        self,
        engine: Engine[Caller],
        operation: Operation,
        executable: Executable,
        head: Head,
        request_id: str,
        data: bytes,
        connection: Connection,
    ) -> None:
        self._engine = engine
        self._operation = operation
        self._executable = executable
        self._head = head
        self._request_id = request_id
        self._data = data
        self._connection = connection

    def go_on(self, found: "asyncio.Future[Caller]") -> None:
        """Hear who is calling, and execute."""
        engine, operation, request_id = self._engine, self._operation, self._request_id
        try:
            caller = found.result()
            charged = engine.charge(operation, caller, request_id)
        except Exception:  # nothing was charged
            self._connection.give_back(self._data)
            return
        try:
            if isinstance(charged, Result):
                self.end(charged)
            elif not engine.call(operation, self._executable, caller, request_id, self.end):
                running = asyncio.ensure_future(engine.run(operation, caller, request_id))
                _RUNNING.add(running)
                running.add_done_callback(self._end_running)
        except Exception as error:
            self._fail(error)

    def end(self, result: Result) -> None:
        """Answer."""
        try:
            about: About[Any] = self._head.about
            status = 200 if about.media_type == JSON else result.status
            body = result.json()
            if status == 200 and not result.headers and (len(body) < COMPRESSED_FROM or not about.accept_encoding):
                head = b"%b%d\r\nx-request-id: %b\r\n" % (self._head.lead, len(body), self._request_id.encode())
                self._connection.answer(head, body)
            else:
                self._answer(Response(status, body, about.media_type, {**UNCACHED, **result.headers}))
        except Exception as error:
            self._fail(error)

    def _end_running(self, running: "asyncio.Task[Result]") -> None:
        _RUNNING.discard(running)
        try:
            self.end(running.result())
        except BaseException as error:  # cancelled when the loop ends, too: there is somebody who waits for an answer
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        failed = Result(errors=(format_bug(error, self._request_id),), executed=False, status=500)
        self._answer(Response(500, failed.json(), self._head.about.media_type, UNCACHED.copy()))

    def _answer(self, response: Response) -> None:
        about: About[Any] = self._head.about
        response.headers = {**about.always, **response.headers, "x-request-id": self._request_id}
        headers, body = response.prepared(about.accept_encoding)
        self._connection.answer(lines_of(response.status, headers), body)


_RUNNING: "set[asyncio.Task[Result]]" = set()
