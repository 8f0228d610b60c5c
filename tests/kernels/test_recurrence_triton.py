"""The Triton kernels against the plain loop: on a GPU where there is one, else through Triton's interpreter."""

import os
from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch

from posmoe_kernels.recurrence import recurrence_naive
from tests.kernels.test_recurrence import inputs

if find_spec("triton") is None:
    pytest.skip("triton is not installed: pip install triton", allow_module_level=True)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
if DEVICE == "cpu":
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernels are defined, so before they are imported
from posmoe_kernels.recurrence.triton import recurrence_triton  # noqa: E402


@pytest.fixture(autouse=True)
def poison() -> Iterator[None]:
    """Fill what `torch.empty` gives with NaN, so that an output that no program writes shows."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    assert torch.empty(3).isnan().all()
    yield
    torch.use_deterministic_algorithms(before)


# one, less than a block, a prime, a block, more than a block; the longest sentence of a batch is 120 words
@pytest.mark.parametrize(("time", "channels"), [(1, 1), (1, 64), (2, 48), (7, 65), (97, 3), (120, 48)])
@pytest.mark.parametrize("batch", [1, 3])
def test_forward_and_backward_equal_the_loop(batch: int, time: int, channels: int) -> None:
    a, b = inputs(batch, time, channels)
    weight = torch.randn(b.shape, generator=torch.Generator().manual_seed(5))
    plain = [x.clone().requires_grad_() for x in (a, b)]
    fused = [x.to(DEVICE).requires_grad_() for x in (a, b)]
    expected, found = recurrence_naive(*plain), recurrence_triton(*fused)
    torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-5)
    torch.autograd.backward([(expected * weight).sum(), (found * weight.to(DEVICE)).sum()])
    for mine, theirs in zip(fused, plain, strict=True):
        assert mine.grad is not None
        wanted = torch.zeros_like(theirs) if theirs.grad is None else theirs.grad  # one word: no decay is read
        torch.testing.assert_close(mine.grad.cpu(), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("shape", [(0, 4, 3), (2, 0, 3)], ids=str)
def test_nothing_to_do(shape: tuple[int, ...]) -> None:
    a, b = (torch.zeros(shape, device=DEVICE, requires_grad=True) for _ in range(2))
    h = recurrence_triton(a, b)
    torch.autograd.backward(h.sum())
    assert h.shape == shape
    assert a.grad is not None and a.grad.shape == shape


def test_strides_of_other_layouts() -> None:
    a, b = (x.transpose(0, 1) for x in inputs(5, 2, 3))
    assert not b.is_contiguous()
    torch.testing.assert_close(recurrence_triton(a.to(DEVICE), b.to(DEVICE)).cpu(), recurrence_naive(a, b))
