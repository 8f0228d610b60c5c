"""The quadratic scorer with its matrix of scores: the reference of the fused kernel."""

import torch
from torch import Tensor

from posmoe_kernels.network import BUCKETS
from posmoe_kernels.trees.naive import buckets


def unpack(codes: Tensor, scale: Tensor) -> Tensor:
    """What `pack` stands for: [r, r / 2] and [r] → float32 [r, r]."""
    return (torch.cat([codes & 15, codes >> 4], 1).float() - 8) * scale[:, None]


def biaffine_naive(
    dependent: Tensor,
    bilinear: Tensor | tuple[Tensor, Tensor],
    head: Tensor,
    bias: Tensor,
    tags: Tensor,
    pair: Tensor,
    lengths: Tensor,
) -> tuple[Tensor, Tensor]:
    """As `biaffine`."""
    matrix = bilinear if isinstance(bilinear, Tensor) else unpack(*bilinear)
    time = dependent.shape[1]
    scores = (dependent @ matrix) @ head.transpose(1, 2) / dependent.shape[-1] ** 0.5 + bias[:, None]
    position = torch.arange(time + 1, device=head.device)
    word = position[1:, None]
    row = tags[:, 1:, None].long() * round((pair.shape[0]) ** 0.5) + tags[:, None].long()
    scores = scores + pair.reshape(-1)[row * BUCKETS + buckets(word, position)]
    forbidden = (position > lengths[:, None, None]) | (position == word)
    scores = scores.masked_fill(forbidden, float("-inf"))
    real = position[1:] <= lengths[:, None]
    return scores.argmax(-1) * real, torch.logsumexp(scores, -1).float() * real
