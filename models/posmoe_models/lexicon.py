"""The hashed lexical table: where the model's knowledge of words lives."""

import torch
from torch import Tensor, nn

from posmoe_models.config import FEATURES_PER_WORD, FeatureConfig


def quantise_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to INT8 with a scale of its own, symmetric: rows ≈ codes · scale[:, None].

    Args:
        rows: float, [n, d].
    Returns:
        codes, int8 [n, d], and scale, float32 [n] (1 for a row of zeros); the error is at most scale / 2.
    """
    scale = rows.detach().abs().amax(1).float() / 127
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    codes = torch.round(rows.detach().float() / scale[:, None]).clamp(-127, 127).to(torch.int8)
    return codes, scale


class Lexicon(nn.Module):
    """Sum of a word's table rows; rows are float in training, INT8 with a scale each once frozen."""

    def __init__(self, features: FeatureConfig, dim: int) -> None:
        super().__init__()
        self.features, self.dim = features, dim
        table = torch.randn(features.rows, dim) * 0.15
        table[: 2 + features.words + features.remainder] *= 2
        table[:2] = 0
        self.table = nn.Parameter(table)
        self.quantisation_aware = False

    def forward(self, identifiers: Tensor) -> Tensor:
        """Identifiers int [batch, time, 6] → float [batch, time, dim]."""
        if identifiers.shape[-1] != FEATURES_PER_WORD:
            raise ValueError(f"expected {FEATURES_PER_WORD} identifiers a word, got {identifiers.shape[-1]}")
        rows = nn.functional.embedding(identifiers, self.table)
        if self.quantisation_aware:
            scale = rows.detach().abs().amax(-1, keepdim=True).clamp_min(1e-12) / 127
            rows = rows + (torch.round(rows / scale) * scale - rows).detach()
        return rows.sum(-2)


class QuantisedLexicon(nn.Module):
    """The same sum over INT8 rows, for export."""

    codes: Tensor
    scale: Tensor

    def __init__(self, lexicon: Lexicon) -> None:
        super().__init__()
        codes, scale = quantise_rows(lexicon.table)
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)

    def forward(self, identifiers: Tensor) -> Tensor:
        """Identifiers int [batch, time, 6] → float [batch, time, dim]."""
        index = identifiers.flatten().long()
        rows = self.codes.index_select(0, index).float() * self.scale.index_select(0, index)[:, None]
        return rows.view(*identifiers.shape, -1).sum(-2)
