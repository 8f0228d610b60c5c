"""Arc scorers behind one interface: the linear one of the product, and the quadratic biaffine one.

Positions count from 0 = root; dependents are the words 1 .. n. `matrix` scores all pairs, for
training and as the reference; `forward` scores only each word's candidates, for inference.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from posmoe_models.config import ROOT_TAG, ParserConfig
from posmoe_models.hyperbolic import expmap0, squared_distance_ratio
from posmoe_models.precision import full_precision

FORBIDDEN = -1e9
_EDGES = (7, 10, 15, 21, 31)
BUCKETS = 24


class Arcs(NamedTuple):
    """Scores [batch, time, C] and the head that each is for, int64 [batch, time, C]; −1 is no candidate."""

    scores: Tensor
    heads: Tensor


class LikelyTags(NamedTuple):
    """A word's two likeliest tags, int64 [batch, time + 1, 2], and their shares, which add up to 1; the root first."""

    tags: Tensor
    shares: Tensor


def distance_bucket(dependent: Tensor, head: Tensor) -> Tensor:
    """Bucket 0 … 23 of direction and distance; 1 to 6 words apart have a bucket each, then 7–9, 10–14, …."""
    distance = (head - dependent).abs()
    bucket = distance.clamp_max(6)
    for edge in _EDGES:
        bucket = bucket + (distance >= edge)
    return bucket + 12 * (head > dependent)


class PairBias(nn.Module):
    """A learned bias for (tag of the dependent, tag of the head, bucket of direction and distance)."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros((ROOT_TAG + 1) ** 2 * BUCKETS))

    def forward(self, tag: Tensor, head_tag: Tensor, bucket: Tensor) -> Tensor:
        """Integer tensors that broadcast against each other → float of their common shape."""
        index = (tag * (ROOT_TAG + 1) + head_tag) * BUCKETS + bucket
        return self.table.index_select(0, index.flatten()).view(index.shape)


class ArcScorer(nn.Module):
    """What both scorers share: two projections of a word, a head bias, and the pair bias."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.dependent = nn.Linear(config.word_dim, config.rank)
        self.head = nn.Linear(config.word_dim, config.rank)
        self.head_bias = nn.Linear(config.word_dim, 1)
        self.pair = PairBias()
        self.pair_tags = config.pair_tags
        self.distance = config.similarity == "distance"
        if self.distance:
            self.sharpness = nn.Parameter(torch.tensor(1.0))

    def similarity(self, dependent: Tensor, head: Tensor) -> Tensor:
        """Similarity of all pairs: [batch, …, t, rank] × [batch, …, s, rank] → [batch, …, t, s]."""
        rank = dependent.shape[-1]
        if not self.distance:
            return dependent @ head.transpose(-1, -2) / math.sqrt(rank)
        c = 1.0 / rank
        x, y = expmap0(dependent, c), expmap0(head, c)
        x2, y2 = x.square().sum(-1, keepdim=True), y.square().sum(-1, keepdim=True).transpose(-1, -2)
        ratio = squared_distance_ratio(x @ y.transpose(-1, -2), x2, y2, c)
        # arcosh(1 + r) without cancellation for small r
        distance = torch.log1p(ratio + torch.sqrt(ratio * (ratio + 2) + 1e-9)) * math.sqrt(rank)
        return -self.sharpness * distance

    def matrix(self, words: Tensor, tags: Tensor, mask: Tensor, likely: LikelyTags | None = None) -> Tensor:
        """Score all pairs.

        Args:
            words: [batch, time + 1, word_dim], the root first.
            tags: int64 [batch, time + 1]; the root's is 17.
            mask: bool [batch, time + 1], true for the root and the words.
            likely: where `pair_tags` is 2, the tags whose pair biases are summed by their shares.
        Returns:
            [batch, time, time + 1], float32, FORBIDDEN at padding and at the word itself.
        """
        with full_precision(words.device.type):
            words = words.float()
            scores = self.similarity(self.dependent(words[:, 1:]), self.head(words))
            scores = scores + self.head_bias(words).transpose(1, 2)
            position = torch.arange(words.shape[1], device=words.device)
            bucket = distance_bucket(position[1:, None], position[None])
            for tag, share in self._pair_terms(tags, likely):
                for other, other_share in self._pair_terms(tags, likely):
                    bias = self.pair(tag[:, 1:, None], other[:, None], bucket)
                    scores = scores + bias * share[:, 1:, None] * other_share[:, None]
            forbidden = ~mask[:, None] | (position[1:, None] == position[None])
            masked: Tensor = scores.masked_fill(forbidden, FORBIDDEN)
            return masked

    def _pair_terms(self, tags: Tensor, likely: LikelyTags | None) -> list[tuple[Tensor, Tensor]]:
        """The tags that the pair bias reads, with their shares."""
        if self.pair_tags == 1:
            return [(tags, torch.ones_like(tags))]
        assert likely is not None
        return [(likely.tags[..., i], likely.shares[..., i]) for i in range(2)]


