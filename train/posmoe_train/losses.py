"""Losses of parsing: soft cross-entropies for arcs, labels and tags, and the hub and router terms."""

from dataclasses import dataclass

import torch
from torch import Tensor

from posmoe_models import Parser
from posmoe_models.scorers import FORBIDDEN, LinearScorer
from posmoe_train.examples import Batch


@dataclass(frozen=True)
class LossWeights:
    """Weight of each term; the arcs' is 1."""

    label: float = 0.5
    tag: float = 0.5
    hub: float = 0.1
    router_z: float = 1e-3


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


def parser_losses(parser: Parser, batch: Batch, weights: LossWeights) -> dict[str, Tensor]:
    """All terms and their weighted sum, `loss`."""
    encoded = parser.encode(batch.features, batch.lengths)
    scores = parser.arcs.matrix(encoded.words, encoded.tags, encoded.mask)
    position = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    head_p = batch.head_p * ((batch.heads != position[:, None]) & (batch.heads <= batch.lengths[:, None, None]))
    terms: dict[str, Tensor] = {}
    if isinstance(parser.arcs, LinearScorer):
        logits = parser.arcs.hub_logits(encoded.words)
        terms["hub"] = _hub_loss(logits, batch, head_p[..., 0] > 0, parser.arcs)
        allowed = parser.arcs.candidate_mask(encoded.words.detach(), encoded.mask)
        allowed = allowed.scatter(-1, batch.heads * (head_p > 0), True)
        scores = scores.masked_fill(~allowed, FORBIDDEN)
    terms["arc"] = soft_cross_entropy(scores, batch.heads * (head_p > 0), head_p)
    dependent, head = parser.label.project(encoded.words)
    heads = batch.heads[..., 0] * (head_p[..., 0] > 0)
    labels = parser.label(dependent.float(), head.float(), heads, encoded.tags)
    terms["label"] = soft_cross_entropy(labels, batch.labels, batch.label_p)
    terms["tag"] = soft_cross_entropy(encoded.tag_logits, batch.tags, batch.tag_p)
    z = torch.logsumexp(encoded.tag_logits, -1)[batch.mask]
    terms["router_z"] = z.square().mean()
    terms["loss"] = terms["arc"] + sum(value * getattr(weights, name) for name, value in terms.items() if name != "arc")
    return terms


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
