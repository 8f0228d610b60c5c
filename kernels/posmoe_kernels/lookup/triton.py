"""The lookup as one kernel each way: rows are rounded and summed on their way in, so no array of rows is written."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 16  # words of a program


@triton.jit
def _forward(
    table, ids, out, words, channels, F: tl.constexpr, C: tl.constexpr, ROUNDED: tl.constexpr, W: tl.constexpr
):
    word = tl.program_id(0).to(tl.int64) * W + tl.arange(0, W)
    channel = tl.arange(0, C)[None, :]
    mask = (word < words)[:, None] & (channel < channels)
    total = tl.zeros([W, C], tl.float32)
    for feature in tl.static_range(F):
        row = tl.load(ids + word * F + feature, mask=word < words, other=0).to(tl.int64)
        value = tl.load(table + row[:, None] * channels + channel, mask=mask, other=0.0)
        if ROUNDED:
            scale = tl.div_rn(tl.maximum(tl.max(tl.abs(value), 1), 1e-12), 127.0)[:, None]
            value = ((tl.div_rn(value, scale + value * 0.0) + 12582912.0) - 12582912.0) * scale
        total += value
    tl.store(out + word[:, None] * channels + channel, total, mask=mask)


@triton.jit
def _backward(grad, ids, out, words, channels, F: tl.constexpr, C: tl.constexpr, W: tl.constexpr):
    word = tl.program_id(0).to(tl.int64) * W + tl.arange(0, W)
    channel = tl.arange(0, C)[None, :]
    mask = (word < words)[:, None] & (channel < channels)
    value = tl.load(grad + word[:, None] * channels + channel, mask=mask, other=0.0)
    for feature in tl.static_range(F):
        row = tl.load(ids + word * F + feature, mask=word < words, other=0).to(tl.int64)
        tl.atomic_add(out + row[:, None] * channels + channel, value, mask=mask, sem="relaxed")


class _Lookup(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, ids: Tensor, rounded: bool) -> Tensor:
        table, ids = table.contiguous(), ids.contiguous()
        features, channels = ids.shape[-1], table.shape[1]
        words = ids.numel() // max(features, 1)
        out = torch.empty(*ids.shape[:-1], channels, dtype=torch.float32, device=table.device)
        if words:
            _forward[(triton.cdiv(words, _BLOCK),)](
                table, ids, out, words, channels, F=features, C=triton.next_power_of_2(channels), ROUNDED=rounded,
                W=_BLOCK, enable_fp_fusion=False,
            )  # fmt: skip
        ctx.save_for_backward(ids)
        ctx.table = table.shape
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (ids,) = ctx.saved_tensors
        grad = grad.contiguous().float()
        rows, channels = ctx.table
        features = ids.shape[-1]
        words = ids.numel() // max(features, 1)
        out = torch.zeros(rows, channels, dtype=torch.float32, device=grad.device)
        if words:
            _backward[(triton.cdiv(words, _BLOCK),)](
                grad, ids, out, words, channels, F=features, C=triton.next_power_of_2(channels), W=_BLOCK
            )
        return out, None, None


def lookup_triton(table: Tensor, ids: Tensor, rounded: bool = False) -> Tensor:
    """Fused form of `lookup_naive`; sums of gradients are taken in no fixed order."""
    result: Tensor = _Lookup.apply(table, ids, rounded)
    return result
