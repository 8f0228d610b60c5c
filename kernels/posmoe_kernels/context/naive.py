"""Lookup, norms and the first recurrence in plain PyTorch: the reference of the fused kernel."""

import torch
from torch import Tensor

from posmoe_kernels.network import Shape, Weights
from posmoe_kernels.recurrence import recurrence_naive


def rows_of(ids: Tensor, weights: Weights) -> Tensor:
    """Sum of a word's table rows, each its codes times its scale: identifiers int32 [n, 6] → [n, row]."""
    index = ids.long()
    return (weights.table[index].float() * weights.scale[index][..., None]).sum(1)


def rms_norm(x: Tensor, weight: Tensor) -> Tensor:
    """x / √(mean x² + 1e-6) · weight over the last axis."""
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6) * weight


def both_ways(x: Tensor, gates: Tensor, offsets: Tensor) -> Tensor:
    """h_t = (1 − z_t) h_{t−1} + z_t x_t in every sentence, z = sigmoid(gates): half the channels forwards, half back.

    Args:
        x, gates: [n, 2g].
        offsets: sentence s has the words offsets[s] .. offsets[s + 1], [S + 1].
    """
    z = torch.sigmoid(gates)
    parts = [x[:0]]
    for begin, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        decay, new = (1 - z[begin:end])[None], (z * x)[begin:end][None]
        half = x.shape[1] // 2
        ahead = recurrence_naive(decay[..., :half], new[..., :half])
        behind = recurrence_naive(decay[..., half:].flip(1), new[..., half:].flip(1)).flip(1)
        parts.append(torch.cat([ahead, behind], -1)[0])
    return torch.cat(parts)


def context_naive(ids: Tensor, offsets: Tensor, shape: Shape, weights: Weights) -> Tensor:
    """Identifiers int32 [n, 6] of sentences at `offsets` → normed words in context, [n, width]."""
    row = rows_of(ids, weights)
    lexical = rms_norm(row[:, : shape.lexical_dim], weights.lexical_norm)
    context = both_ways(lexical, row[:, shape.lexical_dim : shape.width], offsets)
    return rms_norm(torch.cat([lexical, context], -1), weights.context_norm)
