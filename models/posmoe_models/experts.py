"""The experts: gated linear units with a Möbius bias, one for each part of speech."""

import torch
from torch import Tensor, nn

from posmoe_kernels import mixture
from posmoe_models.hyperbolic import MobiusBias


class EuclideanBias(nn.Module):
    """v ↦ v + b: what `MobiusBias` is at zero curvature."""

    def __init__(self, experts: int, dim: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(experts, dim))

    def forward(self, v: Tensor, expert: Tensor) -> Tensor:
        """v [..., dim] and the expert of each, int64 [...] → [..., dim]."""
        return v + nn.functional.embedding(expert, self.bias)


class Experts(nn.Module):
    """expert_e(x) = silu(G_e x) · bias_e(V_e x); a word gets the weighted sum of the experts it is sent to."""

    def __init__(self, experts: int, dim: int, out: int, geometry: str) -> None:
        super().__init__()
        self.experts, self.out = experts, out
        self.gate = nn.Linear(dim, experts * out, bias=False)
        self.value = nn.Linear(dim, experts * out, bias=False)
        for layer in (self.gate, self.value):
            nn.init.normal_(layer.weight, std=dim**-0.5)
        self.fused = False
        self.bias = MobiusBias(experts, out) if geometry == "hyperbolic" else EuclideanBias(experts, out)

    def forward(self, x: Tensor, weight: Tensor, index: Tensor) -> Tensor:
        """Mix the chosen experts.

        The matrix products of all experts are computed and k are kept: at this width that is faster than gathering
        their matrices, wherever whole batches are computed. The native engine computes only k.

        Args:
            x: [batch, time, dim].
            weight, index: from `route`, [batch, time, k].
        Returns:
            [batch, time, out], float32.
        """
        if self.fused and isinstance(self.bias, MobiusBias):
            return self._fused(x, weight, index)
        batch, time, _ = x.shape
        shape = (batch, time, self.experts, self.out)
        chosen = index[..., None].expand(*index.shape, self.out)
        gate, value = (layer(x).view(shape).gather(2, chosen).float() for layer in (self.gate, self.value))
        outputs = nn.functional.silu(gate) * self.bias(value, index)
        mixed: Tensor = (outputs * weight[..., None]).sum(2)
        return mixed

    def _fused(self, x: Tensor, weight: Tensor, index: Tensor) -> Tensor:
        """The same by one kernel, which computes the chosen experts alone."""
        (inputs, gate), (_, value) = operands(self.gate, x), operands(self.value, x)
        with torch.autocast(x.device.type, enabled=False):
            k = index.shape[-1]
            words = inputs.float().flatten(0, 1)
            mixed = mixture(words, gate, value, self.bias.bias, weight.reshape(-1, k), index.reshape(-1, k))
            return mixed.view(*x.shape[:2], self.out)


def operands(layer: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """What a linear layer multiplies: its input and weights, rounded where the layer rounds them."""
    rounded = getattr(layer, "operands", None)
    if rounded is None:
        assert isinstance(layer, nn.Linear)
        return x, layer.weight
    given: tuple[Tensor, Tensor] = rounded(x)
    return given
