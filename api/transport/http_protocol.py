"""Uvicorn's HTTP protocol, with a short way for answers that are whole: head and body in one system call.

An extension in the scope takes a status, headers and a body, and writes them at once. The ordinary way takes two
messages and two system calls, and looks with two patterns at every header. What the short way does not know, it does
not take, and the ordinary one answers.

What no application is asked about is answered here, and as JSON too: bytes that are no HTTP, and heads of requests that
do not end in time or in size.

All else is uvicorn's. An application that does not know the extension is served as ever.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus

import orjson
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.execution.errors import Code, Refused
from api.transport.asgi import RESPOND, Scope, make_request_id

STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}

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
    _head_size = 0
    _head_timer: asyncio.TimerHandle | None = None

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_no_more()
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if self._is_refused:
            return
        was_in_head = self._is_in_head
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

    @override
    def send_400_response(self, msg: str) -> None:
        self.refuse(Refused(Code.BAD_REQUEST, "These bytes are no HTTP request."))

    @override
    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._is_in_head = True
        self._head_size = 0

    @override
    def on_headers_complete(self) -> None:
        self._is_in_head = False
        if self._head_timer is not None:
            self._wait_no_more()
        super().on_headers_complete()
        cycle = self.cycle
        # There is none for a request that becomes a socket.
        if cycle is not None and cycle.scope is self.scope and not cycle.access_log:
            self.scope["extensions"] = {RESPOND: {"respond": self.respond}}

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
        named = "\r\n".join([f"{name}: {value}" for name, value in headers.items()])
        if named.count("\n") != len(headers) - 1 or named.count("\r") != len(headers) - 1:
            return False  # a line break in a value would be a header of somebody else's
        head = f"{STATUS_LINES[status]}{named}\r\n".encode("latin-1", "replace")
        usual = b"".join([b"%b: %b\r\n" % one for one in cycle.default_headers])
        cycle.response_started = True
        cycle.response_complete = True
        cycle.expected_content_length = 0
        self.transport.write(b"%b%b\r\n%b" % (head, usual, body))
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
            head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
            usual = b"".join([b"%b: %b\r\n" % one for one in self.server_state.default_headers])
            self.transport.write(b"%b%b%b\r\n%b" % (STATUS_LINES[refused.status].encode(), head.encode(), usual, body))
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
