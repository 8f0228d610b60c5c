"""The linear recurrence h_t = a_t h_{t-1} + b_t over the time axis."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import cast

import torch
from torch import Tensor

from posmoe_kernels.recurrence.naive import recurrence_naive as recurrence_naive

__all__ = ["doubling", "recurrence", "recurrence_doubling", "recurrence_naive"]

# steps of doubling over a free length: enough for sequences of 16,384
_DOUBLINGS = 14
_doubled: ContextVar[bool] = ContextVar("doubled", default=False)


def recurrence(a: Tensor, b: Tensor) -> Tensor:
    """Run h_t = a_t h_{t-1} + b_t from h_{-1} = 0; differentiable in a and b.

    The fused kernel runs on CUDA tensors, a scan operator is recorded under torch.export (or, inside
    `doubling`, plain operators), and the plain loop runs otherwise.

    Args:
        a: decay, [batch, time, channels].
        b: input, the same shape.
    Returns:
        h, the same shape as b.
    """
    if a.shape != b.shape or a.dim() != 3:
        raise ValueError(f"recurrence: expected two [batch, time, channels], got {a.shape} and {b.shape}")
    if _doubled.get():
        return recurrence_doubling(a, b)
    if torch.compiler.is_exporting():
        return _recurrence_scan(a, b)
    if a.is_cuda:
        from posmoe_kernels.recurrence.triton import recurrence_triton

        return recurrence_triton(a, b)
    return recurrence_naive(a, b)


@contextmanager
def doubling() -> Iterator[None]:
    """Within, recurrences are `recurrence_doubling`: for compilers that know no scan over free shapes."""
    token = _doubled.set(True)
    try:
        yield
    finally:
        _doubled.reset(token)


def recurrence_doubling(a: Tensor, b: Tensor) -> Tensor:
    """`recurrence` in steps that each join spans of twice the length.

    As many as the length needs; 14 where a compiler leaves it free, for at most 16,384 places in time.
    Source: Hillis and Steele 1986, "Data parallel algorithms". Rounding differs from the loop's.
    """
    time = b.shape[1]
    steps = max(0, time - 1).bit_length() if type(time) is int else _DOUBLINGS
    for step in range(steps):
        before = 1 << step
        b = b + a * torch.nn.functional.pad(b, (0, 0, before, 0))[:, :time]
        a = a * torch.nn.functional.pad(a, (0, 0, before, 0))[:, :time]
    return b


def _step(h: Tensor, inputs: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    a, b = inputs
    h = a * h + b
    return h, h.clone()


def _recurrence_scan(a: Tensor, b: Tensor) -> Tensor:
    from torch._higher_order_ops.scan import scan

    return cast(Tensor, scan(_step, torch.zeros_like(b[:, 0]), (a, b), dim=1)[1])
