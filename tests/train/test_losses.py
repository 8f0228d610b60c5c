"""Losses of parsing against torch's, what doesn't count, and that they fall."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from posmoe_models import Parser
from posmoe_train.conllu import read_treebank
from posmoe_train.data import gold_corpus, gold_targets, label_set
from posmoe_train.examples import Batch, Examples
from posmoe_train.losses import LossWeights, parser_losses, soft_cross_entropy
from posmoe_train.usage import expert_usage
from tests.models.sizes import FEATURES, small_parser
from tests.train.treebank import write_treebank


def tiny(tmp_path: Path) -> Examples:
    """The tiny treebank; its features are random, one row a form."""
    gold = read_treebank(write_treebank(tmp_path / "tiny.conllu"))
    corpus = gold_corpus(gold)
    generator = torch.Generator().manual_seed(1)
    rows = torch.randint(2, FEATURES.rows, (len(corpus.forms), 6), generator=generator, dtype=torch.int32)
    return Examples(corpus, gold_targets(gold, label_set(gold)), rows, torch.device("cpu"))


def parser_of(**changes: Any) -> Parser:
    return small_parser(labels=12, dropout=0.0, **changes).train().requires_grad_(True)


def test_hard_targets_give_torchs_cross_entropy() -> None:
    torch.manual_seed(1)
    logits, gold = torch.randn(2, 5, 7), torch.randint(0, 7, (2, 5))
    counted = torch.rand(2, 5) < 0.6
    index = torch.stack([gold, torch.zeros_like(gold)], -1)
    probability = torch.stack([counted.float() * 0.5, torch.zeros(2, 5)], -1)  # they are normalised
    expected = cross_entropy(logits[counted], gold[counted])
    torch.testing.assert_close(soft_cross_entropy(logits, index, probability), expected)


def test_soft_targets_give_the_mean_of_the_logarithms() -> None:
    logits = torch.tensor([[[1.0, 2.0, 4.0]]])
    log_p = logits[0, 0].log_softmax(-1)
    loss = soft_cross_entropy(logits, torch.tensor([[[2, 0]]]), torch.tensor([[[0.75, 0.25]]]))
    torch.testing.assert_close(loss, -(0.75 * log_p[2] + 0.25 * log_p[0]))


def test_no_target_at_all_is_no_loss() -> None:
    assert soft_cross_entropy(torch.randn(1, 2, 3), torch.zeros(1, 2, 1, dtype=torch.long), torch.zeros(1, 2, 1)) == 0


def test_batches_hold_the_sentences_and_zeros_past_them(tmp_path: Path) -> None:
    examples = tiny(tmp_path)
    gold = read_treebank(tmp_path / "tiny.conllu")
    batch = examples.batch(np.array([4, 1, 0]))
    assert batch.lengths.tolist() == [1, 7, 3]
    assert batch.features.shape == (3, 8, 6)
    for row, sentence in enumerate([gold[4], gold[1], gold[0]]):
        n = len(sentence)
        assert batch.heads[row, :n, 0].tolist() == sentence.heads
        assert batch.head_p[row, :n].tolist() == [[1, 0, 0, 0]] * n
        assert batch.mask[row].tolist() == [True] * n + [False] * (8 - n)
        for column in (batch.features, batch.head_p, batch.label_p, batch.tag_p):
            assert not column[row, n:].any()


def losses(parser: Parser, batch: Batch) -> dict[str, torch.Tensor]:
    return parser_losses(parser, batch, LossWeights())


def test_padding_and_words_without_targets_do_not_count(tmp_path: Path) -> None:
    examples = tiny(tmp_path)
    for scorer in ("linear", "biaffine"):
        parser = parser_of(scorer=scorer)
        narrow, wide = (losses(parser, examples.batch(np.array([1, 3, 6]), multiple=m)) for m in (1, 32))
        for name, value in narrow.items():
            torch.testing.assert_close(value, wide[name], rtol=1e-4, atol=1e-5)
        batch = examples.batch(np.array([1]))
        for column in (batch.head_p, batch.label_p, batch.tag_p):
            column[0, 2:] = 0
        before = losses(parser, batch)
        batch.heads[0, 2:], batch.labels[0, 2:], batch.tags[0, 2:] = 1, 2, 3
        after = losses(parser, batch)
        assert all(torch.equal(before[name], after[name]) for name in ("arc", "label", "tag"))


def test_the_sum_is_weighted() -> None:
    weights = LossWeights(label=0.0, tag=0.0, hub=0.0, router_z=0.0)
    features, lengths = torch.randint(2, FEATURES.rows, (1, 3, 6), dtype=torch.int32), torch.tensor([3])
    ones = torch.zeros(1, 3, 2)
    ones[..., 0] = 1
    index = torch.zeros(1, 3, 2, dtype=torch.long)
    terms = parser_losses(parser_of(), Batch(features, lengths, index, ones, index, ones, index, ones), weights)
    assert set(terms) == {"arc", "label", "tag", "hub", "router_z", "loss"}
    assert torch.equal(terms["loss"], terms["arc"])


def test_losses_fall_and_the_sentences_are_learnt(tmp_path: Path) -> None:
    batch = tiny(tmp_path).batch(np.array([0, 1, 2]))
    for scorer, steps in (("linear", 80), ("biaffine", 25)):
        parser = parser_of(scorer=scorer)
        optimizer = torch.optim.Adam(parser.parameters(), lr=0.03)
        first = {name: float(value.detach()) for name, value in losses(parser, batch).items()}
        for _ in range(steps):
            optimizer.zero_grad()
            torch.autograd.backward(losses(parser, batch)["loss"])
            optimizer.step()
        last = {name: float(value.detach()) for name, value in losses(parser, batch).items()}
        share = 0.5 if scorer == "linear" else 0.95
        for name in ("loss", "arc", "label", "tag"):
            assert last[name] < share * first[name], (scorer, name)
        if scorer == "linear":
            scores = parser.eval()(batch.features, batch.lengths)
            assert (scores.heads == batch.heads[..., 0])[batch.mask].all()
            assert (scores.labels == batch.labels[..., 0])[batch.mask].all()


def test_usage_of_experts(tmp_path: Path) -> None:
    examples = tiny(tmp_path)
    parser = parser_of().eval().requires_grad_(False)
    with torch.no_grad():
        parser.router.output.weight.zero_()
        parser.router.output.bias.zero_()
        parser.router.output.bias[[3, 7]] = 50.0  # all words go to the experts 3 and 7, half to each
    usage = expert_usage(parser, examples)
    assert usage["load"] == [0.5 if expert in (3, 7) else 0.0 for expert in range(17)]
    assert usage["dead"] == 15
    assert usage["entropy"] == round(float(np.log(2) / np.log(17)), 4)
    tags = np.bincount(examples.targets["tags"][:, 0].numpy(), minlength=17) / len(examples.words)
    expected = sum(0.5 * np.log(0.5 / max(tags[e], 1e-12)) for e in (3, 7))
    assert abs(usage["kl_to_upos"] - expected) < 1e-4
