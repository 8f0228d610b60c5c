"""Losses of parsing: soft cross-entropies for arcs, labels and tags, and the hub and router terms."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posmoe import _core
from posmoe_models import Parser
from posmoe_models.scorers import FORBIDDEN, LinearScorer
from posmoe_train.examples import Batch


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term; the arcs' is 1.

    `trees` weighs the list-oracle loss, of the `trees_k` best trees of `trees_sentences` sentences a batch.
    """

    label: float = 0.5
    tag: float = 0.5
    hub: float = 0.1
    router_z: float = 1e-3
    trees: float = 0.0
    trees_k: int = 8
    trees_sentences: int = 32


def soft_cross_entropy(logits: Tensor, index: Tensor, probability: Tensor) -> Tensor:
    """−Σ p log softmax(logits)[index], a mean over the words that have a target.

    Args:
        logits: [batch, time, classes].
        index, probability: int64 and float [batch, time, k]; rows of zeros don't count.
    """
    log_p = torch.log_softmax(logits.float(), -1).gather(-1, index)
    total = probability.sum(-1, keepdim=True)
    weight = probability / total.clamp_min(1e-6)
    counted = total[..., 0] > 0
    return -(weight * log_p).sum() / counted.sum().clamp_min(1)


def parser_losses(parser: Parser, batch: Batch, weights: LossWeights, candidates: bool = True) -> dict[str, Tensor]:
    """All terms and their weighted sum, `loss`.

    Args:
        candidates: whether the linear scorer's arcs compete with its candidates alone, or with all words.
    """
    encoded = parser.encode(batch.features, batch.lengths)
    scores = parser.arcs.matrix(encoded.words, encoded.tags, encoded.mask, encoded.likely)
    position = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    head_p = batch.head_p * ((batch.heads != position[:, None]) & (batch.heads <= batch.lengths[:, None, None]))
    terms: dict[str, Tensor] = {}
    if isinstance(parser.arcs, LinearScorer):
        logits = parser.arcs.hub_logits(encoded.words)
        terms["hub"] = _hub_loss(logits, batch, head_p[..., 0] > 0, parser.arcs)
        if candidates:
            allowed = parser.arcs.candidate_mask(encoded.words.detach(), encoded.mask)
            allowed = allowed.scatter(-1, batch.heads * (head_p > 0), True)
            scores = scores.masked_fill(~allowed, FORBIDDEN)
    terms["arc"] = soft_cross_entropy(scores, batch.heads * (head_p > 0), head_p)
    if weights.trees:
        terms["trees"] = list_oracle_loss(scores, batch, head_p, weights.trees_k, weights.trees_sentences)
    dependent, head = parser.label.project(encoded.words)
    heads = batch.heads[..., 0] * (head_p[..., 0] > 0)
    labels = parser.label(dependent.float(), head.float(), heads, encoded.tags)
    terms["label"] = soft_cross_entropy(labels, batch.labels, batch.label_p)
    terms["tag"] = soft_cross_entropy(encoded.tag_logits, batch.tags, batch.tag_p)
    z = torch.logsumexp(encoded.tag_logits, -1)[batch.mask]
    terms["router_z"] = z.square().mean()
    terms["loss"] = terms["arc"] + sum(value * getattr(weights, name) for name, value in terms.items() if name != "arc")
    return terms


def list_oracle_loss(scores: Tensor, batch: Batch, head_p: Tensor, k: int, sentences: int) -> Tensor:
    """−log of the share that a sentence's best trees by the targets have among its k best trees by the scores.

    A tree's share is the softmax of its arcs' summed scores over the list; the oracles are the trees of the list
    with the largest sum of target probabilities. A mean over the words of some sentences. After Charniak and Johnson
    2005 ("Coarse-to-fine n-best parsing"), who learn to find the oracle in such lists.

    Args:
        scores: [batch, time, time + 1], FORBIDDEN where there is no arc.
        head_p: the targets' probabilities, [batch, time, k'].
        sentences: at most so many sentences of the batch are ranked, those of evenly spread places.
    """
    chosen = torch.linspace(0, len(scores) - 1, min(sentences, len(scores)), device=scores.device).long()
    part, targets, found = scores[chosen], batch.heads[chosen], head_p[chosen]
    lengths = batch.lengths[chosen].tolist()
    values = part.detach().float().cpu().numpy()
    lists = [_best_trees(value[:n, : n + 1], k) for value, n in zip(values, lengths, strict=True)]
    trees = np.zeros((len(lists), k, part.shape[1]), np.int64)
    real = np.zeros((len(lists), k), bool)
    for row, (found_trees, n) in enumerate(zip(lists, lengths, strict=True)):
        trees[row, : len(found_trees), :n] = found_trees
        real[row, : len(found_trees)] = True
    heads = torch.from_numpy(trees).to(scores.device).transpose(1, 2)
    mask = torch.arange(part.shape[1], device=scores.device) < batch.lengths[chosen, None]
    total = (part.gather(2, heads) * mask[..., None]).sum(1)
    right = ((heads[..., None] == targets[:, :, None]) * found[:, :, None]).sum((1, 3))
    there = torch.from_numpy(real).to(scores.device)
    right = right.masked_fill(~there, -1)
    share = torch.log_softmax(total.masked_fill(~there, FORBIDDEN), -1)
    oracle = right >= right.amax(-1, keepdim=True) - 1e-4
    loss = -torch.logsumexp(share.masked_fill(~oracle, FORBIDDEN), -1)
    return loss.sum() / mask.sum().clamp_min(1)


def _best_trees(scores: NDArray[np.float32], k: int) -> NDArray[np.int32]:
    """The k best trees [≤ k, n] of one sentence's scores [n, n + 1]."""
    allowed = np.where(scores > FORBIDDEN / 2, scores, -np.inf).astype(np.float32)
    heads = np.ascontiguousarray(np.broadcast_to(np.arange(scores.shape[1]), scores.shape))
    trees: NDArray[np.int32] = _core.k_best(allowed, heads, k)[0]
    return trees


def _hub_loss(logits: Tensor, batch: Batch, counted: Tensor, scorer: LinearScorer) -> Tensor:
    """Binary cross-entropy: does a word head another that its neighbourhood doesn't reach?"""
    heads = batch.heads[..., 0]
    position = torch.arange(1, heads.shape[1] + 1, device=heads.device)
    gap = heads - position
    far = counted & (heads > 0) & ((gap < -scorer.left) | (gap > scorer.right))
    wanted = torch.zeros(heads.shape[0], heads.shape[1] + 1, device=heads.device)
    wanted = wanted.scatter(1, heads * far, 1.0)[:, 1:]
    loss = torch.nn.functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    return (loss * batch.mask).sum() / batch.mask.sum()
