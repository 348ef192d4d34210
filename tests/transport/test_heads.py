"""A head that has come before means the same again, and nothing else does."""

from functools import partial
from typing import Any

import httptools
from hypothesis import given
from hypothesis import strategies as st

from api.transport.heads import Head, Heads

# Heads that are nearly alike, and the ways to hide a body's end or a second request in one.
LINES = st.sampled_from(
    [
        "Host: x", "Content-Length: 5", "content-length: 5", "Content-Length: 6", "Content-Length:5", "Content-Length:",
        "Content-Length: +5", "Content-Length: 5 ", "Content-Length: 5, 5", "Content-Length : 5", " Content-Length: 5",
        "Transfer-Encoding: chunked", "X-Request-Id: a", "X-Request-Id: b c", "X-Request-Id: a\r\n b", "traceparent: 0",
        "X: Content-Length: 5", "X: a\nContent-Length: 7", "X: a\rContent-Length: 7", "X: a\r\n\tContent-Length: 7",
        "Connection: keep-alive", "tracestate: a=b,c=d", "Tracestate:\r\n", "Authorization: Bearer a", "x:",
    ]
)  # fmt: skip
HEADS = st.lists(LINES, max_size=6).map(lambda lines: "\r\n".join(["POST / HTTP/1.1", *lines, "", ""]).encode())


def head(about: Any) -> Head:
    return Head(b"", about, lambda: None)


class Parsed:
    """What the parser reads of a head."""

    def __init__(self, head: bytes) -> None:
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        parser = httptools.HttpRequestParser(self)
        try:
            parser.feed_data(head)
        except httptools.HttpParserError:
            self.is_complete = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        self.is_complete = True

    def lasting(self) -> list[tuple[bytes, bytes]]:
        varying = (b"content-length", b"x-request-id", b"traceparent", b"tracestate")
        return [one for one in self.headers if one[0] not in varying]


@given(st.lists(HEADS, min_size=2, max_size=6))
def test_a_head_that_is_found_means_what_the_parser_reads_in_it(given_heads: list[bytes]) -> None:
    heads = Heads()
    for one in given_heads:
        parsed = Parsed(one)
        known = heads.find(one)
        if known is not None:
            lengths = [value for name, value in parsed.headers if name == b"content-length"]
            assert parsed.is_complete
            assert [str(known.length).encode()] == lengths
            assert parsed.lasting() == known.head.about
            assert known.body_starts == len(one)
        if parsed.is_complete:
            heads.keep(one, partial(head, parsed.lasting()))


def test_so_many_heads_are_known_and_no_more() -> None:
    heads = Heads(heads_max=3)
    for number in range(10):
        one = f"POST / HTTP/1.1\r\nX: {number}\r\nContent-Length: 1\r\n\r\n".encode()
        heads.keep(one, partial(head, None))
        assert heads.find(one) is not None

    assert len(heads) == 3
