"""The quadratic scorer without its matrix of scores: best head and log-partition of every word, tile by tile."""

from typing import NamedTuple

import torch
from torch import Tensor

from posmoe_kernels.biaffine.naive import biaffine_naive as biaffine_naive
from posmoe_kernels.biaffine.naive import unpack as unpack

__all__ = ["Int4", "biaffine", "biaffine_naive", "pack", "unpack"]


class Int4(NamedTuple):
    """A matrix [r, r] in four bits an entry: codes uint8 [r, r / 2], scale float32 [r] a row.

    The low half of byte j holds column j, the high half column r / 2 + j, each its code in [-7, 7] plus 8.
    """

    codes: Tensor
    scale: Tensor


def pack(matrix: Tensor) -> Int4:
    """Round a matrix [r, r] to four bits with a scale a row; the error is at most scale / 2."""
    scale = matrix.detach().float().abs().amax(1) / 7
    scale = torch.where(scale > 0, scale, torch.ones_like(scale))
    codes = (torch.round(matrix.detach().float() / scale[:, None]).clamp(-7, 7) + 8).to(torch.uint8)
    half = matrix.shape[1] // 2
    return Int4(codes[:, :half] | codes[:, half:] << 4, scale)


def biaffine(
    dependent: Tensor, bilinear: Tensor | Int4, head: Tensor, bias: Tensor, tags: Tensor, pair: Tensor, lengths: Tensor
) -> tuple[Tensor, Tensor]:
    """Score all pairs, s(d, h) = xᵀ W y / √r + bias_h + pair[tag_d, tag_h, bucket(d, h)], and keep two numbers a word.

    Of 2 r numbers a pair nothing is written: memory is linear in the words, as in FlashAttention (Dao et al. 2022).

    Args:
        dependent: [batch, time, r], r a multiple of 32.
        bilinear: W, float [r, r] or in four bits; float W, dependent, head, bias and pair are differentiable.
        head: [batch, time + 1, r], the root first; `bias` [batch, time + 1].
        tags: integers [batch, time + 1]; `pair` [tags², 24].
        lengths: words a sentence, [batch].
    Returns:
        best heads int64 [batch, time], 0 past a length, of equal ones the smallest; and log Σ_h exp s(d, h), float32
        [batch, time], 0 past a length. A word is no head of itself.
    """
    r = dependent.shape[-1]
    if r % 32 or head.shape[1] != dependent.shape[1] + 1 or head.shape[-1] != r:
        raise ValueError(
            f"biaffine: expected [batch, time, 32 m] and [batch, time + 1, 32 m], got {dependent.shape}, {head.shape}"
        )
    if dependent.is_cuda:
        from posmoe_kernels.biaffine.triton import biaffine_triton

        return biaffine_triton(dependent, bilinear, head, bias, tags, pair, lengths)
    return biaffine_naive(dependent, bilinear, head, bias, tags, pair, lengths)
