"""Ids: TypeIDs as the specification writes them, in the order in which they were made."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.models import decode_id, decoder, encode_id, encoder, first_id, new_id, now

PREFIXES = st.from_regex(r"[a-z](?:[a-z_]{0,61}[a-z])?", fullmatch=True)
# Moments in milliseconds, as a UUIDv7 keeps them.
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2199, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("prefix", "uuid", "text"),
    [
        # The valid examples of the TypeID specification 0.3 that have a prefix.
        ("prefix", "0188bac7-4afa-78aa-bc3b-bd1eef28d881", "prefix_01h2xcejqtf2nbrexx3vqjhp41"),
        ("prefix", "0110c853-1d09-52d8-d73e-1194e95b5f19", "prefix_0123456789abcdefghjkmnpqrs"),
        ("pre_fix", "00000000-0000-0000-0000-000000000000", "pre_fix_00000000000000000000000000"),
        ("prefix", "00000000-0000-0000-0000-000000000001", "prefix_00000000000000000000000001"),
        ("prefix", "00000000-0000-0000-0000-00000000000a", "prefix_0000000000000000000000000a"),
        ("prefix", "00000000-0000-0000-0000-000000000010", "prefix_0000000000000000000000000g"),
        ("prefix", "00000000-0000-0000-0000-000000000020", "prefix_00000000000000000000000010"),
        ("prefix", "ffffffff-ffff-ffff-ffff-ffffffffffff", "prefix_7zzzzzzzzzzzzzzzzzzzzzzzzz"),
        ("user", "01893726-efee-7f02-8fbf-9f2b7bc2f910", "user_01h4vjdvzefw18zfwz5dxw5y8g"),
    ],
)
def test_an_id_is_written_as_the_typeid_specification_says(prefix: str, uuid: str, text: str) -> None:
    assert encode_id(prefix, UUID(uuid)) == text
    assert decode_id(text) == (prefix, UUID(uuid))
    assert decoder(prefix)(text) == UUID(uuid)


@given(PREFIXES, st.uuids())
def test_an_id_is_read_as_it_was_written(prefix: str, value: UUID) -> None:
    assert decode_id(encode_id(prefix, value)) == (prefix, value)
    assert decoder(prefix)(encode_id(prefix, value)) == value
    assert decoder("other")(encode_id(prefix, value)) is (value if prefix == "other" else None)


@given(PREFIXES, st.lists(st.uuids(), max_size=300))
def test_many_ids_are_written_as_each_by_itself(prefix: str, values: list[UUID]) -> None:
    encode: Any = encoder(prefix)
    packed = b"".join(value.bytes for value in values)
    assert encode.packed(packed, len(values)) == [encode(value) for value in values]


@pytest.mark.parametrize(
    "text",
    [
        # The invalid examples of the TypeID specification 0.3.
        "PREFIX_00000000000000000000000000",
        "12345_00000000000000000000000000",
        "pre.fix_00000000000000000000000000",
        "pr\u00e9fix_00000000000000000000000000",
        "  prefix_00000000000000000000000000",
        f"{'abcdefghijklmnopqrstuvwxyz' * 3}_00000000000000000000000000",
        "_00000000000000000000000000",
        "_",
        "prefix_1234567890123456789012345",
        "prefix_123456789012345678901234567",
        "prefix_1234567890123456789012345 ",
        "prefix_0123456789ABCDEFGHJKMNPQRS",
        "prefix_123456789-123456789-123456",
        "prefix_ooooooiiiiiiuuuuuuulllllll",
        "prefix_i23456789ol23456789oi23456",
        "prefix_123456789-0123456789-0123456",
        "prefix_8zzzzzzzzzzzzzzzzzzzzzzzzz",
        "_prefix_00000000000000000000000000",
        "prefix__00000000000000000000000000",
        # And of our own.
        "",
        "prefix",
        "00000000000000000000000000",
        "prefix_\u0660\u0660000000000000000000000000",
        "prefix_00000000000000000000000000\n",
        "0188bac7-4afa-78aa-bc3b-bd1eef28d881",
    ],
)
def test_what_is_no_typeid_is_not_read(text: str) -> None:
    assert decode_id(text) is None
    assert decoder("prefix")(text) is None


@given(st.text(max_size=80) | st.text("usr_08z\u0660\n", min_size=30, max_size=30).map(lambda text: f"usr_{text[4:]}"))
def test_whatever_text_is_read_is_the_text_of_its_id(text: str) -> None:
    decoded = decode_id(text)
    assert decoder("usr")(text) == (decoded[1] if decoded is not None and decoded[0] == "usr" else None)
    assert decoded is None or encode_id(*decoded) == text


def test_ids_are_uuids_of_version_7_and_all_different() -> None:
    ids = [new_id() for _ in range(10_000)]
    assert {one.version for one in ids} == {7}
    assert {one.variant for one in ids} == {"specified in RFC 4122"}
    assert len(set(ids)) == 10_000


@given(MOMENTS)
def test_of_the_ids_of_one_moment_the_later_is_the_larger(at: datetime) -> None:
    ids = [new_id(at) for _ in range(100)]
    assert all(a < b for a, b in pairwise(ids))
    assert {one.int >> 80 for one in ids} == {first_id(at).int >> 80}


@given(MOMENTS, st.integers(1, 10**9))
def test_ids_sort_by_their_moments_and_so_do_their_texts(at: datetime, later_ms: int) -> None:
    early, late = new_id(at), new_id(at + timedelta(milliseconds=later_ms))
    assert early < late
    assert encode_id("act", early) < encode_id("act", late)


@given(MOMENTS)
def test_the_first_id_of_a_moment_is_below_all_ids_from_then_on(at: datetime) -> None:
    assert first_id(at) < new_id(at)
    assert new_id(at - timedelta(milliseconds=2)) < first_id(at)
    assert first_id(at).version == 7


def test_the_clock_is_in_utc() -> None:
    assert now().tzinfo is UTC
