"""The recurrence: the plain loop by hand, and every other form held to it."""

import pytest
import torch
from torch import Tensor, nn

from posmoe_kernels import recurrence
from posmoe_kernels.recurrence import doubling, recurrence_doubling, recurrence_naive

LENGTHS = [1, 2, 7, 97]


def inputs(batch: int, time: int, channels: int, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
    """Decays in (0, 1) and inputs, the same for the same sizes."""
    generator = torch.Generator().manual_seed(batch * 1009 + time * 31 + channels)
    shape = (batch, time, channels)
    return torch.rand(shape, generator=generator, dtype=dtype), torch.randn(shape, generator=generator, dtype=dtype)


def test_values_by_hand() -> None:
    a = torch.tensor([[[0.5, 9.0], [0.5, 0.0], [2.0, 1.0]]])
    b = torch.tensor([[[4.0, 1.0], [1.0, 2.0], [-6.0, 3.0]]])
    # 4, 0.5 · 4 + 1 = 3, 2 · 3 − 6 = 0; and 1, 0 · 1 + 2 = 2, 1 · 2 + 3 = 5: the first decay has nothing to decay
    expected = torch.tensor([[[4.0, 1.0], [3.0, 2.0], [0.0, 5.0]]])
    assert torch.equal(recurrence_naive(a, b), expected)
    assert torch.equal(recurrence(a, b), expected)


@pytest.mark.parametrize("time", [1, 2, 7, 97, 1025])
def test_doubling_is_the_loop(time: int) -> None:
    a, b = inputs(2, time, 3)
    expected = recurrence_naive(a, b)
    torch.testing.assert_close(recurrence_doubling(a, b), expected, rtol=1e-5, atol=1e-5)
    with doubling():
        assert torch.equal(recurrence(a, b), recurrence_doubling(a, b))
    assert torch.equal(recurrence(a, b), expected)


def test_no_words_and_no_sentences() -> None:
    for shape in ((2, 0, 3), (0, 4, 3)):
        assert recurrence(torch.zeros(shape), torch.zeros(shape)).shape == shape


def test_a_decay_of_one_and_no_input_keep_the_state() -> None:
    a, b = inputs(2, 5, 3)
    padded = recurrence(
        torch.cat([a, torch.ones(2, 4, 3)], 1),
        torch.cat([b, torch.zeros(2, 4, 3)], 1),
    )
    assert torch.equal(padded[:, :5], recurrence(a, b))
    assert torch.equal(padded[:, -1], padded[:, 4])


def test_gradients_are_those_of_finite_differences() -> None:
    a, b = (x.requires_grad_() for x in inputs(2, 5, 3, torch.float64))
    assert torch.autograd.gradcheck(recurrence, (a, b))


@pytest.mark.parametrize(("a", "b"), [((2, 3, 4), (2, 3, 5)), ((3, 4), (3, 4)), ((1, 2, 3, 4), (1, 2, 3, 4))], ids=str)
def test_other_shapes_are_refused(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"recurrence: expected two \[batch, time, channels\], got"):
        recurrence(torch.zeros(a), torch.zeros(b))


class _Module(nn.Module):
    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return recurrence(a, b)


@pytest.mark.skipif(torch.__version__.startswith("2.11."), reason="scan of torch 2.11 gives time as the first axis")
# torch's own tracing of the scan operator
@pytest.mark.filterwarnings("ignore::FutureWarning:torch", "ignore::DeprecationWarning:torch")
def test_the_scan_of_an_exported_program_equals_the_loop() -> None:
    time = torch.export.Dim("time")
    program = torch.export.export(_Module(), inputs(2, 11, 3), dynamic_shapes={"a": {1: time}, "b": {1: time}})
    assert any("scan" in str(node.target) for node in program.graph.nodes)
    for length in LENGTHS:
        a, b = inputs(2, length, 3)
        torch.testing.assert_close(program.module()(a, b), recurrence_naive(a, b), rtol=1e-6, atol=1e-6)
