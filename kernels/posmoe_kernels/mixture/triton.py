"""The experts in training as one kernel each way, over pairs (word, chosen expert) in the order of their experts.

A program takes BLOCK pairs of one expert, so every matrix is multiplied with full tiles and only chosen experts are
computed. Forward keeps nothing but its inputs; backward computes gate and value anew.
"""

from typing import Any, NamedTuple

import torch
import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.maths import atanh, mobius, sigmoid, tanh

_BLOCK = 32


class Order(NamedTuple):
    """Pairs by expert, int32: the pairs [n k], where each expert's begin, and where its programs begin, [E + 1]."""

    pairs: Tensor
    begins: Tensor
    programs: Tensor


def order(index: Tensor, experts: int) -> Order:
    """Sort pairs by expert on the device; nothing waits for it."""
    found, pairs = torch.sort(index.flatten().to(torch.uint8), stable=True)
    begins = torch.searchsorted(
        found, torch.arange(experts + 1, dtype=torch.uint8, device=index.device), out_int32=True
    )
    programs = (begins.diff() + _BLOCK - 1) // _BLOCK
    return Order(pairs.int(), begins, torch.nn.functional.pad(programs.cumsum(0), (1, 0)).int())


@triton.jit
def _pairs(pairs, begins, programs, E: tl.constexpr, M: tl.constexpr):
    """Expert of this program, its pairs, and which of them are real."""
    program = tl.program_id(0)
    lane = tl.arange(0, 32)
    ends = tl.load(programs + 1 + lane, mask=lane < E, other=2147483647)
    expert = tl.sum((ends <= program).to(tl.int32), 0)
    known = expert < E
    first = tl.load(begins + expert, mask=known, other=0)
    last = tl.load(begins + expert + 1, mask=known, other=0)
    place = first + (program - tl.load(programs + expert, mask=known, other=0)) * M + tl.arange(0, M)
    real = place < last
    return expert, tl.load(pairs + place, mask=real, other=0).to(tl.int64), real


