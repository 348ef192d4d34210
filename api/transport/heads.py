"""Heads of requests that have come before, and what they mean.

A client sends the same head again and again: the same path, key and media types, and only the length of the body is
another, or the ids by which requests are traced. To read it takes a parser, a dozen calls back from it and as many
small decisions, a third of what a small operation costs. So a head that the parser has read is kept with what it means,
and the same bytes mean the same again.

Lines that differ from request to request are taken out before a head is looked up. That changes no other line's
meaning: each is taken only as a whole line of its own, in one of a few names, with a value of plain characters.
"""

import re
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from api.transport.asgi import make_request_id, read_request_id

#: Longer ones are read each time.
HEAD_MAX = 4_096
HEADS_MAX = 2_000

REQUEST_ID = b"x-request-id"
LENGTH = b"content-length"
END = b"\r\n\r\n"

# Between two ends of lines, of which the second may be the next one's first.
_VARYING = re.compile(
    rb"\r\n(content-length|x-request-id|traceparent|tracestate):[ \t]?([A-Za-z0-9._:/+=,@*-]{1,200})(?=\r\n)",
    re.IGNORECASE,
)
# Lines that are ended or continued in some other way, and whatever else says where a body ends or what it is called by.
_UNUSUAL = re.compile(rb"(?<!\r)\n|\r(?!\n)|\n[ \t]|content-length|transfer-encoding|upgrade|x-request-id", re.I)


class Head:
    """What a head means, but for the length of its body and the request's id."""

    __slots__ = ("about", "context", "lead")

    def __init__(self, lead: bytes, about: Any, speak: Callable[[], None]) -> None:
        #: How an ordinary answer begins: its status, and the headers that are always the same.
        self.lead = lead
        #: What whoever answers wants to know of it.
        self.about = about
        # In what context it is answered: the language of its messages is a variable there.
        self.context: Context = copy_context()
        self.context.run(speak)


class Known:
    """A head that was found again."""

    __slots__ = ("body_starts", "head", "length", "request_id")

    def __init__(self, head: Head, body_starts: int, length: int, request_id: str) -> None:
        self.head = head
        self.body_starts = body_starts
        self.length = length
        self.request_id = request_id


class Heads:
    """The heads that a process knows, so many and no more."""

    def __init__(self, heads_max: int = HEADS_MAX) -> None:
        self._heads_max = heads_max
        self._known: dict[bytes, Head] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, data: bytes) -> Known | None:
        """Return what is known of the head with which some bytes begin, if it has come before and has a length."""
        end = data.find(END, 0, HEAD_MAX)
        if end < 0:
            return None
        rest, length, request_id = _taken_apart(data[: end + 2])
        head = self._known.get(rest)
        if head is None or length < 0:
            return None
        if not request_id:
            return Known(head, end + len(END), length, make_request_id())
        return Known(head, end + len(END), length, read_request_id({"x-request-id": request_id}))

    def keep(self, data: bytes, make: Callable[[], Head]) -> None:
        """Keep what the head means with which some bytes begin: they were just read, by a parser that knows how."""
        end = data.find(END, 0, HEAD_MAX)
        if end < 0:
            return
        rest, length, _ = _taken_apart(data[: end + 2])
        if length < 0 or rest in self._known or _UNUSUAL.search(rest):
            return
        if len(self._known) >= self._heads_max:  # the oldest; what is in use comes back at once
            del self._known[next(iter(self._known))]
        self._known[rest] = make()


def _taken_apart(head: bytes) -> tuple[bytes, int, str]:
    """Return a head without the lines that differ, the length of the body and the request's id.

    The length is -1 where it is not plain, or where a line comes twice: such a head is for the parser.
    """
    parts = _VARYING.split(head)
    if len(parts) == 4 and len(parts[1]) == len(LENGTH):  # the usual: nothing differs but the length
        return parts[0] + parts[3], _length(parts[2]), ""
    length, request_id = -1, b""
    names = [name.lower() for name in parts[1::3]]
    if len({*names}) == len(names):
        for name, value in zip(names, parts[2::3], strict=True):
            if name == LENGTH:
                length = _length(value)
            elif name == REQUEST_ID:
                request_id = value
    return b"".join(parts[::3]), length, request_id.decode()


def _length(digits: bytes) -> int:
    return int(digits) if digits.isdigit() and len(digits) <= 9 else -1
