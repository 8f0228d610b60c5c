"""Tiles: whole sentences, every word once, no more of them than there is room for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posmoe_kernels.packed import LARGE, SMALL, most_tiles, tiles


@given(st.lists(st.one_of(st.integers(0, 12), st.integers(0, LARGE)), max_size=40))
def test_every_sentence_lies_in_one_tile(lengths: list[int]) -> None:
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    small, large = tiles(offsets)
    together = sorted([*small.tolist(), *large.tolist()])
    assert [sentence for first, last in together for sentence in range(first, last)] == list(range(len(lengths)))
    assert all(0 <= offsets[last] - offsets[first] <= SMALL and first < last for first, last in small)
    assert all(SMALL < offsets[last] - offsets[first] <= LARGE and last == first + 1 for first, last in large)
    room = most_tiles(sum(lengths), len(lengths))
    assert len(small) <= room[0] and len(large) <= room[1]


def test_a_sentence_that_is_longer_than_a_tile_is_refused() -> None:
    with pytest.raises(ValueError, match=f"at most {LARGE} words, got one of {LARGE + 1}"):
        tiles(np.array([0, 3, LARGE + 4]))
