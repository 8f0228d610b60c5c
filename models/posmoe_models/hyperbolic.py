"""The Poincaré ball of curvature −c, as far as the parser needs it.

Functions of tangent vectors at the origin avoid the detour over points near the ball's rim, where
float32 loses digits. Sources: Ganea et al. 2018 (Hyperbolic Neural Networks); geoopt supplies the
manifold parameter and its optimiser.
"""

import math

import torch
from geoopt import ManifoldParameter, PoincareBall
from torch import Tensor, nn

from posmoe_models.precision import full_precision

_EPS = 1e-6
RIM = 1 - 4e-3


def _norm(x: Tensor) -> Tensor:
    return x.square().sum(-1, keepdim=True).clamp_min(_EPS * _EPS).sqrt()


def expmap0(v: Tensor, c: float) -> Tensor:
    """exp₀(v) = tanh(√c |v|) v / (√c |v|), kept inside the rim; [..., d] → [..., d] (Ganea et al. 2018, eq. 4)."""
    norm = _norm(v) * math.sqrt(c)
    return v * (torch.tanh(norm).clamp_max(RIM) / norm)


def logmap0(x: Tensor, c: float) -> Tensor:
    """log₀(x) = artanh(√c |x|) x / (√c |x|), the inverse of `expmap0`; points at the rim are drawn inside."""
    norm = _norm(x) * math.sqrt(c)
    return x * (torch.atanh(norm.clamp_max(RIM)) / norm)


def mobius_add(x: Tensor, y: Tensor, c: float) -> Tensor:
    """x ⊕ y on the ball, [..., d] (Ganea et al. 2018, eq. 2)."""
    xy = (x * y).sum(-1, keepdim=True)
    x2 = x.square().sum(-1, keepdim=True)
    y2 = y.square().sum(-1, keepdim=True)
    top = (1 + 2 * c * xy + c * y2) * x + (1 - c * x2) * y
    return top / (1 + 2 * c * xy + c * c * x2 * y2).clamp_min(_EPS)


def squared_distance_ratio(xy: Tensor, x2: Tensor, y2: Tensor, c: float) -> Tensor:
    """The argument minus one of d(x, y) = arcosh(1 + 2c |x − y|² / ((1 − c|x|²)(1 − c|y|²))) / √c.

    Takes the inner product and the squared norms, so that all pairs cost one matrix product.
    """
    return 2 * c * (x2 + y2 - 2 * xy).clamp_min(0) / ((1 - c * x2) * (1 - c * y2))


class MobiusBias(nn.Module):
    """v ↦ log₀(exp₀(v) ⊕ b): a bias b on the ball, one for each expert.

    A Möbius matrix product without bias is Euclidean in the tangent space at 0
    (log₀(M ⊗ exp₀ v) = M v), so this bias is all that the geometry adds to a linear layer.
    """

    def __init__(self, experts: int, dim: int) -> None:
        super().__init__()
        self.c = 1.0 / dim
        self.bias = ManifoldParameter(torch.zeros(experts, dim), manifold=PoincareBall(c=self.c))

    def forward(self, v: Tensor, expert: Tensor) -> Tensor:
        """v [..., dim] and the expert of each, int64 [...] → [..., dim], in float32."""
        with full_precision(v.device.type):
            bias = nn.functional.embedding(expert, self.bias).float()
            return logmap0(mobius_add(expmap0(v.float(), self.c), bias, self.c), self.c)
