"""Uvicorn's HTTP protocol, with a short way for answers that are whole: head and body in one system call.

An extension in the scope takes a status, headers and a body, and writes them at once. The ordinary way takes two
messages and two system calls, and looks with two patterns at every header. What the short way does not know, it does
not take, and the ordinary one answers.

All else is uvicorn's. An application that does not know the extension is served as ever.
"""

from collections.abc import Mapping
from http import HTTPStatus

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from api.transport.asgi import RESPOND, Scope

STATUS_LINES = {one.value: f"HTTP/1.1 {one.value} {one.phrase}\r\n" for one in HTTPStatus}


class HttpProtocol(HttpToolsProtocol):
    """One connection."""

    @override
    def on_headers_complete(self) -> None:
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
