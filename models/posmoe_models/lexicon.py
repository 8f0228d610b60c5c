"""The hashed lexical table: where the model's knowledge of words lives."""

import torch
from torch import Tensor, nn

from posmoe_kernels import lookup
from posmoe_models.config import FEATURES_PER_WORD, FeatureConfig


def row_scales(rows: Tensor) -> Tensor:
    """Scale of each row, so that its largest entry becomes 127: [n, d] → [n]; 1 for a row of zeros."""
    scale = rows.detach().abs().amax(1).float() / 127
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def quantise_rows(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to INT8 with a scale of its own, symmetric: rows ≈ codes · scale[:, None].

    Args:
        rows: float, [n, d].
    Returns:
        codes, int8 [n, d], and scale, float32 [n] (1 for a row of zeros); the error is at most scale / 2.
    """
    scale = row_scales(rows)
    codes = torch.round(rows.detach().float() / scale[:, None]).clamp(-127, 127).to(torch.int8)
    return codes, scale


def with_bigrams(identifiers: Tensor, first: int, rows: int) -> Tensor:
    """Add hashed rows for the pairs (previous, this), (this, next) and the skip-gram (previous, next) of word rows.

    Args:
        identifiers: int [batch, time, 6], whose first one is the row of the word; 0 is padding.
        first, rows: where the table of pairs begins, and its rows.
    Returns:
        int64 [batch, time, 9].
    """
    word = identifiers[..., 0].long()
    before, after = nn.functional.pad(word, (1, 0))[:, :-1], nn.functional.pad(word, (0, 1))[:, 1:]
    pairs = [
        (before * 1_000_003 + word * 7_919),
        (word * 1_000_003 + after * 7_919),
        before * 611_953 + after * 15_485_863,
    ]
    hashed = torch.stack([first + pair % rows for pair in pairs], -1)
    return torch.cat([identifiers.long(), hashed * (word > 0)[..., None]], -1)


class Lexicon(nn.Module):
    """Sum of a word's table rows; rows are float in training, INT8 with a scale each once frozen."""

    def __init__(self, features: FeatureConfig, dim: int, bigrams: int = 0) -> None:
        super().__init__()
        self.features, self.dim, self.bigrams = features, dim, bigrams
        table = torch.randn(features.rows + bigrams, dim) * 0.15
        table[: 2 + features.words + features.remainder] *= 2
        table[:2] = 0
        table[features.rows :] = 0
        self.table = nn.Parameter(table)
        self.quantisation_aware = False
        self.fused = False

    def forward(self, identifiers: Tensor) -> Tensor:
        """Identifiers int [batch, time, 6] → float [batch, time, dim]."""
        if identifiers.shape[-1] != FEATURES_PER_WORD:
            raise ValueError(f"expected {FEATURES_PER_WORD} identifiers a word, got {identifiers.shape[-1]}")
        if self.bigrams:
            identifiers = with_bigrams(identifiers, self.features.rows, self.bigrams)
        if self.fused:
            return lookup(self.table, identifiers, self.quantisation_aware)
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
        self.bigrams, self.rows = lexicon.bigrams, lexicon.features.rows

    def forward(self, identifiers: Tensor) -> Tensor:
        """Identifiers int [batch, time, 6] → float [batch, time, dim]."""
        if self.bigrams:
            identifiers = with_bigrams(identifiers, self.rows, self.bigrams)
        index = identifiers.flatten().long()
        rows = self.codes.index_select(0, index).float() * self.scale.index_select(0, index)[:, None]
        return rows.view(*identifiers.shape, -1).sum(-2)
