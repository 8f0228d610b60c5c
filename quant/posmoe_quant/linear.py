"""Linear layers over INT8 codes: one that trains, and the frozen one that is exported."""

import torch
from torch import Tensor, nn

from posmoe_models.lexicon import row_scales
from posmoe_quant.int8 import best_step, encode, encode_through

_SAMPLE = 1 << 16


class Step(nn.Module):
    """The step of an activation's codes, shared by the layers that read the activation.

    Attributes:
        value: the step, float32 [1]; 0 until it is calibrated.
        enabled: whether the layers round; off, they compute in floating point.
    """

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(1))
        self.enabled = False
        self.samples: list[Tensor] | None = None

    def observe(self, x: Tensor) -> None:
        """Keep some values of an activation for `calibrate`, evenly spread."""
        assert self.samples is not None
        flat = x.detach().float().flatten()
        self.samples.append(flat[:: max(1, len(flat) // _SAMPLE)])

    def calibrate(self) -> None:
        """Set the step of least squared error for what was observed."""
        if not self.samples:
            raise ValueError("a layer saw no data in calibration: run the whole model once")
        self.value.copy_(best_step(torch.cat(self.samples)))
        self.samples = None


class Int8Linear(nn.Linear):
    """A linear layer that trains with the rounding of INT8 weights (a scale a row) and inputs (a static step)."""

    def __init__(self, layer: nn.Linear, step: Step) -> None:
        """Takes over the parameters of `layer`."""
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] → [..., out_features]."""
        if self.step.samples is not None:
            self.step.observe(x)
        if not self.step.enabled:
            return super().forward(x)
        scale = row_scales(self.weight)
        codes = encode_through(self.weight.float(), 1 / scale[:, None])
        inputs = encode_through(x.float(), 1 / self.step.value)
        y = nn.functional.linear(inputs, codes) * (self.step.value * scale)
        return y if self.bias is None else y + self.bias


class FrozenInt8Linear(nn.Module):
    """The same with its codes as INT8: y = (codes of x · codes of W) · multiplier + bias.

    Buffers: codes int8 [out, in], multiplier float32 [out] (step · scale of the row), step float32 [1].
    """

    codes: Tensor
    multiplier: Tensor
    step: Tensor

    def __init__(self, layer: Int8Linear) -> None:
        super().__init__()
        scale = row_scales(layer.weight)
        weight = layer.weight.detach().float()
        self.register_buffer("codes", encode(weight, 1 / scale[:, None]).to(torch.int8))
        self.register_buffer("multiplier", layer.step.value * scale)
        self.register_buffer("step", layer.step.value.clone())
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]; the sum of code products is exact."""
        sums = nn.functional.linear(encode(x, 1 / self.step), self.codes.float())
        y = sums * self.multiplier
        return y if self.bias is None else y + self.bias
