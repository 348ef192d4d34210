"""Large answers are compressed as the client likes it best."""

import gzip
from typing import Any

import httpx
import pytest

from api.transport import compression
from api.transport.compression import COMPRESSED_FROM, compressed

BODY = b'{"data":{"long":"%b"}}' % (b"x" * 100_000)
WITH_ZSTD = "zstd" in compression.ENCODINGS


def best(accept_encoding: str) -> str | None:
    """Return the encoding that is chosen for a header."""
    return compressed(BODY, accept_encoding)[1]


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip", "gzip"),
        ("gzip, deflate, br", "gzip"),
        ("GZIP;Q=0.5", "gzip"),
        ("*", "gzip"),
        ("br, *;q=0.1", "gzip"),
        ("gzip;q=0.5, identity;q=0.1", "gzip"),
        ("", None),
        ("identity", None),
        ("br", None),
        ("gzip;q=0", None),
        ("*;q=0", None),
        ("gzip;q=0.000, *", None),
        ("gzip;q=many", None),
        ("gzip;q=2", None),
        ("gzip;q=0.5, identity", None),
        (",;,=", None),
        ("gzip;q=0, " * 100 + "gzip", "gzip"),
    ],
)
def test_an_encoding_is_one_that_the_client_likes(accepted: str, chosen: str | None) -> None:
    assert best(accepted) == chosen


@pytest.mark.skipif(not WITH_ZSTD, reason="left out: zstandard is not installed")
@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("zstd", "zstd"),
        ("zstd;q=0.5, gzip", "gzip"),
        ("zstd;q=0, gzip", "gzip"),
        ("zstd;q=0.2, gzip;q=0.2", "zstd"),
    ],
)
def test_zstd_is_taken_by_those_who_read_it(accepted: str, chosen: str) -> None:
    import zstandard  # noqa: PLC0415 - where it is not installed the rest is tested all the same

    body, encoding = compressed(BODY, accepted)
    assert encoding == chosen
    assert (zstandard.decompress(body) if chosen == "zstd" else gzip.decompress(body)) == BODY


def test_small_answers_are_not_compressed() -> None:
    assert compressed(BODY[: COMPRESSED_FROM - 1], "gzip, zstd") == (BODY[: COMPRESSED_FROM - 1], None)


async def test_a_large_answer_says_how_it_is_compressed(http: httpx.AsyncClient) -> None:
    async def ask(size: int, accept_encoding: str) -> Any:
        query = {"query": f"{{ long(size: {size}) }}"}
        return await http.post("", json=query, headers={"accept-encoding": accept_encoding})

    large, small, plain = await ask(100_000, "gzip"), await ask(100, "gzip"), await ask(100_000, "identity")

    assert large.headers["content-encoding"] == "gzip"
    assert int(large.headers["content-length"]) < 2_000
    assert large.json() == plain.json() == {"data": {"long": "x" * 100_000}}
    assert "Accept-Encoding" in large.headers["vary"]
    assert not {one.headers.get("content-encoding") for one in (small, plain)} - {None}
