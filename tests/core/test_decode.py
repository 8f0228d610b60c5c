"""The spanning-tree decoders against every tree, a plain twin, networkx and each other."""

import itertools
import threading

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posmoe import _core
from posmoe.decode import decode, decode_batch
from posmoe.errors import DecodeError
from tests.core import decode_twin as twin

SEARCHES = ("auto", "lists", "heaps")
Sentence = tuple[NDArray[np.float32], NDArray[np.int64]]


def sentence(seed: int, n: int, width: int, *, whole: bool = False, missing: float = 0.0) -> Sentence:
    """Random candidates; `whole` scores are small whole numbers, so that ties occur."""
    rng = np.random.default_rng(seed)
    drawn = rng.integers(-3, 4, (n, width)).astype(np.float64) if whole else rng.normal(size=(n, width))
    scores = drawn.astype(np.float32)
    scores[rng.random((n, width)) < missing] = -np.inf
    return scores, rng.integers(-1, n + 1, (n, width))


def dense_sentence(seed: int, n: int) -> Sentence:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, n + 1)).astype(np.float32), np.tile(np.arange(n + 1), (n, 1))


def reachable_sentence(seed: int, n: int, width: int) -> Sentence:
    """Random candidates that always admit a tree: the root and the word before are among them."""
    scores, heads = sentence(seed, n, width)
    heads[:, 0] = 0
    heads[:, 1] = np.maximum(np.arange(n), 1)
    return scores, heads


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 8), st.booleans(), st.sampled_from([0.0, 0.3]))
def test_best_of_all_trees(seed: int, n: int, width: int, whole: bool, missing: float) -> None:
    scores, heads = sentence(seed, n, width, whole=whole, missing=missing)
    matrix = twin.dense(scores, heads)
    trees, tree_scores = twin.scored_trees(matrix)
    plain = twin.best_tree(matrix)
    for search in SEARCHES:
        if len(trees) == 0:
            assert plain is None
            with pytest.raises(ValueError, match=r"no candidate head|no tree with a single root"):
                _core.decode(scores, heads, search)
            continue
        found = _core.decode(scores, heads, search)
        assert plain is not None and twin.is_tree(found)
        assert twin.tree_score(matrix, found) == pytest.approx(tree_scores[0], abs=1e-5)
        assert twin.tree_score(matrix, plain) == pytest.approx(tree_scores[0], abs=1e-5)
        if len(trees) == 1 or tree_scores[0] - tree_scores[1] > 1e-4:
            assert found.tolist() == plain.tolist() == trees[0].tolist()


def test_best_of_all_trees_over_seven_words() -> None:
    for seed in range(5):
        scores, heads = dense_sentence(seed, 7)
        trees, _ = twin.scored_trees(twin.dense(scores, heads))
        for search in SEARCHES:
            assert _core.decode(scores, heads, search).tolist() == trees[0].tolist()


@pytest.mark.parametrize("n", [8, 13, 40])
def test_networkx_finds_the_same_score(n: int) -> None:
    for seed in range(3):
        scores, heads = sentence(seed, n, n + 4, whole=True)
        heads[:, 0] = 0
        matrix = twin.dense(scores, heads)
        graph = networkx.DiGraph()
        for word in range(1, n + 1):
            for head in range(n + 1):
                if matrix[word, head] > twin.NONE:
                    weight = int(matrix[word, head]) - (1000 if head == 0 else 0)
                    graph.add_edge(head, word, weight=weight)
        arborescence = networkx.maximum_spanning_arborescence(graph)
        best = sum(weight for _, _, weight in arborescence.edges(data="weight")) + 1000
        for search in SEARCHES:
            found = _core.decode(scores, heads, search)
            assert twin.is_tree(found) and twin.tree_score(matrix, found) == best


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 150), st.integers(2, 20))
def test_lists_and_heaps_agree(seed: int, n: int, width: int) -> None:
    scores, heads = reachable_sentence(seed, n, width)
    lists = _core.decode(scores, heads, "lists")
    assert twin.is_tree(lists)
    assert lists.tolist() == _core.decode(scores, heads.astype(np.int32), "heaps").tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 30), st.integers(2, 12), st.booleans())
def test_longer_sentences_equal_the_twin(seed: int, n: int, width: int, whole: bool) -> None:
    scores, heads = sentence(seed, n, width, whole=whole)
    heads[:, 0] = 0
    heads[:, 1] = np.maximum(np.arange(n), 1)
    matrix = twin.dense(scores, heads)
    plain = twin.best_tree(matrix)
    assert plain is not None
    for search in SEARCHES:
        found = _core.decode(scores, heads, search)
        assert twin.is_tree(found)
        assert twin.tree_score(matrix, found) == pytest.approx(twin.tree_score(matrix, plain), abs=1e-4)


