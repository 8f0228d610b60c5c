"""Observers: the step of an activation's codes, from a sample of its values."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor

from posmoe_quant.formats import INT8, Format, encode

Observer = Literal["least_squares", "min_max", "percentile"]
SHARE = 0.9999


def best_step(sample: Tensor, form: Format = INT8, choices: int = 40) -> Tensor:
    """The step of least squared error for values like those of `sample`, scalar float32.

    Tries `choices` clipping bounds between a tenth of the largest magnitude and all of it: a few large values are
    worth clipping when all others gain precision. A sample of zeros gives 1 over the format's largest.
    """
    sample, largest = _magnitudes(sample)
    if not largest > 0:
        return torch.full((), 1 / form.most, device=sample.device)
    steps = largest * torch.linspace(0.1, 1.0, choices, device=sample.device) / form.most
    errors = torch.stack([(encode(sample, 1 / step, form) * step - sample).square().mean() for step in steps])
    return steps[errors.argmin()]


def range_step(sample: Tensor, form: Format = INT8) -> Tensor:
    """The step by which nothing of the sample is clipped, scalar float32."""
    sample, largest = _magnitudes(sample)
    return (largest if largest > 0 else torch.ones_like(largest)) / form.most


def percentile_step(sample: Tensor, form: Format = INT8) -> Tensor:
    """The step that clips the largest 0.01 % of the sample's magnitudes, scalar float32."""
    sample, _ = _magnitudes(sample)
    magnitudes = sample.abs().sort().values
    bound = magnitudes[min(len(magnitudes) - 1, int(SHARE * len(magnitudes)))]
    return (bound if bound > 0 else torch.ones_like(bound)) / form.most


OBSERVERS: dict[Observer, Callable[[Tensor, Format], Tensor]] = {
    "least_squares": best_step,
    "min_max": range_step,
    "percentile": percentile_step,
}


def _magnitudes(sample: Tensor) -> tuple[Tensor, Tensor]:
    """The sample in a row, and its largest magnitude."""
    sample = sample.detach().float().flatten()
    return sample, sample.abs().max()
