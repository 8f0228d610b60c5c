"""Hyperbolic operations over INT8 points: scales that respect the ball, and how far a result may be off.

A point of the Poincaré ball of curvature −c is kept as codes with one scale. Rounding can push a point near the rim
out of the ball; its scale, not its codes, is then made smaller until the point lies on the rim. That is the nearest
point of a convex set, so it moves no point inside the ball further away, and the bound of plain rounding holds.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from posmoe_models import hyperbolic
from posmoe_models.hyperbolic import RIM, MobiusBias
from posmoe_quant.formats import INT8, Format, encode
from posmoe_quant.step import word_steps


class Points(NamedTuple):
    """Points as codes [..., d] and scales [..., 1]; what they stand for is inside the rim."""

    codes: Tensor
    scale: Tensor

    @property
    def value(self) -> Tensor:
        """The points, [..., d]."""
        return self.codes * self.scale


def encode_points(x: Tensor, c: float, form: Format = INT8) -> Points:
    """Round points of the ball, [..., d]; each is off by at most `rounding(x)` in Euclidean norm."""
    scale = word_steps(x, form)
    codes = encode(x, 1 / scale, form)
    norm = (codes * scale).square().sum(-1, keepdim=True).sqrt()
    rim = RIM / math.sqrt(c)
    return Points(codes, scale * torch.where(norm > rim, rim / norm, torch.ones_like(norm)))


def rounding(x: Tensor, form: Format = INT8) -> Tensor:
    """Bound of what `encode_points` adds to a point's error: half a step in each of d directions, [..., 1]."""
    return word_steps(x, form) * (0.5 * math.sqrt(x.shape[-1]))


def expmap0(v: Tensor, c: float) -> Points:
    """exp₀(v) as a point; exp₀ brings no two vectors further apart, so an error of v grows by `rounding` alone."""
    return encode_points(hyperbolic.expmap0(v, c), c)


def mobius_add(x: Points, y: Points, c: float) -> Points:
    """x ⊕ y as a point.

    Errors e_x and e_y of the points become at most L_x e_x + L_y e_y + `rounding`; see `addition_bounds`.
    """
    return encode_points(hyperbolic.mobius_add(x.value, y.value, c), c)


def addition_bounds(x: float, y: float, c: float) -> tuple[float, float]:
    """How much x ⊕ y stretches a small change of x, and of y, where |x| and |y| are at most these norms.

    With a = √c |x| and b = √c |y|: (1 + b) / (1 − a b), and (1 − a²) / (1 − a b)², which is largest at one of the ends
    of [0, a]. From (x + y)(1 + x̄ y)⁻¹, the form of ⊕ in the plane that x and y span.
    """
    a, b = math.sqrt(c) * x, math.sqrt(c) * y
    turning = min(a, b)  # where the second is largest
    return (1 + b) / (1 - a * b), (1 - turning**2) / (1 - turning * b) ** 2


def logmap0(x: Points, c: float) -> Tensor:
    """log₀(x), a tangent vector; see `logarithm_bound` for what it makes of an error of x."""
    return hyperbolic.logmap0(x.value, c)


def logarithm_bound(x: float, c: float) -> float:
    """How much log₀ stretches a small change of a point of at most this norm: 1 / (1 − c |x|²)."""
    return 1 / (1 - c * x * x)


class RoundedMobiusBias(nn.Module):
    """v ↦ log₀(exp₀(v) ⊕ b) with every point between as INT8."""

    codes: Tensor
    scale: Tensor

    def __init__(self, bias: MobiusBias) -> None:
        super().__init__()
        self.c = bias.c
        points = encode_points(bias.bias.detach().float(), self.c)
        self.register_buffer("codes", points.codes.to(torch.int8))
        self.register_buffer("scale", points.scale)

    def forward(self, v: Tensor, expert: Tensor) -> Tensor:
        """v [..., dim] and the expert of each, int64 [...] → [..., dim], in float32."""
        codes, scale = (nn.functional.embedding(expert, rows) for rows in (self.codes.float(), self.scale))
        bias = Points(codes, scale)
        return logmap0(mobius_add(expmap0(v.float(), self.c), bias, self.c), self.c)