@triton.jit
def _gate_and_value(
    x, gate, value, ball, pair, real, expert, inputs, d, K: tl.constexpr, WIDE: tl.constexpr, D: tl.constexpr
):
    """Inputs [M, WIDE], matrices [D, WIDE], gate and value [M, D], bias [1, D]."""
    wide, column = tl.arange(0, WIDE)[None, :], tl.arange(0, D)
    given = tl.load(x + (pair // K)[:, None] * inputs + wide, mask=real[:, None] & (wide < inputs), other=0.0)
    at = (expert * d + column[:, None]) * inputs + wide
    whole = (column[:, None] < d) & (wide < inputs)
    g = tl.load(gate + at, mask=whole, other=0.0)
    v = tl.load(value + at, mask=whole, other=0.0)
    b = tl.load(ball + expert * d + column, mask=column < d, other=0.0)[None, :]
    gates = tl.dot(given, tl.trans(g), input_precision="ieee")
    values = tl.dot(given, tl.trans(v), input_precision="ieee")
    return given, g, v, gates, values, b


@triton.jit
def _forward(
    x, gate, value, ball, weight, pairs, begins, programs, out, inputs, d, c, root,
    E: tl.constexpr, K: tl.constexpr, WIDE: tl.constexpr, D: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    expert, pair, real = _pairs(pairs, begins, programs, E, M)
    if expert < E:
        _, _, _, g, v, b = _gate_and_value(x, gate, value, ball, pair, real, expert, inputs, d, K, WIDE, D)
        alpha, beta = mobius(tl.sum(v * v, 1), tl.sum(v * b, 1), tl.sum(b * b, 1), c, root)
        result = g * sigmoid(g) * (alpha[:, None] * v + beta[:, None] * b)
        share = tl.load(weight + pair, mask=real, other=0.0)
        column = tl.arange(0, D)[None, :]
        tl.store(out + pair[:, None] * d + column, share[:, None] * result, mask=real[:, None] & (column < d))


@triton.jit
def mobius_gradient(v2, vb, b2, dalpha, dbeta, c, root):
    """Gradients of `maths.mobius` by |v|², v·b and |b|²."""
    rim = 0.996
    norm = tl.sqrt(tl.maximum(v2, 1e-12)) * root
    t = tanh(norm)
    s = tl.minimum(t, rim) / norm
    x2 = s * s * v2
    twice = 2.0 * c * (s * vb)
    below = 1.0 + twice + c * c * x2 * b2
    bottom = tl.maximum(below, 1e-6)
    top = 1.0 + twice + c * b2
    alpha = top * s / bottom
    beta = (1.0 - c * x2) / bottom
    y2 = alpha * alpha * v2 + 2.0 * alpha * beta * vb + beta * beta * b2
    length = tl.sqrt(tl.maximum(y2, 1e-12)) * root
    scale = atanh(tl.minimum(length, rim)) / length
    # backwards from alpha · scale and beta · scale
    dscale = dalpha * alpha + dbeta * beta
    da, db = dalpha * scale, dbeta * scale
    inner = tl.minimum(length, rim)
    dlength = dscale * (tl.where(length < rim, 1.0 / (1.0 - inner * inner), 0.0) - scale) / length
    dy2 = tl.where(y2 > 1e-12, dlength * root * root / (2.0 * length), 0.0)
    da += dy2 * 2.0 * (alpha * v2 + beta * vb)
    db += dy2 * 2.0 * (alpha * vb + beta * b2)
    dv2 = dy2 * alpha * alpha
    dvb = dy2 * 2.0 * alpha * beta
    db2 = dy2 * beta * beta
    dx2 = -c * db / bottom
    dbottom = -(beta * db + alpha * da) / bottom
    dtop = da * s / bottom
    ds = da * top / bottom
    dbelow = tl.where(below > 1e-6, dbottom, 0.0)
    dx2 += c * c * b2 * dbelow
    db2 += c * c * x2 * dbelow + c * dtop
    dxb = 2.0 * c * (dbelow + dtop)
    ds += 2.0 * s * v2 * dx2 + vb * dxb
    dv2 += s * s * dx2
    dvb += s * dxb
    dnorm = ds * (tl.where(t < rim, 1.0 - t * t, 0.0) - s) / norm
    dv2 += tl.where(v2 > 1e-12, dnorm * root * root / (2.0 * norm), 0.0)
    return dv2, dvb, db2


@triton.jit
def _backward(
    x, gate, value, ball, weight, pairs, begins, programs, grad, dx, dgate, dvalue, dball, dweight, inputs, d, c, root,
    E: tl.constexpr, K: tl.constexpr, WIDE: tl.constexpr, D: tl.constexpr, M: tl.constexpr,
):  # fmt: skip
    expert, pair, real = _pairs(pairs, begins, programs, E, M)
    if expert < E:
        given, gates, values, g, v, b = _gate_and_value(x, gate, value, ball, pair, real, expert, inputs, d, K, WIDE, D)
        column, wide = tl.arange(0, D), tl.arange(0, WIDE)[None, :]
        v2, vb, b2 = tl.sum(v * v, 1), tl.sum(v * b, 1), tl.sum(b * b, 1)
        b2 = b2 + v2 * 0.0
        alpha, beta = mobius(v2, vb, b2, c, root)
        share = tl.load(weight + pair, mask=real, other=0.0)[:, None]
        inside = real[:, None] & (column < d)[None, :]
        dout = tl.load(grad + (pair // K)[:, None] * d + column[None, :], mask=inside, other=0.0)
        s = sigmoid(g)
        moved = alpha[:, None] * v + beta[:, None] * b
        tl.store(dweight + pair, tl.sum(dout * g * s * moved, 1), mask=real)
        dg = share * dout * moved * (s * (1.0 + g * (1.0 - s)))
        dmoved = share * dout * (g * s)
        dv2, dvb, db2 = mobius_gradient(v2, vb, b2, tl.sum(dmoved * v, 1), tl.sum(dmoved * b, 1), c, root)
        dv = alpha[:, None] * dmoved + 2.0 * v * dv2[:, None] + b * dvb[:, None]
        db = beta[:, None] * dmoved + v * dvb[:, None] + 2.0 * b * db2[:, None]
        dg = tl.where(inside, dg, 0.0)
        dv = tl.where(inside, dv, 0.0)
        db = tl.where(inside, db, 0.0)
        tl.atomic_add(dball + expert * d + column, tl.sum(db, 0), mask=column < d, sem="relaxed")
        back = tl.dot(dg, gates, input_precision="ieee") + tl.dot(dv, values, input_precision="ieee")
        tl.store(dx + pair[:, None] * inputs + wide, back, mask=real[:, None] & (wide < inputs))
        at = (expert * d + column[:, None]) * inputs + wide
        whole = (column[:, None] < d) & (wide < inputs)
        tl.atomic_add(dgate + at, tl.dot(tl.trans(dg), given, input_precision="ieee"), mask=whole, sem="relaxed")
        tl.atomic_add(dvalue + at, tl.dot(tl.trans(dv), given, input_precision="ieee"), mask=whole, sem="relaxed")


class _Mixture(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, gate: Tensor, value: Tensor, ball: Tensor, weight: Tensor, index: Tensor
    ) -> Tensor:
        operands = [t.contiguous().float() for t in (x, gate, value, ball, weight)]
        sorted_ = order(index, len(ball))
        n, k = index.shape
        out = torch.empty(n, k, ball.shape[1], dtype=torch.float32, device=x.device)
        if n:
            _forward[_grid(index, ball)](*operands, *sorted_, out, **_sizes(x, ball, k), num_warps=4)
        ctx.save_for_backward(*operands, *sorted_)
        ctx.kinds, ctx.grid, ctx.k = [t.dtype for t in (x, gate, value, ball, weight)], _grid(index, ball), k
        return out.sum(1)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, gate, value, ball, weight, *sorted_ = ctx.saved_tensors
        dx = torch.empty(len(x), ctx.k, x.shape[1], dtype=torch.float32, device=x.device)
        sums = [torch.zeros_like(t) for t in (gate, value, ball)]
        dweight = torch.zeros_like(weight)
        if len(x):
            _backward[ctx.grid](
                x, gate, value, ball, weight, *sorted_, grad.contiguous().float(), dx, *sums, dweight,
                **_sizes(x, ball, ctx.k), num_warps=4,
            )  # fmt: skip
        gradients = (dx.sum(1), *sums, dweight)
        return *(g.to(kind) for g, kind in zip(gradients, ctx.kinds, strict=True)), None


def _grid(index: Tensor, ball: Tensor) -> tuple[int]:
    """Programs enough for any spread of the pairs over the experts."""
    return (index.numel() // _BLOCK + len(ball),)


def _sizes(x: Tensor, ball: Tensor, k: int) -> dict[str, Any]:
    experts, d = ball.shape
    if experts > 32:
        raise ValueError(f"mixture: expected at most 32 experts, got {experts}")
    inputs = x.shape[1]
    wide, deep = (max(16, triton.next_power_of_2(size)) for size in (inputs, d))
    return {
        "inputs": inputs, "d": d, "c": 1 / d, "root": d**-0.5,
        "E": experts, "K": k, "WIDE": wide, "D": deep, "M": _BLOCK,
    }  # fmt: skip


def mixture_triton(x: Tensor, gate: Tensor, value: Tensor, ball: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """Fused form of `mixture_naive`; sums of the matrices' gradients are taken in no fixed order."""
    result: Tensor = _Mixture.apply(x, gate, value, ball, weight, index)
    return result
