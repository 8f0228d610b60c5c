"""Arc scorers: candidates against a plain twin, candidate scores against the full matrix, and the label scorer."""

import math

import pytest
import torch

from posmoe_models import Parser
from posmoe_models.config import ROOT_TAG
from posmoe_models.hyperbolic import expmap0
from posmoe_models.scorers import BUCKETS, FORBIDDEN, BiaffineScorer, LinearScorer, distance_bucket
from tests.models.sizes import identifiers, small_parser

LENGTHS = [1, 2, 3, 7, 10, 11, 20, 29]


def candidate_twin(logits: list[float], left: int, right: int, hubs: int, window: int) -> list[list[int]]:
    """Each word's candidates in any order: the root, its neighbours, and its window's hubs further away."""
    n = len(logits)
    result = []
    for word in range(1, n + 1):
        near = [h for h in range(word - left, word + right + 1) if 1 <= h <= n and h != word]
        begin = (word - 1) // window * window
        inside = range(begin + 1, min(begin + window, n) + 1)
        best = sorted(inside, key=lambda h: -logits[h - 1])[:hubs]
        far = [h for h in best if not word - left <= h <= word + right]
        result.append([0, *near, *far])
    return result


def linear(parser: Parser) -> LinearScorer:
    assert isinstance(parser.arcs, LinearScorer)
    return parser.arcs


@pytest.mark.parametrize("sizes", [(2, 1, 2, 10), (5, 4, 6, 80), (1, 1, 1, 4)], ids=str)
def test_candidates_equal_the_twins(sizes: tuple[int, int, int, int]) -> None:
    left, right, hubs, window = sizes
    parser = small_parser(left=left, right=right, hubs=hubs, hub_window=window)
    scorer = linear(parser)
    encoded = parser.encode(*identifiers(LENGTHS))
    heads = scorer.candidates(encoded.words, encoded.mask)
    assert heads.shape[-1] == 1 + left + right + hubs == parser.config.candidates
    logits = scorer.hub_logits(encoded.words)
    allowed = scorer.candidate_mask(encoded.words, encoded.mask)
    for row, length in enumerate(LENGTHS):
        expected = candidate_twin(logits[row, :length].tolist(), left, right, hubs, window)
        for word in range(length):
            found = [h for h in heads[row, word].tolist() if h >= 0]
            assert heads[row, word].min() >= -1
            assert len(found) == len(set(found))
            assert sorted(found) == sorted(expected[word])
            assert allowed[row, word].nonzero()[:, 0].tolist() == sorted(found)


@pytest.mark.parametrize("similarity", ["dot", "distance"])
def test_the_linear_scorer_scores_candidates_as_the_matrix_does(similarity: str) -> None:
    parser = small_parser(similarity=similarity)
    words, _, tags, mask, _ = parser.encode(*identifiers(LENGTHS))
    scores, heads = parser.arcs(words, tags, mask)
    matrix = parser.arcs.matrix(words, tags, mask)
    valid = (heads >= 0) & mask[:, 1:, None]
    torch.testing.assert_close(scores[valid], matrix.gather(-1, heads.clamp_min(0))[valid], rtol=1e-4, atol=1e-4)
    assert (scores[heads < 0] == FORBIDDEN).all()


@pytest.mark.parametrize("similarity", ["dot", "distance"])
def test_the_biaffine_scorer_scores_all_pairs(similarity: str) -> None:
    parser = small_parser(scorer="biaffine", similarity=similarity)
    words, _, tags, mask, _ = parser.encode(*identifiers([1, 4, 6]))
    scores, heads = parser.arcs(words, tags, mask)
    assert torch.equal(scores, parser.arcs.matrix(words, tags, mask))
    for row, length in enumerate([1, 4, 6]):
        for word in range(1, length + 1):
            allowed = [h if h <= length and h != word else -1 for h in range(7)]
            assert heads[row, word - 1].tolist() == allowed
            assert (scores[row, word - 1] > FORBIDDEN / 2).tolist() == [h >= 0 for h in allowed]


def test_a_biaffine_score_by_its_formula() -> None:
    parser = small_parser(scorer="biaffine")
    scorer = parser.arcs
    assert isinstance(scorer, BiaffineScorer)
    words, _, tags, mask, _ = parser.encode(*identifiers([5]))
    matrix = scorer.matrix(words, tags, mask)
    for d, h in ((1, 0), (2, 5), (4, 1)):
        x, y = scorer.dependent(words[0, d]), scorer.head(words[0, h])
        bucket = int(distance_bucket(torch.tensor(d), torch.tensor(h)))
        pair = scorer.pair.table[(int(tags[0, d]) * (ROOT_TAG + 1) + int(tags[0, h])) * BUCKETS + bucket]
        expected = x @ scorer.bilinear.weight.T @ y / math.sqrt(4) + scorer.head_bias(words[0, h])[0] + pair
        torch.testing.assert_close(matrix[0, d - 1, h], expected)


def test_the_distance_is_geoopts() -> None:
    import geoopt

    scorer = small_parser(similarity="distance").arcs
    generator = torch.Generator().manual_seed(3)
    x, y = (torch.randn(1, 5, 4, generator=generator) for _ in range(2))
    c = 1 / 4
    distance = geoopt.PoincareBall(c=c).dist(expmap0(x, c)[:, :, None], expmap0(y, c)[:, None])
    torch.testing.assert_close(scorer.similarity(x, y), -scorer.sharpness * distance, rtol=1e-3, atol=1e-3)


def test_distance_buckets() -> None:
    before = [int(distance_bucket(torch.tensor(100), torch.tensor(100 - d))) for d in range(1, 41)]
    after = [int(distance_bucket(torch.tensor(100), torch.tensor(100 + d))) for d in range(1, 41)]
    expected = [1, 2, 3, 4, 5, 6] + [7] * 3 + [8] * 5 + [9] * 6 + [10] * 10 + [11] * 10
    assert before[:6] == expected[:6]
    assert before[6:9] == [7] * 3
    assert before == expected
    assert after == [bucket + 12 for bucket in expected]
    assert max(after) == BUCKETS - 1


def test_the_label_scorer_by_its_formula() -> None:
    parser = small_parser()
    words, _, tags, _, _ = parser.encode(*identifiers([4]))
    dependent, head = parser.label.project(words)
    heads = torch.tensor([[2, 0, 4, 1]])
    scores = parser.label(dependent, head, heads, tags)
    assert scores.shape == (1, 4, 5)
    for i, h in enumerate(heads[0].tolist()):
        hidden = torch.relu(dependent[0, i] + head[0, h])
        row = (int(tags[0, i + 1]) * 18 + int(tags[0, h])) * 2 + (h > i + 1)
        expected = hidden @ parser.label.weight + parser.label.bias + parser.label.pair[row]
        torch.testing.assert_close(scores[0, i], expected)