def test_one_root_is_kept_against_better_trees_with_two() -> None:
    scores = np.array([[9, 1, 0], [9, 2, 0]], dtype=np.float32)
    heads = np.array([[0, 2, -1], [0, 1, -1]])
    assert decode(scores, heads).tolist() == [0, 1]


def test_huge_and_tiny_scores_keep_their_order() -> None:
    scores = np.array([[1e30, 1, 2], [1e30, 5, 1], [1e30, 1, 4]], dtype=np.float32)
    heads = np.array([[0, 2, 3], [0, 1, 3], [0, 1, 2]])
    for search in SEARCHES:
        assert _core.decode(scores, heads, search).tolist() == [0, 1, 2]


def test_ties_take_the_smaller_head() -> None:
    scores = np.zeros((3, 4), dtype=np.float32)
    scores[0, :] = [0, 0, 0, 1]
    heads = np.array([[3, 2, 1, 0], [3, 2, 1, 1], [2, 1, 3, 2]])
    assert decode(scores, heads).tolist() == [0, 1, 1]
    equal = np.zeros((5, 6), dtype=np.float32)
    trees = {tuple(_core.decode(equal, np.tile(np.arange(6), (5, 1)), search)) for search in SEARCHES}
    assert len(trees) == 1 and all(twin.is_tree(np.array(tree)) for tree in trees)


def test_duplicates_count_once_with_the_best_score() -> None:
    scores = np.array([[0, 3, 1], [2, 0, 9]], dtype=np.float32)
    assert decode(scores, np.array([[0, 0, 2], [0, 0, 1]])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("scores", "heads", "message"),
    [
        ([[0, 1], [np.nan, 2]], [[0, 2], [0, 1]], "word 2: the score of head 0 is NaN"),
        ([[0, 1], [2, np.inf]], [[0, 2], [0, 1]], "word 2: the score of head 1 is infinite"),
        ([[0, 1], [2, 1]], [[0, 3], [0, 1]], "word 1: head 3 of a sentence of 2 words"),
        ([[0, 1], [2, 1]], [[0, 2], [-1, -1]], "word 2 has no candidate head"),
        ([[0, 1], [-np.inf, 1]], [[0, 2], [0, 2]], "word 2 has no candidate head"),
        ([[0], [0]], [[2], [1]], "no tree with a single root"),
        ([[0], [0]], [[0], [0]], "no tree with a single root"),
    ],
)
def test_impossible_scores_are_named(scores: list[list[float]], heads: list[list[int]], message: str) -> None:
    for dtype in (np.int32, np.int64):
        with pytest.raises(DecodeError, match=message):
            decode(np.array(scores, dtype=np.float32), np.array(heads, dtype=dtype))


def test_ignored_candidates_may_hold_anything() -> None:
    scores = np.array([[1, np.nan], [np.inf, 1]], dtype=np.float32)
    assert decode(scores, np.array([[0, -1], [-7, 1]])).tolist() == [0, 1]


def test_no_words_and_one_word() -> None:
    assert decode(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.int64)).shape == (0,)
    assert decode(np.zeros((1, 2), np.float32), np.array([[1, 0]])).tolist() == [0]
    with pytest.raises(DecodeError, match="word 1 has no candidate head"):
        decode(np.zeros((1, 0), np.float32), np.zeros((1, 0), np.int64))


def test_ten_thousand_words() -> None:
    rng = np.random.default_rng(5)
    n, width = 10_000, 17
    scores = rng.normal(size=(n, width)).astype(np.float32)
    heads = np.arange(1, n + 1)[:, None] + rng.integers(-9, 9, (n, width))
    heads[(heads < 1) | (heads > n)] = -1
    heads[:, 0] = 0
    found = decode(scores, heads)
    assert twin.is_tree(found)
    assert _core.count_searches(scores[None], heads[None], np.array([n])) == 1


def test_ten_thousand_words_in_one_cycle() -> None:
    after = np.roll(np.arange(1, 10_001), -1)
    heads = np.stack([np.arange(10_000), after], axis=1)
    scores = np.tile(np.array([0, 1], dtype=np.float32), (10_000, 1))
    assert decode(scores, heads).tolist() == [0, *after[1:].tolist()]


