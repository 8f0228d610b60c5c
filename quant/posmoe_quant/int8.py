"""INT8 primitives: symmetric codes in [-127, 127], and what they stand for.

Every function works on float tensors and rounds half to even, as float32 hardware does. Sums of code
products stay far below 2^24, so float32 arithmetic on integer-valued floats gives the integer sum.
"""

import torch
from torch import Tensor

MOST = 127


def encode(x: Tensor, inverse: Tensor) -> Tensor:
    """Integer-valued floats clamp(round(x · inverse)); `inverse` is one over the scale and broadcasts."""
    return torch.round(x * inverse).clamp(-MOST, MOST)


def encode_through(x: Tensor, inverse: Tensor) -> Tensor:
    """`encode` for training: rounding passes gradients on, clipping stops them (straight-through estimator).

    Source: Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons".
    """
    bounded = (x * inverse).clamp(-MOST, MOST)
    return bounded + (torch.round(bounded) - bounded).detach()


def best_step(sample: Tensor, choices: int = 40) -> Tensor:
    """The step of least squared error for values like those of `sample`, scalar float32.

    Tries `choices` clipping bounds between a tenth of the largest magnitude and all of it: a few large values are
    worth clipping when all others gain precision. A sample of zeros gives 1 / 127.
    """
    sample = sample.detach().float().flatten()
    largest = sample.abs().max()
    if not largest > 0:
        return torch.full((), 1 / MOST, device=sample.device)
    steps = largest * torch.linspace(0.1, 1.0, choices, device=sample.device) / MOST
    errors = torch.stack([(encode(sample, 1 / step) * step - sample).square().mean() for step in steps])
    return steps[errors.argmin()]
