"""Ranked trees and tree probabilities against every tree, a plain twin and the determinant."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posmoe import _core
from posmoe.decode import decode, k_best
from posmoe.errors import DecodeError
from tests.core import decode_twin as twin
from tests.core.test_decode import dense_sentence, reachable_sentence, sentence


@settings(max_examples=150, deadline=None)
@given(
    st.integers(0, 2**32),
    st.integers(1, 5),
    st.integers(1, 8),
    st.booleans(),
    st.sampled_from([0.0, 0.3]),
    st.sampled_from([1, 2, 3, 7, 40, 10_000]),
)
def test_best_of_all_trees(seed: int, n: int, width: int, whole: bool, missing: float, k: int) -> None:
    scores, heads = sentence(seed, n, width, whole=whole, missing=missing)
    matrix = twin.dense(scores, heads)
    trees, tree_scores = twin.scored_trees(matrix)
    if len(trees) == 0:
        with pytest.raises(ValueError, match=r"no candidate head|no tree with a single root"):
            _core.k_best(scores, heads, k)
        with pytest.raises(ValueError, match=r"no candidate head|no tree with a single root"):
            _core.log_partition(scores, heads)
        return
    found, totals = _core.k_best(scores, heads, k)
    assert found.shape == (min(k, len(trees)), n) and found.dtype == np.int32
    np.testing.assert_allclose(totals, tree_scores[:k], atol=1e-5)
    np.testing.assert_allclose(totals, [twin.tree_score(matrix, tree) for tree in found], atol=1e-9)
    assert all(twin.is_tree(tree) for tree in found)
    assert len(set(map(tuple, found.tolist()))) == len(found)
    assert np.all(np.diff(totals) <= 0)
    np.testing.assert_allclose(
        _core.log_partition(scores, heads.astype(np.int32)),
        np.logaddexp.reduce(tree_scores),
        rtol=1e-12,
        atol=1e-12,
    )


@pytest.mark.parametrize("n", [4, 6])
def test_every_k_gives_a_prefix_of_all_trees(n: int) -> None:
    scores, heads = dense_sentence(n, n)
    trees, tree_scores = twin.scored_trees(twin.dense(scores, heads))
    found, totals = _core.k_best(scores, heads, len(trees) + 1)
    assert found.tolist() == trees.tolist()
    np.testing.assert_allclose(totals, tree_scores, atol=1e-6)
    for k in range(0, len(trees), 1 if n == 4 else 977):
        assert _core.k_best(scores, heads, k)[0].tolist() == trees[:k].tolist()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.integers(6, 12), st.integers(3, 6))
def test_longer_sentences_equal_the_twin(seed: int, n: int, width: int) -> None:
    scores, heads = reachable_sentence(seed, n, width)
    found, _ = _core.k_best(scores, heads, 6)
    assert found.tolist() == twin.ranked_trees(twin.dense(scores, heads), 6)


@pytest.mark.parametrize("n", [1, 2, 13, 60, 150])
def test_the_first_is_the_decoded_tree(n: int) -> None:
    scores, heads = reachable_sentence(n, n, 6)
    trees, totals = _core.k_best(scores, heads, 30)
    assert trees[0].tolist() == decode(scores, heads).tolist()
    assert len({tuple(tree) for tree in trees.tolist()}) == len(trees)
    assert np.all(np.diff(totals) <= 0) and all(twin.is_tree(tree) for tree in trees)


def test_equal_scores_give_every_tree_once() -> None:
    scores = np.zeros((4, 5), dtype=np.float32)
    trees, totals = _core.k_best(scores, np.tile(np.arange(5), (4, 1)), 1000)
    assert sorted(trees.tolist()) == sorted(twin.all_trees(4).tolist())
    assert totals.tolist() == [0.0] * 64


@pytest.mark.parametrize("n", [1, 7, 40])
def test_partition_equals_the_determinant(n: int) -> None:
    scores, heads = dense_sentence(n, n)
    assert _core.log_partition(scores, heads) == pytest.approx(twin.log_partition(twin.dense(scores, heads)), rel=1e-10)


@pytest.mark.parametrize("scale", [10.0, 100.0, 1000.0, 1e6])
def test_partition_of_scores_far_apart(scale: float) -> None:
    for seed in range(10):
        scores, heads = dense_sentence(seed, 5)
        scores *= np.float32(scale)
        _, tree_scores = twin.scored_trees(twin.dense(scores, heads))
        expected = np.logaddexp.reduce(tree_scores)
        assert _core.log_partition(scores, heads) == pytest.approx(expected, rel=1e-12, abs=1e-9)


def test_partition_where_two_words_hardly_part() -> None:
    scores = np.array([[-90, 0, -95], [-90, 0, -95], [-80, 0, 0]], dtype=np.float32)
    heads = np.array([[0, 2, 3], [0, 1, 3], [0, 1, 2]])
    _, tree_scores = twin.scored_trees(twin.dense(scores, heads))
    assert _core.log_partition(scores, heads) == pytest.approx(np.logaddexp.reduce(tree_scores), rel=1e-13)


def test_partition_where_one_word_must_be_the_root() -> None:
    scores = np.array([[1, 2], [3, 0], [4, 5]], dtype=np.float32)
    heads = np.array([[2, 3], [0, -1], [1, 2]])
    _, tree_scores = twin.scored_trees(twin.dense(scores, heads))
    assert _core.log_partition(scores, heads) == pytest.approx(np.logaddexp.reduce(tree_scores), rel=1e-13)


def test_probabilities_add_up_to_one() -> None:
    ranked = k_best(*dense_sentence(3, 4), 64)
    assert ranked.heads.shape == (64, 4)
    assert np.exp(ranked.log_probabilities).sum() == pytest.approx(1, abs=1e-12)


def test_no_words_no_trees_and_wrong_arguments() -> None:
    empty = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.int64)
    ranked = k_best(*empty, 3)
    assert ranked.heads.shape == (1, 0) and ranked.log_probabilities.tolist() == [0.0]
    assert k_best(*dense_sentence(0, 3), 0).heads.shape == (0, 3)
    with pytest.raises(DecodeError, match="expected a number of trees, got -1"):
        k_best(*dense_sentence(0, 3), -1)
    with pytest.raises(DecodeError, match="word 2: the score of head 1 is NaN"):
        k_best(np.array([[0, 1], [2, np.nan]], np.float32), np.array([[0, 2], [0, 1]]), 2)
    with pytest.raises(DecodeError, match="at most 4096 words, got 4097"):
        k_best(np.zeros((4097, 1), np.float32), np.arange(4097)[:, None], 1)
