"""Batches without padding: words one after another, sentences by offsets, and tiles of whole sentences for the kernels.

A program of a kernel takes a tile: sentences one after another of at most SMALL words in all, or one of at most LARGE.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

SMALL, LARGE = 64, 128
# what `counts` holds
WORDS, SENTENCES, SMALL_TILES, LARGE_TILES = range(4)
Integers = NDArray[np.integer[Any]]


class Tiles(NamedTuple):
    """First and last sentence (exclusive) of every tile, int32 [R, 2], by size."""

    small: NDArray[np.int32]
    large: NDArray[np.int32]


def tiles(offsets: Integers, small: int = SMALL, large: int = LARGE) -> Tiles:
    """Cut a batch into tiles: sentence s has the words offsets[s] .. offsets[s + 1]; empty ones are allowed.

    Two neighbouring small tiles hold more than `small` words, so n words make at most 2 n / small + 1 of them, and one
    more for every large tile.

    Raises:
        ValueError: a sentence has more than `large` words.
    """
    count = len(offsets) - 1
    lengths = np.diff(offsets)
    if count and lengths.max() > large:
        raise ValueError(f"expected sentences of at most {large} words, got one of {lengths.max()}")
    long = np.flatnonzero(lengths > small)
    # of every sentence, where the tile that begins with it ends
    ends = np.searchsorted(offsets, offsets[:-1] + small, side="right") - 1
    if len(long):
        bounds = np.append(long, count)
        np.minimum(ends, bounds[np.searchsorted(long, np.arange(count), side="left")], out=ends)
        ends[long] = long + 1
    following = ends.tolist()
    starts, at = [], 0
    while at < count:
        starts.append(at)
        at = following[at]
    first = np.array(starts, np.int32)
    pairs = np.stack([first, np.append(first[1:], np.int32(count))[: len(first)]], 1).astype(np.int32)
    big = lengths[first] > small if count else np.zeros(0, bool)
    return Tiles(pairs[~big], pairs[big])


def most_tiles(words: int, sentences: int) -> tuple[int, int]:
    """Bounds on the numbers of small and large tiles of a batch of at most so many words and sentences."""
    large = words // (SMALL + 1)
    return min(sentences, 2 * words // SMALL + 1 + large), min(sentences, large)
