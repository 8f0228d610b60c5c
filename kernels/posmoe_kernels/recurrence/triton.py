"""The recurrence as one Triton kernel each way: a program a sentence and block of channels."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

_BLOCK = 64


@triton.jit
def _forward(a_ptr, b_ptr, h_ptr, time, channels, BLOCK: tl.constexpr):
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < channels
    offset = tl.program_id(0).to(tl.int64) * time * channels + column
    state = tl.zeros([BLOCK], dtype=tl.float32)
    step = 0
    while step < time:  # the interpreter has no range of a number that the kernel is given
        a = tl.load(a_ptr + offset, mask=inside, other=0.0).to(tl.float32)
        b = tl.load(b_ptr + offset, mask=inside, other=0.0).to(tl.float32)
        state = a * state + b
        tl.store(h_ptr + offset, state, mask=inside)
        offset += channels
        step += 1


@triton.jit
def _backward(a_ptr, h_ptr, dh_ptr, da_ptr, db_ptr, time, channels, BLOCK: tl.constexpr):
    # With g_t = dh_t + a_{t+1} g_{t+1}: db_t = g_t and da_t = g_t h_{t-1}.
    column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = column < channels
    first = tl.program_id(0).to(tl.int64) * time * channels + column
    offset = first + (time - 1) * channels
    carry = tl.zeros([BLOCK], dtype=tl.float32)
    step = 0
    while step < time:  # the interpreter has no range of a number that the kernel is given
        grad = tl.load(dh_ptr + offset, mask=inside, other=0.0).to(tl.float32) + carry
        a = tl.load(a_ptr + offset, mask=inside, other=0.0).to(tl.float32)
        h = tl.load(h_ptr + offset - channels, mask=inside & (offset > first), other=0.0).to(tl.float32)
        tl.store(db_ptr + offset, grad, mask=inside)
        tl.store(da_ptr + offset, grad * h, mask=inside)
        carry = a * grad
        offset -= channels
        step += 1


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        a, b = a.contiguous(), b.contiguous()
        batch, time, channels = b.shape
        h = torch.empty(b.shape, dtype=torch.float32, device=b.device)
        if h.numel():
            _forward[(batch, triton.cdiv(channels, _BLOCK))](a, b, h, time, channels, BLOCK=_BLOCK, num_warps=2)
        ctx.save_for_backward(a, h)
        return h.to(b.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        a, h = ctx.saved_tensors
        grad = grad.contiguous()
        batch, time, channels = h.shape
        da, db = torch.empty_like(a), torch.empty_like(a)
        if h.numel():
            _backward[(batch, triton.cdiv(channels, _BLOCK))](
                a, h, grad, da, db, time, channels, BLOCK=_BLOCK, num_warps=2
            )
        return da, db


def recurrence_triton(a: Tensor, b: Tensor) -> Tensor:
    """Fused form of `recurrence_naive`: one pass over device memory each way, sums in float32."""
    result: Tensor = _Recurrence.apply(a, b)
    return result
