"""Scored candidate heads to trees: the door to the compiled decoders."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import _core
from .errors import DecodeError

Integers = NDArray[np.integer[Any]]  # int32 or int64


class RankedTrees(NamedTuple):
    """Distinct trees, best first; exp(log_probabilities) of all trees of the sentence add up to 1."""

    heads: NDArray[np.int32]  # [m, n]
    scores: NDArray[np.float64]  # [m]
    log_probabilities: NDArray[np.float64]  # [m]


@contextmanager
def _decode_errors() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise DecodeError(str(error)) from None


def _checked(scores: NDArray[np.float32], heads: Integers, axes: str) -> tuple[NDArray[np.float32], Integers]:
    wanted = axes.count(",") + 1
    if scores.dtype != np.float32 or scores.ndim != wanted:
        raise DecodeError(f"expected scores float32 [{axes}], got {scores.dtype} {list(scores.shape)}")
    if heads.dtype not in (np.int32, np.int64) or heads.shape != scores.shape:
        shape = list(scores.shape)
        raise DecodeError(f"expected heads int32 or int64 {shape}, got {heads.dtype} {list(heads.shape)}")
    return np.ascontiguousarray(scores), np.ascontiguousarray(heads)


def decode(scores: NDArray[np.float32], heads: Integers) -> NDArray[np.int32]:
    """The highest-scoring tree of one sentence in which exactly one word hangs on the root.

    Args:
        scores: [n, C], for every word the scores of its candidate heads.
        heads: [n, C], the heads they are for: 0 the root, 1..n words. A candidate doesn't count where its
            head is negative or the word itself, or its score -inf. Of equal scores the smaller head wins.
    Returns:
        The head of every word, [n].
    Raises:
        DecodeError: NaN, +inf, a head past n, a word without candidates (all name the word), or no tree.
    """
    scores, heads = _checked(scores, heads, "n, C")
    with _decode_errors():
        return _core.decode(scores, heads)


def decode_batch(scores: NDArray[np.float32], heads: Integers, lengths: Integers) -> NDArray[np.int32]:
    """`decode` for a batch: scores and heads [B, T, C], lengths [B]; gives heads [B, T], -1 past a length.

    What lies past a sentence's length is not read. Errors name the sentence, from 0, and the word, from 1.
    """
    scores, heads = _checked(scores, heads, "B, T, C")
    with _decode_errors():
        return _core.decode_batch(scores, heads, np.asarray(lengths, dtype=np.int64))


def k_best(scores: NDArray[np.float32], heads: Integers, k: int) -> RankedTrees:
    """The k best trees of one sentence, fewer where fewer exist; arguments and errors as `decode`.

    A tree's probability is exp(score) over the sum of exp(score) of all trees with one root. Mark what is no
    candidate by a score of -inf or a negative head: a large negative score coarsens the order of the others.

    Raises:
        DecodeError: also past 4,096 words, as the sum takes O(n^3) time.
    """
    scores, heads = _checked(scores, heads, "n, C")
    if k < 0:
        raise DecodeError(f"expected a number of trees, got {k}")
    with _decode_errors():
        trees, totals = _core.k_best(scores, heads, k)
        return RankedTrees(trees, totals, totals - _core.log_partition(scores, heads))
