"""The quadratic scorer in tiles that are never written: forward keeps a maximum and a sum, backward scores anew."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.biaffine.naive import unpack
from posmoe_kernels.network import BUCKETS
from posmoe_kernels.trees.triton import _bucket

_TILE = 32  # words a tile, both ways


@triton.jit
def _tile(
    low, high, head, bias, tags, pair, tag, sentence, word, heads, time, n, kinds, scale,
    R: tl.constexpr, BUCKETS: tl.constexpr,
):  # fmt: skip
    """Scores [words, heads] of one tile, −inf where there is no arc, and where their pair biases lie."""
    channel = tl.arange(0, R // 2)[:, None]
    there = heads <= n
    column = head + (sentence * (time + 1) + heads)[None, :] * R + channel
    scores = tl.dot(low, tl.load(column, mask=there[None, :], other=0.0), input_precision="ieee")
    scores += tl.dot(high, tl.load(column + R // 2, mask=there[None, :], other=0.0), input_precision="ieee")
    other = tl.load(tags + sentence * (time + 1) + heads, mask=there, other=0)
    distance = heads[None, :] - word[:, None]
    bucket = _bucket(tl.abs(distance)) + 12 * (distance > 0).to(tl.int32)
    place = (tag[:, None] * kinds + other[None, :]) * BUCKETS + bucket
    real = there[None, :] & (distance != 0) & (word <= n)[:, None]
    scores = scores * scale + tl.load(bias + sentence * (time + 1) + heads, mask=there, other=0.0)[None, :]
    scores += tl.load(pair + place, mask=real, other=0.0)
    return tl.where(real, scores, float("-inf")), place, real


@triton.jit
def _moved(dependent, matrix, codes, row_scale, row, real, R: tl.constexpr, PACKED: tl.constexpr):
    """xᵀ W of a tile of words in two halves of its columns."""
    channel = tl.arange(0, R)
    half = tl.arange(0, R // 2)[None, :]
    x = tl.load(dependent + row[:, None] * R + channel[None, :], mask=real[:, None], other=0.0)
    if PACKED:
        both = tl.load(codes + channel[:, None] * (R // 2) + half)
        size = tl.load(row_scale + channel)[:, None]
        low = ((both & 15).to(tl.float32) - 8.0) * size
        high = ((both >> 4).to(tl.float32) - 8.0) * size
    else:
        low = tl.load(matrix + channel[:, None] * R + half)
        high = tl.load(matrix + channel[:, None] * R + R // 2 + half)
    return tl.dot(x, low, input_precision="ieee"), tl.dot(x, high, input_precision="ieee")


@triton.jit
def _forward(
    dependent, matrix, codes, row_scale, head, bias, tags, pair, lengths, best_out, lse_out, time, kinds, scale,
    R: tl.constexpr, BUCKETS: tl.constexpr, PACKED: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    sentence = tl.program_id(0).to(tl.int64)
    n = tl.load(lengths + sentence)
    word = tl.program_id(1) * M + tl.arange(0, M) + 1
    inside = word <= time
    row = sentence * time + word - 1
    low, high = _moved(dependent, matrix, codes, row_scale, row, word <= n, R, PACKED)
    tag = tl.load(tags + sentence * (time + 1) + word, mask=word <= n, other=0)
    most = tl.full([M], float("-inf"), tl.float32)
    best = tl.zeros([M], tl.int32)
    total = tl.zeros([M], tl.float32)
    begin = 0
    while begin <= n:
        heads = begin + tl.arange(0, M)
        scores, _, _ = _tile(
            low, high, head, bias, tags, pair, tag, sentence, word, heads, time, n, kinds, scale, R, BUCKETS
        )
        top = tl.max(scores, 1)
        better = top > most
        best = tl.where(better, begin + tl.argmax(scores, 1), best)
        larger = tl.maximum(top, most)
        base = tl.where(larger > float("-inf"), larger, 0.0)
        total = total * tl.exp(most - base) + tl.sum(tl.exp(scores - base[:, None]), 1)
        most = larger
        begin += M
    real = word <= n
    tl.store(best_out + row, tl.where(real, best, 0), mask=inside)
    tl.store(
        lse_out + row, tl.where(real, tl.where(real, most, 0.0) + tl.log(tl.where(real, total, 1.0)), 0.0), mask=inside
    )


@triton.jit
def _backward(
    dependent, matrix, codes, row_scale, head, bias, tags, pair, lengths, lse, grad, dmoved, dhead, dbias, dpair,
    time, kinds, scale, R: tl.constexpr, BUCKETS: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    # With p = exp(s − lse) and g the gradient of lse, ds = g p: dq = ds y, dy = dsᵀ q, and sums for both biases.
    sentence = tl.program_id(0).to(tl.int64)
    n = tl.load(lengths + sentence)
    word = tl.program_id(1) * M + tl.arange(0, M) + 1
    row = sentence * time + word - 1
    real = word <= n
    low, high = _moved(dependent, matrix, codes, row_scale, row, real, R, False)
    tag = tl.load(tags + sentence * (time + 1) + word, mask=real, other=0)
    share = tl.load(grad + row, mask=real, other=0.0)
    partition = tl.load(lse + row, mask=real, other=0.0)
    channel = tl.arange(0, R // 2)[None, :]
    dlow = tl.zeros([M, R // 2], tl.float32)
    dhigh = tl.zeros([M, R // 2], tl.float32)
    begin = 0
    while begin <= n:
        heads = begin + tl.arange(0, M)
        scores, place, arc = _tile(
            low, high, head, bias, tags, pair, tag, sentence, word, heads, time, n, kinds, scale, R, BUCKETS
        )
        ds = tl.where(arc, share[:, None] * tl.exp(scores - partition[:, None]), 0.0)
        tl.atomic_add(dpair + place, ds, mask=arc, sem="relaxed")
        there = heads <= n
        at = sentence * (time + 1) + heads
        tl.atomic_add(dbias + at, tl.sum(ds, 0), mask=there, sem="relaxed")
        ds = ds * scale
        side = at[:, None] * R + channel
        dlow += tl.dot(ds, tl.load(head + side, mask=there[:, None], other=0.0), input_precision="ieee")
        dhigh += tl.dot(ds, tl.load(head + side + R // 2, mask=there[:, None], other=0.0), input_precision="ieee")
        turned = tl.trans(ds)
        tl.atomic_add(dhead + side, tl.dot(turned, low, input_precision="ieee"), mask=there[:, None], sem="relaxed")
        tl.atomic_add(
            dhead + side + R // 2, tl.dot(turned, high, input_precision="ieee"), mask=there[:, None], sem="relaxed"
        )
        begin += M
    tl.store(dmoved + row[:, None] * R + channel, dlow, mask=real[:, None])
    tl.store(dmoved + row[:, None] * R + R // 2 + channel, dhigh, mask=real[:, None])


class _Biaffine(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, dependent: Tensor, matrix: Tensor, head: Tensor, bias: Tensor, tags: Tensor, pair: Tensor,
        lengths: Tensor, packed: tuple[Tensor, Tensor] | None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        floats = [t.contiguous().float() for t in (dependent, matrix, head, bias, pair)]
        integers = [t.contiguous().int() for t in (tags, lengths)]
        batch, time, r = dependent.shape
        best = torch.zeros(batch, time, dtype=torch.int32, device=dependent.device)
        lse = torch.zeros(batch, time, dtype=torch.float32, device=dependent.device)
        kinds = round(pair.shape[0] ** 0.5)
        ctx.sizes = {"time": time, "kinds": kinds, "scale": r**-0.5, "R": r, "BUCKETS": BUCKETS, "M": _TILE}
        x, w, y, b, p = floats
        codes, scale = (w, w) if packed is None else packed
        if best.numel():
            _forward[(batch, triton.cdiv(time, _TILE))](
                x, w, codes, scale, y, b, integers[0], p, integers[1], best, lse, PACKED=packed is not None, **ctx.sizes
            )
        ctx.save_for_backward(*floats, *integers, lse)
        ctx.mark_non_differentiable(best)
        return best, lse

    @staticmethod
    def backward(ctx: Any, _: Tensor, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, w, y, b, p, tags, lengths, lse = ctx.saved_tensors
        dmoved, dhead, dbias, dpair = (torch.zeros_like(t) for t in (x, y, b, p))
        batch, time, _ = x.shape
        if lse.numel():
            _backward[(batch, triton.cdiv(time, _TILE))](
                x,
                w,
                w,
                w,
                y,
                b,
                tags,
                p,
                lengths,
                lse,
                grad.contiguous().float(),
                dmoved,
                dhead,
                dbias,
                dpair,
                **ctx.sizes,
            )
        dmatrix = torch.einsum("btr,bts->rs", x, dmoved)
        return dmoved @ w.T, dmatrix, dhead, dbias, None, dpair, None, None


def biaffine_triton(
    dependent: Tensor,
    bilinear: Tensor | tuple[Tensor, Tensor],
    head: Tensor,
    bias: Tensor,
    tags: Tensor,
    pair: Tensor,
    lengths: Tensor,
) -> tuple[Tensor, Tensor]:
    """Fused form of `biaffine_naive`; a matrix in four bits is unpacked in registers."""
    packed = None if isinstance(bilinear, Tensor) else (bilinear[0].contiguous(), bilinear[1].contiguous())
    matrix = bilinear if isinstance(bilinear, Tensor) else unpack(*bilinear)
    best, lse = _Biaffine.apply(dependent, matrix, head, bias, tags, pair, lengths, packed)
    return best.long(), lse
