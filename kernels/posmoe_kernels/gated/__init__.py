"""Context in both directions: a gated recurrence over the first channels from the left, the last from the right."""

import torch
from torch import Tensor

from posmoe_kernels.gated.naive import gated_naive as gated_naive

__all__ = ["gated", "gated_naive"]


def gated(x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
    """h_t = (1 − z_t) h_{t−1} + z_t x_t with z = sigmoid(gates) · mask, both ways; differentiable in x and gates.

    Args:
        x: [batch, time, ≥ g]; the first g channels are read from the left, the last g from the right.
        gates: logits for both directions, [batch, time, 2g].
        mask: bool [batch, time]; where it is false, nothing is written to the state and nothing decays.
    Returns:
        both states side by side, float32 [batch, time, 2g].
    """
    if x.dim() != 3 or gates.shape[:2] != x.shape[:2] or gates.shape[2] % 2 or gates.shape[2] > 2 * x.shape[2]:
        raise ValueError(f"gated: expected [batch, time, ≥ g] and [batch, time, 2g], got {x.shape} and {gates.shape}")
    if x.is_cuda and not torch.compiler.is_exporting():
        from posmoe_kernels.gated.triton import gated_triton

        return gated_triton(x, gates, mask)
    return gated_naive(x, gates, mask)
