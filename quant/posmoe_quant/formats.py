"""Number formats of codes, rounding to them, and how far rounding may miss.

All functions work on float tensors and round half to even, as float32 hardware does. Sums of INT8 products stay
far below 2^24, so float32 arithmetic on integer-valued floats gives the integer sum.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True)
class Format:
    """A format: its name, its largest magnitude, and the type that keeps its codes.

    Attributes:
        relative, smallest: a rounded value misses by at most max(relative · |x|, smallest).
        least: the lowest value, where it is not -most.
    """

    name: str
    most: float
    dtype: torch.dtype
    relative: float
    smallest: float
    least: float | None = None

    def round(self, x: Tensor) -> Tensor:
        """The nearest values of the format, as float32; larger magnitudes are clipped."""
        clipped = x.clamp(-self.most if self.least is None else self.least, self.most)
        if self.dtype.is_floating_point:
            return clipped.to(self.dtype).float()
        return torch.round(clipped)

    def bound(self, x: Tensor) -> Tensor:
        """How far `round(x)` may lie from x, where |x| is at most `most`."""
        return (x.abs() * self.relative).clamp_min(self.smallest)


# symmetric: the lowest code of two's complement is left out, so that -x has the codes of x, negated
INT8 = Format("int8", 127, torch.int8, 0.0, 0.5)
# what QuantizeLinear of ONNX rounds to
ONNX_INT8 = replace(INT8, least=-128)
INT4 = Format("int4", 7, torch.int8, 0.0, 0.5)
# 3 and 2 bits of fraction; Micikevicius et al. 2022, "FP8 formats for deep learning"
E4M3 = Format("e4m3", 448, torch.float8_e4m3fn, 2.0**-4, 2.0**-10)
E5M2 = Format("e5m2", 57344, torch.float8_e5m2, 2.0**-3, 2.0**-17)
FLOAT16 = Format("float16", 65504, torch.float16, 2.0**-11, 2.0**-25)


def encode(x: Tensor, inverse: Tensor, form: Format = INT8) -> Tensor:
    """Codes of x · inverse as floats; `inverse` is one over the scale and broadcasts."""
    return form.round(x * inverse)


def encode_through(x: Tensor, inverse: Tensor, form: Format = INT8) -> Tensor:
    """`encode` for training: rounding passes gradients on, clipping stops them (straight-through estimator).

    Source: Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons".
    """
    bounded = (x * inverse).clamp(-form.most, form.most)
    return bounded + (form.round(bounded) - bounded).detach()


def row_scales(rows: Tensor, form: Format = INT8, group: int | None = None) -> Tensor:
    """Scales by which the largest entry of each row, or of each group in a row, becomes the format's largest.

    Args:
        rows: [n, d].
        group: entries that share a scale; the whole row by default. The last group of a row may be shorter.
    Returns:
        float32 [n, groups], 1 where all entries are zero.
    """
    width = rows.shape[1]
    group = min(group or width, width)
    padded = torch.nn.functional.pad(rows.detach().float(), (0, -width % group))
    scale = padded.view(len(rows), -1, group).abs().amax(-1) / form.most
    return torch.where(scale > 0, scale, torch.ones_like(scale))


def spread(scales: Tensor, width: int, group: int | None) -> Tensor:
    """A scale for each entry: [n, groups] → [n, width], or [n, 1] where a row has one."""
    if scales.shape[1] == 1:
        return scales
    assert group is not None
    return scales.repeat_interleave(group, 1)[:, :width]
