"""The gated recurrence as one kernel each way, sigmoid and mask fused: a program a sentence and direction."""

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.maths import sigmoid


@triton.jit
def _forward(x, gates, mask, h, time, half, width, C: tl.constexpr):
    sentence, backward = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    inside = channel < half
    step = 1 - 2 * backward
    word = sentence * time + backward * (time - 1)
    state = tl.zeros([C], tl.float32)
    done = 0
    while done < time:  # the interpreter has no range of a number that the kernel is given
        here = tl.load(mask + word).to(tl.float32)
        gate = tl.load(gates + word * 2 * half + backward * half + channel, mask=inside, other=0.0).to(tl.float32)
        value = tl.load(x + word * width + backward * (width - half) + channel, mask=inside, other=0.0).to(tl.float32)
        z = here * sigmoid(gate)
        state = (1.0 - z) * state + z * value
        tl.store(h + word * 2 * half + backward * half + channel, state, mask=inside)
        word += step
        done += 1


@triton.jit
def _backward(x, gates, mask, h, grad, dx, dgates, time, half, width, C: tl.constexpr):
    # With g_t = dh_t + (1 − z_{t+1}) g_{t+1}: dx_t = z_t g_t and dz_t = g_t (x_t − h_{t−1}).
    sentence, backward = tl.program_id(0).to(tl.int64), tl.program_id(1)
    channel = tl.program_id(2) * C + tl.arange(0, C)
    inside = channel < half
    step = 1 - 2 * backward
    opening = sentence * time + backward * (time - 1)
    word = sentence * time + (1 - backward) * (time - 1)
    carry = tl.zeros([C], tl.float32)
    done = 0
    while done < time:
        here = tl.load(mask + word).to(tl.float32)
        place = word * 2 * half + backward * half + channel
        gate = tl.load(gates + place, mask=inside, other=0.0).to(tl.float32)
        value = tl.load(x + word * width + backward * (width - half) + channel, mask=inside, other=0.0).to(tl.float32)
        behind = tl.where(word == opening, 0, 1)  # before the first word the state is zero
        before = behind * tl.load(h + place - behind * step * 2 * half, mask=inside, other=0.0)
        total = tl.load(grad + place, mask=inside, other=0.0) + carry
        share = sigmoid(gate)
        z = here * share
        tl.store(dx + place, total * z, mask=inside)
        tl.store(dgates + place, total * (value - before) * z * (1.0 - share), mask=inside)
        carry = (1.0 - z) * total
        word -= step
        done += 1


class _Gated(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
        x, gates, mask = x.contiguous(), gates.contiguous(), mask.to(torch.uint8).contiguous()
        batch, time, width = x.shape
        half = gates.shape[2] // 2
        h = torch.empty(batch, time, 2 * half, dtype=torch.float32, device=x.device)
        if h.numel():
            _forward[_grid(batch, half)](x, gates, mask, h, time, half, width, C=_block(half), num_warps=1)
        ctx.save_for_backward(x, gates, mask, h)
        return h

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None]:
        x, gates, mask, h = ctx.saved_tensors
        batch, time, width = x.shape
        half = gates.shape[2] // 2
        sides, dgates = torch.empty_like(h), torch.empty_like(h)
        if h.numel():
            grid = _grid(batch, half)
            grad = grad.contiguous().float()
            _backward[grid](x, gates, mask, h, grad, sides, dgates, time, half, width, C=_block(half), num_warps=1)
        dx = torch.zeros(x.shape, dtype=torch.float32, device=x.device)
        dx[..., :half] += sides[..., :half]
        dx[..., width - half :] += sides[..., half:]
        return dx.to(x.dtype), dgates.to(gates.dtype), None


def _block(half: int) -> int:
    return int(min(64, triton.next_power_of_2(max(half, 1))))


def _grid(batch: int, half: int) -> tuple[int, int, int]:
    return batch, 2, triton.cdiv(half, _block(half))


def gated_triton(x: Tensor, gates: Tensor, mask: Tensor) -> Tensor:
    """Fused form of `gated_naive`: one pass over device memory each way, sums in float32."""
    result: Tensor = _Gated.apply(x, gates, mask)
    return result
