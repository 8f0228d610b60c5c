"""The linear recurrence h_t = a_t h_{t-1} + b_t over the time axis."""

from typing import cast

import torch
from torch import Tensor

from posmoe_kernels.recurrence.naive import recurrence_naive as recurrence_naive

__all__ = ["recurrence", "recurrence_naive"]


def recurrence(a: Tensor, b: Tensor) -> Tensor:
    """Run h_t = a_t h_{t-1} + b_t from h_{-1} = 0; differentiable in a and b.

    The fused kernel runs on CUDA tensors, a scan operator is recorded under torch.export, and
    the plain loop runs otherwise.

    Args:
        a: decay, [batch, time, channels].
        b: input, the same shape.
    Returns:
        h, the same shape as b.
    """
    if a.shape != b.shape or a.dim() != 3:
        raise ValueError(f"recurrence: expected two [batch, time, channels], got {a.shape} and {b.shape}")
    if torch.compiler.is_exporting():
        return _recurrence_scan(a, b)
    if a.is_cuda:
        from posmoe_kernels.recurrence.triton import recurrence_triton

        return recurrence_triton(a, b)
    return recurrence_naive(a, b)


def _step(h: Tensor, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a, b = inputs
    h = a * h + b
    return h, h.clone()


def _recurrence_scan(a: Tensor, b: Tensor) -> Tensor:
    from torch._higher_order_ops.scan import scan

    return cast(Tensor, scan(_step, torch.zeros_like(b[:, 0]), (a, b), dim=1)[1])