class BiaffineScorer(ArcScorer):
    """The quadratic scorer: every word is every word's candidate (Dozat & Manning 2017)."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__(config)
        self.bilinear = nn.Linear(config.rank, config.rank, bias=False)
        nn.init.eye_(self.bilinear.weight)

    def similarity(self, dependent: Tensor, head: Tensor) -> Tensor:
        """xᵀ W y of all pairs; W lies transposed in `bilinear`, a layer like others."""
        return super().similarity(self.bilinear(dependent), head)

    def forward(self, words: Tensor, tags: Tensor, mask: Tensor, likely: LikelyTags | None = None) -> Arcs:
        """As `matrix`, with the heads beside the scores."""
        scores = self.matrix(words, tags, mask, likely)
        heads = torch.arange(scores.shape[-1], device=words.device).expand_as(scores)
        return Arcs(scores, torch.where(scores > FORBIDDEN / 2, heads, -1))


class LinearScorer(ArcScorer):
    """A constant number of candidates a word: the root, its neighbours, and the hubs of its window.

    A hub is a word that the network expects to have dependents far away; each window of `hub_window`
    words names a few. Cost is linear in the length of the sentence.
    """

    offsets: Tensor

    def __init__(self, config: ParserConfig) -> None:
        super().__init__(config)
        self.hub = nn.Linear(config.word_dim, 1)
        self.hubs, self.window = config.hubs, config.hub_window
        offsets = [*range(-config.left, 0), *range(1, config.right + 1)]
        self.register_buffer("offsets", torch.tensor(offsets), persistent=False)
        self.left, self.right = config.left, config.right

    def hub_logits(self, words: Tensor) -> Tensor:
        """Logit of each word being a far head: [batch, time + 1, word_dim] → [batch, time]."""
        with full_precision(words.device.type):
            logits: Tensor = self.hub(words[:, 1:].float())[..., 0]
            return logits

    def candidates(self, words: Tensor, mask: Tensor) -> Tensor:
        """Candidate heads int64 [batch, time, C], each at most once a word, −1 where there is none."""
        batch, time = mask.shape[0], mask.shape[1] - 1
        lengths = mask.sum(1)[:, None, None] - 1
        position = torch.arange(1, time + 1, device=words.device)
        near = (position[:, None] + self.offsets).expand(batch, -1, -1)
        near = torch.where((near >= 1) & (near <= lengths), near, -1)

        logits = self.hub_logits(words).masked_fill(~mask[:, 1:], FORBIDDEN)
        # a window more than is read: a program is never recorded for the case of one alone
        logits = nn.functional.pad(logits, (0, -time % self.window + self.window), value=2 * FORBIDDEN)
        best = torch.topk(logits.view(batch, -1, self.window), self.hubs, dim=-1).indices
        start = torch.arange(best.shape[1], device=words.device)[:, None] * self.window
        hubs = (best + start + 1)[:, (position - 1) // self.window]
        gap = hubs - position[:, None]
        far = (gap < -self.left) | (gap > self.right)
        hubs = torch.where(far & (hubs <= lengths), hubs, -1)

        root = torch.zeros_like(hubs[..., :1])
        return torch.cat([root, near, hubs], -1)

    def candidate_mask(self, words: Tensor, mask: Tensor) -> Tensor:
        """The candidates as a bool mask over all pairs, [batch, time, time + 1]."""
        heads = self.candidates(words, mask) + 1
        allowed = torch.zeros(*heads.shape[:2], mask.shape[1] + 1, dtype=torch.bool, device=words.device)
        return allowed.scatter(-1, heads, True)[..., 1:]

    def forward(self, words: Tensor, tags: Tensor, mask: Tensor, likely: LikelyTags | None = None) -> Arcs:
        """Score each word's candidates; arguments as for `matrix`."""
        heads = self.candidates(words, mask)
        batch, time, count = heads.shape
        index = heads.clamp_min(0).view(batch, time * count)
        projected = self.head(words)
        projected = projected.gather(1, index[..., None].expand(-1, -1, projected.shape[-1]))
        projected = projected.view(batch, time, count, -1)
        scores = self.similarity(self.dependent(words[:, 1:])[:, :, None], projected)[:, :, 0]
        scores = scores + self.head_bias(words)[..., 0].gather(1, index).view(batch, time, count)
        position = torch.arange(1, time + 1, device=words.device)[:, None]
        bucket = distance_bucket(position, heads)
        for tag, share in self._pair_terms(tags, likely):
            for other, other_share in self._pair_terms(tags, likely):
                head_tag, head_share = (x.gather(1, index).view(batch, time, count) for x in (other, other_share))
                scores = scores + self.pair(tag[:, 1:, None], head_tag, bucket) * share[:, 1:, None] * head_share
        return Arcs(scores.masked_fill(heads < 0, FORBIDDEN), heads)
