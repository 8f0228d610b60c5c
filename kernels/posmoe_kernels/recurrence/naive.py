"""The recurrence as a loop over time: the reference that every other form is held to."""

import torch
from torch import Tensor


def recurrence_naive(a: Tensor, b: Tensor) -> Tensor:
    """Run h_t = a_t h_{t-1} + b_t from h_{-1} = 0.

    Args:
        a: decay, [batch, time, channels].
        b: input, the same shape.
    """
    if b.shape[1] == 0:
        return b
    state = b[:, 0]
    states = [state]
    for decay, value in zip(a.unbind(1)[1:], b.unbind(1)[1:], strict=True):
        state = torch.addcmul(value, decay, state)
        states.append(state)
    return torch.stack(states, 1)
