"""The parser: table rows → context → router → experts → context → arc and label scores."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from posmoe_models.config import ROOT_TAG, ParserConfig
from posmoe_models.context import ContextLayer, ConvolvedContext, RecurrentContext
from posmoe_models.experts import Experts
from posmoe_models.labels import LabelScorer
from posmoe_models.lexicon import Lexicon
from posmoe_models.router import CnnRouter, LinearRouter, route
from posmoe_models.scorers import BiaffineScorer, LikelyTags, LinearScorer


def rms_norm(width: int) -> nn.RMSNorm:
    """The norm between layers: no mean to take, and its weights fold into the next layer."""
    return nn.RMSNorm(width, eps=1e-6)


def likely_tags(tag_logits: Tensor) -> LikelyTags:
    """Logits [batch, time, 17] → the two likeliest tags of each position, the root's own before them."""
    shares, tags = tag_logits.float().topk(2, -1)
    tags = nn.functional.pad(tags, (0, 0, 1, 0), value=ROOT_TAG)
    return LikelyTags(tags, nn.functional.pad(shares.softmax(-1), (0, 0, 1, 0), value=0.5))


class Encoded(NamedTuple):
    """What the scorers read; the root comes first in `words`, `tags` and `mask`."""

    words: Tensor
    tag_logits: Tensor
    tags: Tensor
    mask: Tensor
    likely: LikelyTags | None = None


class Scores(NamedTuple):
    """The outputs of the network, in the order of the exported graph."""

    tag_scores: Tensor
    arc_scores: Tensor
    arc_heads: Tensor
    label_dependent: Tensor
    label_head: Tensor
    heads: Tensor
    labels: Tensor
    tags: Tensor


class Parser(nn.Module):
    """A dependency parser over feature identifiers; `forward` is the graph that is exported."""

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        c = self.config = config
        self.lexicon: nn.Module = Lexicon(c.features, c.row_dim, c.bigrams)
        self.root = nn.Parameter(torch.randn(c.word_dim) * 0.1)
        self.lexical_norm = rms_norm(c.lexical_dim)
        self.context_norm = rms_norm(c.context_width)
        context = RecurrentContext if c.context == "recurrence" else ConvolvedContext
        self.context, self.expert_context = context(c.context_dim), context(c.expert_context_dim)
        if c.gates == "computed":
            self.gates = nn.Linear(c.lexical_dim, 2 * c.context_dim)
            self.expert_gates = nn.Linear(c.expert_dim, 2 * c.expert_context_dim)
        width = c.trunk_dim or c.context_width
        self.mix = nn.Linear(c.context_width, width) if c.trunk_dim else None
        self.trunk = nn.ModuleList(ContextLayer(width, c.dropout) for _ in range(c.trunk_layers))
        router = CnnRouter if c.router == "cnn" else LinearRouter
        self.router = router(width, c.router_dim)
        self.experts = Experts(c.experts, c.trunk_dim or c.router_dim, c.expert_dim, c.geometry)
        self.word_norm = rms_norm(c.word_dim)
        self.arcs = LinearScorer(c) if c.scorer == "linear" else BiaffineScorer(c)
        self.label = LabelScorer(c)
        self.dropout = nn.Dropout(c.dropout)

    def encode(self, features: Tensor, lengths: Tensor, route_tags: Tensor | None = None) -> Encoded:
        """Identifiers int [batch, time, 6] and lengths int64 [batch] → what the scorers read.

        With `route_tags`, int64 [batch, time], every word goes to the expert of that tag alone.
        """
        c = self.config
        batch, time, _ = features.shape
        mask = torch.arange(time, device=features.device) < lengths[:, None]
        row = self.lexicon(features)
        lexical = self.lexical_norm(row[..., : c.lexical_dim])
        computed = c.gates == "computed"
        gates = self.gates(lexical) if computed else row[..., c.lexical_dim : c.context_width]
        context = self.context(lexical, gates, mask)
        x = self.dropout(self.context_norm(torch.cat([lexical, context.to(lexical.dtype)], -1)))
        if self.mix is not None:
            x = nn.functional.gelu(self.mix(x))
        for layer in self.trunk:
            x = layer(x, mask)
        hidden, tag_logits = self.router(x, mask)
        weight, index = route(tag_logits, c.k, c.experts)
        if route_tags is not None:
            weight, index = torch.ones_like(weight[..., :1]), (route_tags % c.experts)[..., None]
        mixed = self.experts(hidden if self.mix is None else x, weight, index)
        gates = self.expert_gates(mixed) if computed else row[..., c.context_width :]
        context = self.expert_context(mixed, gates, mask)
        words = self.dropout(self.word_norm(torch.cat([mixed, context], -1)))
        words = torch.cat([self.root.to(words.dtype).expand(batch, 1, -1), words], 1)
        tags = nn.functional.pad(tag_logits.argmax(-1), (1, 0), value=ROOT_TAG)
        mask = torch.cat([torch.ones_like(lengths, dtype=torch.bool)[:, None], mask], 1)
        return Encoded(words, tag_logits.float(), tags, mask, likely_tags(tag_logits) if c.pair_tags == 2 else None)

    def forward(self, features: Tensor, lengths: Tensor, route_tags: Tensor | None = None) -> Scores:
        """Score a padded batch; nothing at a word depends on the padding.

        Args:
            features: identifiers, int32 [batch, time, 6]; padding is 0.
            lengths: words a sentence, int64 [batch].
            route_tags: tags that choose the experts in place of the predicted ones, int64 [batch, time].
        """
        words, tag_logits, tags, mask, likely = self.encode(features, lengths, route_tags)
        arcs = self.arcs(words, tags, mask, likely)
        dependent, head = self.label.project(words)
        best = arcs.scores.argmax(-1, keepdim=True)
        heads = arcs.heads.gather(-1, best)[..., 0].clamp_min(0)
        labels = self.label(dependent, head, heads, tags).argmax(-1)
        return Scores(tag_logits, arcs.scores, arcs.heads, dependent, head, heads, labels, tags[:, 1:])


def fuse(model: nn.Module, fused: bool = True) -> None:
    """Let lookup, recurrences and experts run as fused kernels where they are on a GPU, or as plain operations."""
    for module in model.modules():
        if hasattr(module, "fused"):
            setattr(module, "fused", fused)  # noqa: B010
