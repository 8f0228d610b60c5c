"""The step of an activation's codes: found on data, or for every word anew."""

import torch
from torch import Tensor, nn

from posmoe_quant.formats import Format, encode_through
from posmoe_quant.observers import OBSERVERS, Observer

_SAMPLE = 1 << 16


class Step(nn.Module):
    """How the layers that read one activation round it; they share this.

    Attributes:
        value: the static step, float32 [1]; 0 until it is calibrated.
        enabled: whether the layers round; off, they compute in floating point.
        form: the format of inputs; None leaves them as they are.
        observing: how `value` is found; None has no static step.
    """

    value: Tensor

    def __init__(self, form: Format | None, observing: Observer | None) -> None:
        super().__init__()
        self.register_buffer("value", torch.zeros(1))
        self.form, self.observing = form, observing
        self.enabled = False
        self.samples: list[Tensor] | None = None

    @property
    def known(self) -> bool:
        """Whether there is nothing to calibrate, or it is done."""
        return self.observing is None or bool(self.value > 0)

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of x, and the step that they count in: [1], or [..., 1] where it is dynamic."""
        if self.form is None:
            return x.float(), torch.ones_like(self.value)
        step = self.value if self.observing else word_steps(x, self.form)
        return encode_through(x.float(), 1 / step, self.form), step

    def observe(self, x: Tensor) -> None:
        """Keep some values of an activation for `calibrate`, evenly spread."""
        assert self.samples is not None
        flat = x.detach().float().flatten()
        self.samples.append(flat[:: max(1, len(flat) // _SAMPLE)])

    def calibrate(self) -> None:
        """Set the static step by what was observed."""
        if self.observing and self.form:
            if not self.samples:
                raise ValueError("a layer saw no data in calibration: run the whole model once")
            self.value.copy_(OBSERVERS[self.observing](torch.cat(self.samples), self.form))
        self.samples = None


def word_steps(x: Tensor, form: Format) -> Tensor:
    """The step by which the largest entry of each vector becomes the format's largest: [..., d] → [..., 1]."""
    step = x.detach().float().abs().amax(-1, keepdim=True) / form.most
    return torch.where(step > 0, step, torch.ones_like(step))
