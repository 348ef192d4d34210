"""Cursors of the feed: opaque to partners, read with suspicion by us."""

from base64 import urlsafe_b64encode
from contextlib import suppress
from uuid import UUID

import orjson
import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from api.schema.event import read_cursor, write_cursor

ONE = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@given(st.dictionaries(st.uuids(), st.integers(0, 2**53 - 1), max_size=50))
def test_a_cursor_is_read_as_it_was_written(positions: dict[UUID, int]) -> None:
    text = write_cursor(positions)
    assert read_cursor(text) == positions
    assert len(text) <= 4_096
    assert text.isascii()
    assert "=" not in text


def encoded(content: object) -> str:
    return urlsafe_b64encode(orjson.dumps(content)).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "garbage",
        "\u6f22\u5b57",
        "====",
        "A",
        "x" * 1_000_000,
        encoded(None),
        encoded([]),
        encoded(1),
        encoded({}),
        encoded({"v": 1}),
        encoded({"v": 2, "at": {}}),
        encoded({"v": 1, "at": None}),
        encoded({"v": 1, "at": []}),
        encoded({"v": 1, "at": {"x": 1}}),
        encoded({"v": 1, "at": {ONE.hex: -1}}),
        encoded({"v": 1, "at": {ONE.hex: 1.5}}),
        encoded({"v": 1, "at": {ONE.hex: True}}),
        encoded({"v": 1, "at": {ONE.hex: None}}),
        encoded({"v": 1, "at": {ONE.hex: "1"}}),
        encoded({"v": 1, "at": {ONE.hex: 2**53}}),
        encoded({"v": 1, "at": {ONE.hex: 2**63}}),
        encoded({"v": 1, "at": [[[[]]]]}) * 100,
    ],
)
def test_a_cursor_that_we_did_not_write_is_refused_with_a_code(text: str) -> None:
    with pytest.raises(GraphQLError) as refused:
        read_cursor(text)
    assert refused.value.extensions == {"code": "BAD_CURSOR"}


@given(st.text(max_size=200))
def test_no_text_at_all_is_worse_than_a_bad_cursor(text: str) -> None:
    with suppress(GraphQLError):
        positions = read_cursor(text)
        assert read_cursor(write_cursor(positions)) == positions
