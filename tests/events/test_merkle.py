"""The tree is that of RFC 9162 and of no other: known answers, and an independent computation."""

from collections.abc import Sequence
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.events import merkle

# The inputs and roots with which implementations of Certificate Transparency are tested (RFC 6962, 9162).
INPUTS = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


@pytest.mark.parametrize("size", range(9))
def test_the_root_of_the_known_inputs_is_the_known_answer(size: int) -> None:
    leaves = [merkle.leaf(bytes.fromhex(text)) for text in INPUTS[:size]]

    assert merkle.root(leaves).hex() == ROOTS[size]


@given(st.lists(st.binary(max_size=4), max_size=70))
def test_the_root_is_the_one_that_is_built_from_the_bottom(contents: list[bytes]) -> None:
    assert merkle.root([merkle.leaf(one) for one in contents]) == built_from_the_bottom(contents)


def test_a_leaf_is_never_the_hash_of_a_node() -> None:
    one, two = merkle.leaf(b"1"), merkle.leaf(b"2")

    assert merkle.leaf(one + two) != merkle.root([one, two])
    assert merkle.root([one, two]) != merkle.root([two, one])


def built_from_the_bottom(contents: Sequence[bytes]) -> bytes:
    """Return the root by pairing neighbours, level by level; who has no neighbour goes up as it is."""
    level = [sha256(b"\x00" + one).digest() for one in contents]
    if not level:
        return sha256().digest()
    while len(level) > 1:
        pairs = [level[index : index + 2] for index in range(0, len(level), 2)]
        level = [sha256(b"\x01" + pair[0] + pair[1]).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0]