@pytest.mark.parametrize(("n", "search"), [(10_000, "heaps"), (1000, "lists")])
def test_cycles_inside_cycles(n: int, search: str) -> None:
    word = np.arange(1, n + 1)
    heads = np.stack([word - 1, (word + 1) % (n + 1)], axis=1)
    heads[0, 0] = 2
    scores = np.tile(np.array([1, 0], dtype=np.float32), (n, 1))
    assert _core.decode(scores, heads, search).tolist() == heads[:, 1].tolist()


def test_two_thousand_words_by_both_searches() -> None:
    scores, heads = reachable_sentence(9, 2000, 5)
    heaps = _core.decode(scores, heads, "heaps")
    assert heaps.tolist() == _core.decode(scores, heads, "lists").tolist() == decode(scores, heads).tolist()


def batch() -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64], list[list[int]]]:
    lengths = np.array([3, 0, 7, 1, 12])
    scores = np.full((5, 12, 6), np.nan, dtype=np.float32)
    heads = np.full((5, 12, 6), 99, dtype=np.int64)
    expected = []
    for i, n in enumerate(lengths.tolist()):
        scores[i, :n], heads[i, :n] = reachable_sentence(i, n, 6)
        expected.append(decode(scores[i, :n], heads[i, :n]).tolist() + [-1] * (12 - n))
    return scores, heads, lengths, expected


def test_batches_give_what_sentences_give_and_never_read_padding() -> None:
    scores, heads, lengths, expected = batch()
    assert decode_batch(scores, heads, lengths).tolist() == expected
    assert decode_batch(scores, heads.astype(np.int32), lengths.astype(np.int32)).tolist() == expected
    assert decode_batch(scores[:0], heads[:0], lengths[:0]).shape == (0, 12)


def test_rows_without_padding_give_what_sentences_give() -> None:
    rng = np.random.default_rng(4)
    lengths = (3, 0, 1, 12, 5)
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    scores = rng.standard_normal((21, 13)).astype(np.float32)
    heads = np.concatenate([np.tile(np.arange(13), (n, 1)) for n in lengths])
    heads[heads > np.repeat(lengths, lengths)[:, None]] = -1
    found = _core.decode_rows(scores, heads, offsets)
    for begin, end in itertools.pairwise(offsets):
        assert found[begin:end].tolist() == decode(scores[begin:end], heads[begin:end]).tolist()
    with pytest.raises(ValueError, match="offsets that rise from 0"):
        _core.decode_rows(scores, heads, offsets[:-1])


def test_batches_name_the_sentence() -> None:
    scores, heads, lengths, _ = batch()
    scores[2, 4, 0] = np.nan
    with pytest.raises(DecodeError, match="sentence 2, word 5: the score of head 0 is NaN"):
        decode_batch(scores, heads, lengths)
    with pytest.raises(DecodeError, match="sentence 0 has length 13 in a batch of length 12"):
        decode_batch(scores, heads, lengths + 10)
    with pytest.raises(DecodeError, match="differ in the number of sentences"):
        decode_batch(scores, heads, lengths[:2])


def test_searches_are_counted() -> None:
    scores = np.array([[[2, 1], [0, 1]], [[0, 1], [0, 1]], [[2, 1], [2, 1]]], dtype=np.float32)
    heads = np.tile(np.array([[0, 2], [0, 1]]), (3, 1, 1))
    assert _core.count_searches(scores, heads, np.array([2, 2, 2])) == 2


def test_wrong_arrays_are_refused() -> None:
    scores, heads = reachable_sentence(0, 4, 3)
    with pytest.raises(DecodeError, match=r"expected scores float32 \[n, C\], got float64 \[4, 3\]"):
        decode(scores.astype(np.float64), heads)
    with pytest.raises(DecodeError, match=r"expected heads int32 or int64 \[4, 3\], got int64 \[4, 2\]"):
        decode(scores, heads[:, :2])
    assert decode(scores[:, ::-1], heads[:, ::-1]).tolist() == decode(scores, heads).tolist()


def test_threads_have_decoders_of_their_own() -> None:
    sentences = [reachable_sentence(seed, 5 + seed * 7, 6) for seed in range(12)]
    expected = [decode(*pair).tolist() for pair in sentences]
    results: list[object] = []
    work = [threading.Thread(target=lambda: results.append([decode(*p).tolist() for p in sentences])) for _ in "abc"]
    for thread in work:
        thread.start()
    for thread in work:
        thread.join()
    assert results == [expected] * 3
