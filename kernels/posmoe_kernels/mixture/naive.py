"""All experts computed, those chosen kept: the reference of the fused kernel."""

from torch import Tensor, nn

from posmoe_kernels.experts.naive import experts_naive


def mixture_naive(x: Tensor, gate: Tensor, value: Tensor, ball: Tensor, weight: Tensor, index: Tensor) -> Tensor:
    """As `mixture`: x [n, inputs] → [n, d]."""
    shape = (len(x), *ball.shape)
    gates, values = nn.functional.linear(x, gate).view(shape), nn.functional.linear(x, value).view(shape)
    return experts_naive(gates, values, ball, weight, index)
