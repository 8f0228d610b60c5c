"""Linear layers over codes: one that trains, and the frozen ones that are exported."""

import torch
from torch import Tensor, nn

from posmoe_quant.formats import FLOAT16, INT8, ONNX_INT8, Format, encode, encode_through, row_scales, spread
from posmoe_quant.step import Step, word_steps


class QuantisedLinear(nn.Linear):
    """A linear layer that trains with the rounding of its weights, and of its inputs by a `Step`."""

    def __init__(self, layer: nn.Linear, step: Step, form: Format = INT8, group: int | None = None) -> None:
        """Takes over the parameters of `layer`.

        Args:
            form, group: of the weights; a scale a row, or one for every `group` inputs.
        """
        nn.Module.__init__(self)
        self.in_features, self.out_features = layer.in_features, layer.out_features
        self.weight, self.bias = layer.weight, layer.bias
        self.step, self.form = step, form
        self.size = None if group is None or group >= layer.in_features else group

    def operands(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Input and weights as the layer multiplies them, rounded once it rounds."""
        if self.step.samples is not None:
            self.step.observe(x)
        if not self.step.enabled:
            return x, self.weight
        scale = spread(row_scales(self.weight, self.form, self.size), self.in_features, self.size)
        inputs, step = self.step.encode(x)
        return inputs * step, encode_through(self.weight.float(), 1 / scale, self.form) * scale

    def forward(self, x: Tensor) -> Tensor:
        """[..., in_features] → [..., out_features]."""
        if self.step.samples is not None:
            self.step.observe(x)
        if not self.step.enabled:
            return super().forward(x)
        scales = row_scales(self.weight, self.form, self.size)
        scale = spread(scales, self.in_features, self.size)
        codes = encode_through(self.weight.float(), 1 / scale, self.form)
        inputs, step = self.step.encode(x)
        if self.size is None:
            y = nn.functional.linear(inputs, codes) * (step * scale[:, 0])
        else:
            y = nn.functional.linear(inputs, codes * scale) * step
        return y if self.bias is None else y + self.bias


class FrozenInt8Linear(nn.Module):
    """INT8 with a static step, as integers: y = (codes of x · codes of W) · multiplier + bias.

    Buffers: codes int8 [out, in], multiplier float32 [out] (step · scale of the row), step float32 [1].
    """

    codes: Tensor
    multiplier: Tensor
    step: Tensor

    def __init__(self, codes: Tensor, multiplier: Tensor, step: Tensor, bias: nn.Parameter | None) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self.register_buffer("multiplier", multiplier)
        self.register_buffer("step", step)
        self.bias = bias

    @classmethod
    def of(cls, layer: QuantisedLinear) -> "FrozenInt8Linear":
        """The frozen form of a layer that trained."""
        scale = row_scales(layer.weight)[:, 0]
        codes = encode(layer.weight.detach().float(), 1 / scale[:, None]).to(torch.int8)
        return cls(codes, layer.step.value * scale, layer.step.value.clone(), layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]; the sum of code products is exact."""
        sums = nn.functional.linear(encode(x, 1 / self.step), self.codes.float())
        y = sums * self.multiplier
        return y if self.bias is None else y + self.bias


class FrozenLinear(nn.Module):
    """A product of dequantised numbers: what QuantizeLinear and DequantizeLinear around it mean, for any format.

    y = (codes of x · step) · (codes of W · scale) + bias; an engine may fuse it, and then rounds its sums otherwise.

    Buffers: codes [in, out] in the format's own type; scale float32 [out], or [groups, out]; step float32 [1] where
    inputs have a static one.
    """

    codes: Tensor
    scale: Tensor
    step: Tensor | None

    def __init__(
        self,
        codes: Tensor,
        scale: Tensor,
        step: Tensor | None,
        bias: nn.Parameter | None,
        weights: Format,
        inputs: Format | None,
        group: int | None = None,
    ) -> None:
        super().__init__()
        self.register_buffer("codes", codes)
        self.register_buffer("scale", scale)
        self.register_buffer("step", step)
        self.bias = bias
        self.weights, self.size = weights, group
        self.inputs = ONNX_INT8 if step is not None and inputs == INT8 else inputs

    @classmethod
    def of(cls, layer: QuantisedLinear) -> "FrozenLinear":
        """The frozen form of a layer that trained."""
        form, size = layer.form, layer.size
        scales = row_scales(layer.weight, form, size)
        codes = encode(layer.weight.detach().float(), 1 / spread(scales, layer.in_features, size), form)
        scale = scales[:, 0] if size is None else scales.T.contiguous()
        step = layer.step.value.clone() if layer.step.observing else None
        return cls(codes.T.contiguous().to(form.dtype), scale, step, layer.bias, form, layer.step.form, size)

    @classmethod
    def of_int8(cls, layer: FrozenInt8Linear) -> "FrozenLinear":
        """The same codes, with quantising and dequantising around a float product."""
        scale = layer.multiplier / layer.step
        return cls(layer.codes.T.contiguous(), scale, layer.step.clone(), layer.bias, INT8, INT8)

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out]."""
        y = self._inputs(x) @ self._weights()
        return y if self.bias is None else y + self.bias

    def _inputs(self, x: Tensor) -> Tensor:
        """What is left of x when it is rounded."""
        if self.inputs is None:
            return x
        if self.step is None:
            step = word_steps(x, self.inputs)
            return encode(x, 1 / step, self.inputs) * step
        if not torch.onnx.is_in_onnx_export():
            return encode(x, 1 / self.step, self.inputs) * self.step
        zero = torch.zeros((), dtype=self.inputs.dtype)
        step = self.step.reshape(())
        codes = torch.onnx.ops.symbolic("QuantizeLinear", (x, step, zero), dtype=zero.dtype, shape=x.shape)
        return torch.onnx.ops.symbolic("DequantizeLinear", (codes, step, zero), dtype=torch.float32, shape=x.shape)

    def _weights(self) -> Tensor:
        """The dequantised weights, [in, out]."""
        if not torch.onnx.is_in_onnx_export():
            scale = self.scale if self.size is None else spread(self.scale.T, len(self.codes), self.size).T
            return self.codes.float() * scale
        parts, shape = (self.codes, self.scale), list(self.codes.shape)
        if self.size is None:
            return torch.onnx.ops.symbolic("DequantizeLinear", parts, {"axis": 1}, dtype=torch.float32, shape=shape)
        along = {"axis": 0, "block_size": self.size}
        return torch.onnx.ops.symbolic("DequantizeLinear", parts, {**along}, dtype=torch.float32, shape=shape)


class HalfLinear(nn.Module):
    """A linear layer whose weights and inputs are float16, magnitudes up to 65504; the bias is added in float32."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.weight = nn.Parameter(FLOAT16.round(layer.weight.detach().float()).half(), requires_grad=False)
        self.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., in] → [..., out], float32."""
        y = nn.functional.linear(x.half(), self.weight).float()
        return y if self.bias is None else y + self.bias
