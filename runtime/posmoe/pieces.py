"""Texts that are parsed together, and sentences beyond the model's bound, parsed in pieces: joined and cut apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .network import Columns


def in_a_row(offsets: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    """The sentence offsets of several texts whose words follow each other."""
    starts = np.cumsum([0, *(text[-1] for text in offsets)])
    rows = [text[1:] + start for text, start in zip(offsets, starts, strict=False)]
    return np.concatenate([[0], *rows]).astype(np.int64)


def apart(columns: Columns, offsets: Sequence[NDArray[np.int64]]) -> Iterator[Columns]:
    """Each text's part of the columns of all, by the sentence offsets of each."""
    start = 0
    for text in offsets:
        end = start + int(text[-1])
        yield Columns(*(column[start:end] for column in columns))
        start = end


def count_long(offsets: NDArray[np.int64], split: NDArray[np.uint8], limit: int) -> int:
    """How many sentences have more than `limit` words, those that the tokeniser has `split` counted whole."""
    begins = np.insert(split[:-1] == 0, 0, True)[: len(split)]
    sizes = np.bincount(np.cumsum(begins) - 1, np.diff(offsets)) if len(split) else np.zeros(0)
    return int(np.count_nonzero(sizes > limit))


def cut_long(offsets: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Sentence offsets [S + 1], with more of them inside every sentence of more than `limit` words."""
    lengths = np.diff(offsets)
    if len(lengths) == 0 or lengths.max() <= limit:
        return offsets
    inner = [np.arange(begin, end, limit) for begin, end in pairwise(offsets)]
    return np.concatenate([*inner, offsets[-1:]]).astype(np.int64)


def join_roots(columns: Columns, offsets: NDArray[np.int64], pieces: NDArray[np.int64], joining: int) -> None:
    """Make the trees of every sentence's pieces one tree with one root, in place.

    The roots of later pieces hang on that of the first by the relation `joining`.
    """
    if len(pieces) == len(offsets):
        return
    owner = np.searchsorted(offsets, pieces[:-1], side="right") - 1
    root = 0
    for begin, end, sentence in zip(pieces[:-1], pieces[1:], owner, strict=True):
        heads = columns.heads[begin:end]
        place = int(np.flatnonzero(heads == 0)[0])
        shift = int(begin - offsets[sentence])
        if shift == 0:
            root = place + 1
            continue
        heads += shift
        heads[place] = root
        columns.deprels[begin + place] = joining
