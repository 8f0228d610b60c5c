"""The gated recurrence both ways, from the plain recurrence: the reference of the fused kernel."""

import torch
from torch import Tensor

from posmoe_kernels.recurrence import recurrence


def gated_naive(x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
    """As `gated`: [batch, time, ≥ g] and logits [batch, time, 2g] → [batch, time, 2g]."""
    half = gates.shape[-1] // 2
    z = torch.sigmoid(gates if gates.dtype == torch.float64 else gates.float()) * mask[..., None]
    ahead, behind = z.chunk(2, -1)
    z = torch.cat([ahead, behind.flip(1)], -1)
    value = torch.cat([x[..., :half].to(z.dtype), x[..., -half:].to(z.dtype).flip(1)], -1)
    left, right = recurrence(1 - z, z * value).chunk(2, -1)
    return torch.cat([left, right.flip(1)], -1)
