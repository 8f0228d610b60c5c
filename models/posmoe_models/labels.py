"""The label scorer: relation of a word to its head, from both words' vectors and tags."""

import torch
from torch import Tensor, nn

from posmoe_models.config import ROOT_TAG, ParserConfig


class LabelScorer(nn.Module):
    """scores(d, h) = W relu(D d + H h) + b + P[tag of d, tag of h, direction].

    D and H run once a word; the rest only for the chosen head, after decoding.
    """

    def __init__(self, config: ParserConfig) -> None:
        super().__init__()
        self.dependent = nn.Linear(config.word_dim, config.label_rank)
        self.head = nn.Linear(config.word_dim, config.label_rank)
        self.weight = nn.Parameter(torch.randn(config.label_rank, config.labels) / config.label_rank**0.5)
        self.bias = nn.Parameter(torch.zeros(config.labels))
        self.pair = nn.Parameter(torch.zeros((ROOT_TAG + 1) ** 2 * 2, config.labels))

    def project(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Words [batch, time + 1, word_dim] → dependents [batch, time, q] and heads [batch, time + 1, q]."""
        return self.dependent(words[:, 1:]), self.head(words)

    def forward(self, dependent: Tensor, head: Tensor, heads: Tensor, tags: Tensor) -> Tensor:
        """Score all labels of one head a word.

        Args:
            dependent, head: from `project`.
            heads: int64 [batch, time], 0 = root.
            tags: int64 [batch, time + 1], the root's first.
        Returns:
            [batch, time, labels].
        """
        chosen = head.gather(1, heads[..., None].expand(-1, -1, head.shape[-1]))
        hidden = nn.functional.relu(dependent + chosen)
        position = torch.arange(1, heads.shape[1] + 1, device=heads.device)
        pair = (tags[:, 1:] * (ROOT_TAG + 1) + tags.gather(1, heads)) * 2 + (heads > position)
        return hidden @ self.weight + self.bias + self.pair.index_select(0, pair.flatten()).view(*pair.shape, -1)
