"""Uvicorn's HTTP protocol, with a direct way for ordinary requests, and a short one for answers that are whole.

A request that comes in one piece, with a head that has come before, to a path that has a direct way
(`api.transport.direct`) is handed to that, past the parser and past ASGI. One at a time: what comes in meanwhile waits.

For all others an extension in the scope takes a status, headers and a body, and writes them at once: head and body in
one system call. ASGI takes two messages and two system calls, and looks with two patterns at every header. What these
ways do not know, they do not take, and the ordinary one answers.

What no application is asked about is answered here, and as JSON too: bytes that are no HTTP, and heads of requests that
do not end in time or in size.

All else is uvicorn's. An application that does not know the extension is served as ever.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from api.execution.errors import Code, Refused
from api.transport.asgi import RESPOND, Scope, make_request_id
from api.transport.direct import BODY_MAX, DIRECT, Direct
from api.transport.responses import lines_of

#: Bytes. One read more may have come in until it is noticed.
HEAD_MAX = 2**16
#: From the connection or the first byte of a head to its end. Between requests uvicorn's time for idling counts.
HEAD_TIMEOUT_S = 10.0
#: How long what still comes in after a refusal is read and dropped. To close at once would reset the connection, and
#: the refusal would be lost on its way.
LINGER_S = 1.0


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    head_max = HEAD_MAX
    head_timeout_s = HEAD_TIMEOUT_S

    _is_refused = False
    _is_in_head = False
    _is_in_message = False
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None
    # The bytes with which the message began that is being parsed, while its head may be learnt from them.
    _beginning: bytes | None = None
    _directs: Mapping[str, Direct[Any]] = {}
    # Whether a request is on its direct way, and what came in since.
    _is_direct = False
    _held = b""
    _is_ending = False
    _idle_since = 0.0
    _idle_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()
        if not self.config.access_log and self.limit_concurrency is None:
            self._directs = self.app_state.get(DIRECT, self._directs)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        if self._is_direct:
            self._held += data
            self.flow.pause_reading()
        elif not (self._directs and self._go_directly(data)):
            self._go_ordinarily(data)

    def _go_directly(self, data: bytes) -> bool:
        """Send a request its direct way, if it has one; tell whether it had."""
        cycle = self.cycle
        if (
            self._is_in_message
            or (cycle is not None and not cycle.response_complete)
            or self.flow.write_paused
            or self.transport.is_closing()
        ):
            return False
        for direct in self._directs.values():
            known = direct.heads.find(data)
            if known is not None and known.length <= BODY_MAX and known.body_starts + known.length == len(data):
                self._is_direct = True
                if direct.begin(known, data, self):
                    if self._head_timer is not None:
                        self._wait_no_more()
                    if self.timeout_keep_alive_task is not None:  # set after the request before
                        self._unset_keepalive_if_required()
                    return True
                self._is_direct = False
        return False

    def _go_ordinarily(self, data: bytes) -> None:
        was_in_head = self._is_in_head
        self._beginning = data if self._directs and not self._is_in_message else None
        super().data_received(data)
        if not self._is_in_head:
            return
        if was_in_head:
            self._head_size += len(data)
        if self._head_size > self.head_max:
            message = f"The head of the request is longer than {self.head_max:,} bytes."
            self.refuse(Refused(Code.PAYLOAD_TOO_LARGE, message, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE))
        elif self._head_timer is None:
            self._wait_for_head()

    def answer(self, head: bytes, body: bytes) -> None:
        """Answer the request that is on its direct way: with a status, its own headers, and a body of their length."""
        if not self._is_direct:
            return
        self._is_direct = False
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.transport.write(b"%b%b\r\n%b" % (head, _usual(self.server_state), body))
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._end_idling)
        if self._is_ending:
            self.transport.close()
        elif self._held:
            # Not from here: a client that sends request after request would make this go deeper and deeper. Nothing is
            # read until then, or what comes later would be heard first.
            self.loop.call_soon(self._take_up)

    def _take_up(self) -> None:
        """Hear what came in while a request was on its direct way."""
        held, self._held = self._held, b""
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.data_received(held)

    def give_back(self, data: bytes) -> None:
        """Take a request back from its direct way, and send it the ordinary one."""
        self._is_direct = False
        held, self._held = self._held, b""
        self.flow.resume_reading()
        if not self.transport.is_closing():
            self._go_ordinarily(data + held)

    def _end_idling(self) -> None:
        """Close the connection if nothing has come for long enough: one timer, and not one for each request."""
        self._idle_timer = None
        cycle = self.cycle
        if (
            self.transport.is_closing()
            or not (cycle is None or cycle.response_complete)
            or self.timeout_keep_alive_task is not None
        ):
            return  # the request that came last went the ordinary way, and so goes the time for idling
        idle_s = 0.0 if self._is_direct or self._is_in_message else self.loop.time() - self._idle_since
        if idle_s >= self.timeout_keep_alive:
            self.transport.close()
        else:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive - idle_s, self._end_idling)

    @override
    def shutdown(self) -> None:
        if self._is_direct:
            self._is_ending = True
        else:
            super().shutdown()

    @override
    def send_400_response(self, msg: str) -> None:
        self.refuse(Refused(Code.BAD_REQUEST, "These bytes are no HTTP request."))

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = self._is_in_message = True
        self._head_size = 0

    @override
    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._is_in_message = False
        self._beginning = None  # what follows is another message

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_timer is not None:
            self._wait_no_more()
        super().on_headers_complete()
        cycle = self.cycle
        # There is none for a request that becomes a socket.
        if cycle is None or cycle.scope is not self.scope or self.config.access_log:
            return
        self.scope["extensions"] = {RESPOND: {"respond": self.respond}}
        direct = self._directs.get(self.scope["path"])
        if direct is not None and self._beginning is not None and cycle.keep_alive:
            direct.learn(self._beginning, self.scope)  # type: ignore[arg-type]

    def respond(self, scope: Scope, status: int, headers: Mapping[str, str], body: bytes) -> bool:
        """Answer a request with a body that is as long as the headers say; tell whether it was taken.

        Names of headers are in lower case.
        """
        cycle = self.cycle
        if (
            cycle.scope is not scope  # the client did not wait for this answer, and its next request is here
            or cycle.response_started
            or cycle.disconnected
            or cycle.waiting_for_100_continue
            or cycle.flow.write_paused
            or not cycle.keep_alive
            or cycle.scope["method"] == "HEAD"
            or headers.get("content-length") != str(len(body))
            or "connection" in headers
        ):
            return False
        try:
            head = lines_of(status, headers)
        except ValueError:  # a line break in a value
            return False
        cycle.response_started = True
        cycle.response_complete = True
        cycle.expected_content_length = 0
        self.transport.write(b"%b%b\r\n%b" % (head, _usual(self.server_state), body))
        cycle.message_event.set()
        cycle.on_response()
        return True

    def refuse(self, refused: Refused) -> None:
        """End the connection, with an answer to the request that cannot be read, unless half of another one is out."""
        self._is_refused = True
        self._is_in_head = False
        self._wait_no_more()
        if self.pipeline:  # an earlier request is being answered, and how far that has come is not known here
            self.transport.close()
            return
        cycle = self.cycle
        if cycle is not None:  # whoever works on an answer need not go on
            cycle.disconnected = True
            cycle.message_event.set()
        if cycle is None or cycle.response_complete or not cycle.response_started:
            request_id = make_request_id()
            body = orjson.dumps({"errors": [refused.formatted(request_id)]})
            headers = {
                "content-type": "application/json; charset=utf-8",
                "content-length": str(len(body)),
                "x-content-type-options": "nosniff",
                "x-request-id": request_id,
                "cache-control": "no-store",
                "connection": "close",
            }
            self.transport.write(b"%b%b\r\n%b" % (lines_of(refused.status, headers), _usual(self.server_state), body))
        self.transport.write_eof()
        self.loop.call_later(LINGER_S, self.transport.close)

    def _wait_for_head(self) -> None:
        self._head_timer = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _wait_no_more(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        self._head_timer = None
        if self._is_in_head:
            message = "The head of the request did not end in time."
            self.refuse(Refused(Code.REQUEST_TIMEOUT, message, HTTPStatus.REQUEST_TIMEOUT))
        elif self.cycle is None:  # nothing was ever asked
            self.transport.close()


def _usual(state: ServerState) -> bytes:
    """Return the headers that every answer has, `Date` among them: uvicorn makes new ones each second."""
    headers, lines = _made[0]
    if headers is not state.default_headers:
        headers = state.default_headers
        lines = b"".join([b"%b: %b\r\n" % one for one in headers])
        _made[0] = (headers, lines)
    return lines


_made: list[tuple[list[tuple[bytes, bytes]], bytes]] = [([], b"")]
