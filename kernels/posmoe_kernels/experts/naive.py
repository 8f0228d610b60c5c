"""Router, experts, second recurrence and projections in plain PyTorch: the reference of the fused kernel."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from posmoe_kernels.context.naive import both_ways, rms_norm, rows_of
from posmoe_kernels.network import Layer, Shape, Weights


class Words(NamedTuple):
    """What the scorers read of n words: tag logits [n, tags], best tags int32 [n], projections [n, PROJECTED]."""

    logits: Tensor
    tags: Tensor
    projected: Tensor


def encode(x: Tensor, inverse_step: float) -> Tensor:
    """Codes clamp(round(x · inverse_step)), halves to the even number, as integer-valued floats."""
    return torch.round(x * inverse_step).clamp(-127, 127)


def linear(codes: Tensor, layer: Layer) -> Tensor:
    """Sums of products of codes, exact, times the multiplier, plus the bias: [n, inputs] → [n, outputs]."""
    return nn.functional.linear(codes, layer.codes.float()) * layer.multiplier + layer.bias


def convolve(x: Tensor, depthwise: Tensor, offsets: Tensor) -> Tensor:
    """A window of three words within each sentence, channel by channel: [n, width] → the same shape."""
    begins, ends = offsets[:-1][offsets[:-1] < offsets[1:]].long(), offsets[1:][offsets[:-1] < offsets[1:]].long()
    before, behind = x.roll(1, 0), x.roll(-1, 0)
    before[begins] = 0
    behind[ends - 1] = 0
    return depthwise[0] + depthwise[1] * before + depthwise[2] * x + depthwise[3] * behind


def mobius(v: Tensor, bias: Tensor) -> Tensor:
    """log₀(exp₀(v) ⊕ bias) on the ball of curvature −1/d, [..., d] → [..., d] (Ganea et al. 2018)."""
    c, rim = 1 / v.shape[-1], 0.996

    def norm(x: Tensor) -> Tensor:
        return x.square().sum(-1, keepdim=True).clamp_min(1e-12).sqrt() * math.sqrt(c)

    x = v * (torch.tanh(norm(v)).clamp_max(rim) / norm(v))
    xy, x2, y2 = ((a * b).sum(-1, keepdim=True) for a, b in ((x, bias), (x, x), (bias, bias)))
    total = (1 + 2 * c * xy + c * y2) * x + (1 - c * x2) * bias
    total = total / (1 + 2 * c * xy + c * c * x2 * y2).clamp_min(1e-6)
    return total * (torch.atanh(norm(total).clamp_max(rim)) / norm(total))


def experts_naive(gate: Tensor, value: Tensor, ball: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """Σ_k weight_k · silu(gate_e) · mobius(value_e, ball_e) with e = index_k.

    Args:
        gate, value: [n, experts, d].
        ball: Möbius biases, [experts, d].
        weight, index: [n, k].
    Returns:
        [n, d].
    """
    chosen = index.long()[..., None].expand(-1, -1, gate.shape[-1])
    outputs = nn.functional.silu(gate.gather(1, chosen)) * mobius(value.gather(1, chosen), ball[index.long()])
    return (outputs * weight[..., None]).sum(1)


def words_naive(x: Tensor, ids: Tensor, offsets: Tensor, shape: Shape, weights: Weights) -> Words:
    """Words in context [n, width], with the identifiers that hold their gates, → what the scorers read."""
    codes = encode(convolve(x, weights.depthwise, offsets), weights.pointwise.inverse_step)
    hidden = encode(nn.functional.gelu(linear(codes, weights.pointwise)), weights.output.inverse_step)
    logits = linear(hidden, weights.output)
    weight, index = torch.topk(logits.softmax(-1), shape.k)
    experts = (len(x), shape.tags, shape.expert_dim)
    gate, value = linear(hidden, weights.gate).view(experts), linear(hidden, weights.value).view(experts)
    mixed = experts_naive(gate, value, weights.ball, weight / weight.sum(-1, keepdim=True), index)
    context = both_ways(mixed, rows_of(ids, weights)[:, shape.width :], offsets)
    words = rms_norm(torch.cat([mixed, context], -1), weights.word_norm)
    projected = linear(encode(words, weights.projections.inverse_step), weights.projections)
    return Words(logits, logits.argmax(-1).int(), projected)
