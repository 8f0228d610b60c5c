"""Context by gated linear recurrences (minimal gated units) in both directions."""

import torch
from torch import Tensor, nn

from posmoe_kernels import gated, recurrence
from posmoe_models.precision import full_precision


def gated_context(forward: Tensor, backward: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
    """h_t = (1 − z_t) h_{t−1} + z_t x_t over `forward` from the left and over `backward` from the right.

    The update gates depend on the input alone, so time is a linear recurrence (Feng et al. 2024,
    "Were RNNs all we needed?"). Padding has z = 0: it neither writes to the state nor decays it.

    Args:
        forward, backward: [batch, time, g].
        gates: logits of z for both directions, [batch, time, 2g].
        mask: bool, [batch, time], true for words.
    Returns:
        both states side by side, [batch, time, 2g], float32.
    """
    with full_precision(forward.device.type):
        z = torch.sigmoid(gates.float()) * mask[..., None]
        ahead, behind = z.chunk(2, -1)
        z = torch.cat([ahead, behind.flip(1)], -1)
        x = torch.cat([forward.float(), backward.float().flip(1)], -1)
        left, right = recurrence(1 - z, z * x).chunk(2, -1)
        return torch.cat([left, right.flip(1)], -1)


class RecurrentContext(nn.Module):
    """`gated_context` over the first g channels of x from the left, and over its last g from the right."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.fused = False

    def forward(self, x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
        """x [batch, time, ≥ g] and gate logits [batch, time, 2g] → [batch, time, 2g], float32."""
        if self.fused:
            return gated(x, gates, mask)
        return gated_context(x[..., : self.dim], x[..., -self.dim :], gates, mask)


class ConvolvedContext(nn.Module):
    """The ablation of the recurrence: depthwise windows of five words, with the same gates."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.depthwise = nn.Conv1d(2 * dim, 2 * dim, 5, padding=2, groups=2 * dim)

    def forward(self, x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
        """As `RecurrentContext`."""
        x = torch.cat([x[..., : self.dim], x[..., -self.dim :]], -1) * mask[..., None]
        window: Tensor = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return window.float() * torch.sigmoid(gates.float())


class ContextLayer(nn.Module):
    """A residual recurrent layer whose gates are computed from its input; the larger sizes stack these."""

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(dim, eps=1e-6)
        self.input = nn.Linear(dim, 2 * dim)
        self.output = nn.Linear(dim, dim)
        self.dropout = nn.Dropout(dropout)
        self.fused = False

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """[batch, time, dim] → the same shape."""
        values, gates = self.input(self.norm(x)).chunk(2, -1)
        left, right = values.chunk(2, -1)
        states = gated(values, gates, mask) if self.fused else gated_context(left, right, gates, mask)
        context = nn.functional.gelu(states)
        update: Tensor = self.dropout(self.output(context))
        return x + update
