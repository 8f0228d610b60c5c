"""The whole parser: padding, configurations, FLOPs; and the lexicon in INT8."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from posmoe_models import FeatureConfig, Parser, ParserConfig, flops
from posmoe_models.config import ROOT_TAG
from posmoe_models.lexicon import Lexicon, QuantisedLexicon, quantise_rows, with_bigrams
from tests.models.sizes import FEATURES, SMALL, identifiers, small_parser

LENGTHS = [1, 2, 7, 16, 80, 81, 163]


@pytest.mark.parametrize(
    "changes",
    [
        {"hub_window": 80, "left": 5, "right": 4, "hubs": 6},
        {"scorer": "biaffine", "k": 1},
        {"trunk_dim": 8, "trunk_layers": 2, "router": "linear", "geometry": "euclidean"},
        {"similarity": "distance", "experts": 12, "k": 3},
        {"gates": "computed", "context": "convolution", "pair_tags": 2},
    ],
    ids=["edge", "biaffine", "trunk", "distance", "choices"],
)
def test_nothing_depends_on_padding_or_neighbours(changes: dict[str, Any]) -> None:
    parser = small_parser(**changes)
    features, lengths = identifiers(LENGTHS, time=171)
    together = parser(features, lengths)
    padding = torch.arange(171) >= lengths[:, None]
    polluted = parser(features.masked_fill(padding[..., None], 7), lengths)
    for row, n in enumerate(LENGTHS):
        alone = parser(features[row : row + 1, :n], lengths[row : row + 1])
        width = alone.arc_scores.shape[-1]  # the biaffine scorer's grows with the padding
        for other in (together, polluted):
            assert torch.equal(other.arc_heads[row, :n, :width], alone.arc_heads[0])
            assert (other.arc_heads[row, :n, width:] == -1).all()
            assert torch.equal(other.heads[row, :n], alone.heads[0])
            assert torch.equal(other.labels[row, :n], alone.labels[0])
            valid = alone.arc_heads[0] >= 0
            pairs = [
                (other.tag_scores[row, :n], alone.tag_scores[0]),
                (other.arc_scores[row, :n, :width][valid], alone.arc_scores[0][valid]),
                (other.label_dependent[row, :n], alone.label_dependent[0]),
                (other.label_head[row, : n + 1], alone.label_head[0]),
            ]
            for found, expected in pairs:
                torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_heads_are_the_best_candidates_and_labels_are_theirs() -> None:
    parser = small_parser()
    features, lengths = identifiers([7])
    scores = parser(features, lengths)
    assert scores.tag_scores.shape == (1, 7, 17)
    for word in range(7):
        best = max(range(parser.config.candidates), key=lambda c: float(scores.arc_scores[0, word, c]))
        assert scores.heads[0, word] == scores.arc_heads[0, word, best] >= 0
    tags = torch.nn.functional.pad(scores.tag_scores.argmax(-1), (1, 0), value=ROOT_TAG)
    labels = parser.label(scores.label_dependent, scores.label_head, scores.heads, tags).argmax(-1)
    assert torch.equal(scores.labels, labels)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"k": 0}, "expected 1 ≤ k ≤ experts ≤ 17, got k = 0"),
        ({"k": 13, "experts": 12}, "got k = 13, experts = 12"),
        ({"experts": 18}, "experts = 18"),
        ({"trunk_layers": 2}, "trunk_layers needs trunk_dim > 0"),
        ({"context_dim": 49}, "no more channels than its input has"),
    ],
)
def test_configurations_that_fit_no_parser_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ParserConfig(**changes)


def test_the_edge_model_takes_at_most_550_000_flops() -> None:
    layers = flops(ParserConfig())
    total = layers.pop("total")
    assert 500_000 < total == sum(layers.values()) <= 550_000
    assert ParserConfig().candidates == 16


def test_flops_by_hand() -> None:
    # a row has 8 + 2·4 + 2·2 = 20 channels, the first context 8 + 8 = 16, a word 4 + 4 = 8
    words, k = 5, 2
    mobius = (2 * 4 + 4 + 4) + (2 * 4 + 2 * 4 + 10 + 4 * 4) + (2 * 4 + 4 + 4)
    word = (
        5 * 20  # six rows are summed
        + (4 * 8 + 3)  # norm of the lexical part
        + (5 * 8 + 4 * 16 + 3)  # recurrences, norm
        + (6 * 16 + 16 + 2 * 16 * 6 + 2 * 6 + 2 * 6 * 17 + 17 * (4 + k))  # window, two layers, softmax and choice
        + k * (2 * 6 * 4 + 2 * 6 * 4 + mobius + 5 * 4)  # gate, value, bias, silu and weighting
        + (5 * 4 + 4 * 8 + 3)  # recurrences, norm
        + (2 * 8 * 4 + 2 * 8 * 4 + 2 * 8 + 2 * 8)  # dependent, head, head bias, hub
        + (2 * 8 * 3 + 2 * 8 * 3)  # label projections
    )
    arcs = words * 6 * (2 * 4 + 3) + words * words  # 1 + 2 + 1 + 2 candidates; choosing hubs among five words
    labels = words * (2 * 3 + 2 * 3 * 5 + 3 * 5)
    found = flops(SMALL, words)
    assert (found["arcs"], found["labels"]) == (arcs, labels)
    assert found["total"] == words * word + arcs + labels


def test_arcs_cost_twice_as_much_in_a_sentence_twice_as_long_under_the_linear_scorer_alone() -> None:
    linear, biaffine = ParserConfig(), ParserConfig(scorer="biaffine")
    assert flops(linear, 400)["arcs"] == 2 * flops(linear, 200)["arcs"]
    assert flops(biaffine, 400)["arcs"] > 3.5 * flops(biaffine, 200)["arcs"]


def test_default_sizes_are_the_designs() -> None:
    parser = Parser(ParserConfig(features=FEATURES))
    assert sum(p.numel() for p in parser.router.parameters()) == 4049
    assert (parser.config.experts, parser.config.expert_dim, parser.config.k) == (17, 32, 2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1, max_size=5))
def test_a_rows_rounding_error_is_at_most_half_its_scale(rows: list[list[float]]) -> None:
    values = torch.tensor(rows)
    codes, scale = quantise_rows(values)
    assert codes.dtype == torch.int8
    assert codes.abs().max() <= 127
    assert (scale > 0).all()
    error = (codes.double() * scale.double()[:, None] - values.double()).abs()
    assert (error <= scale.double()[:, None] * (0.5 + 1e-4)).all()


def test_a_row_of_zeros_stays_zero() -> None:
    codes, scale = quantise_rows(torch.zeros(2, 3))
    assert not codes.any()
    assert torch.equal(scale, torch.ones(2))


def test_the_lexicon_sums_rows_and_its_int8_form_differs_by_rounding_alone() -> None:
    torch.manual_seed(1)
    lexicon = Lexicon(FeatureConfig(20, 8, 8, 8, 8, 8, 8), 5)
    ids, _ = identifiers([4, 9])
    expected = torch.stack([lexicon.table[row].sum(0) for row in ids.flatten(0, 1).long()]).view(2, 9, 5)
    torch.testing.assert_close(lexicon(ids), expected)
    quantised = QuantisedLexicon(lexicon)
    bound = (quantised.scale[ids.long()] / 2).sum(-1, keepdim=True) + 1e-5
    assert ((quantised(ids) - lexicon(ids)).abs() <= bound).all()
    lexicon.quantisation_aware = True
    torch.testing.assert_close(lexicon(ids), quantised(ids), rtol=1e-5, atol=1e-6)
    (grad,) = torch.autograd.grad(lexicon(ids).sum(), lexicon.table)
    assert torch.equal(grad.sum(-1), 5 * torch.bincount(ids.flatten(), minlength=len(grad)).float())


def test_another_number_of_features_is_refused() -> None:
    with pytest.raises(ValueError, match="expected 6 identifiers a word, got 5"):
        Lexicon(FEATURES, 4)(torch.zeros(1, 2, 5, dtype=torch.int32))


def test_pairs_of_words_have_rows_of_their_own() -> None:
    identifiers = torch.arange(1, 19, dtype=torch.int32).view(1, 3, 6)
    found = with_bigrams(identifiers, 100, 50)
    assert torch.equal(found[..., :6], identifiers.long())
    pairs = found[..., 6:]
    assert ((pairs >= 100) & (pairs < 150)).all()
    assert pairs[0, 0, 1] == (1 * 1_000_003 + 7 * 7_919) % 50 + 100  # the next word
    assert pairs[0, 2, 0] == (7 * 1_000_003 + 13 * 7_919) % 50 + 100  # the word before
    padded = torch.cat([identifiers, torch.zeros(1, 2, 6, dtype=torch.int32)], 1)
    assert torch.equal(with_bigrams(padded, 100, 50)[:, :3], found)
    assert not with_bigrams(padded, 100, 50)[:, 3:].any()
