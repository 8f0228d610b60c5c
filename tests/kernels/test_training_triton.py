"""Operations that train: the fused kernels against their plain forms, values and gradients."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from posmoe_kernels import biaffine, gated, lookup, mixture
from posmoe_kernels.biaffine import biaffine_naive, pack, unpack
from posmoe_kernels.gated import gated_naive
from posmoe_kernels.lookup import lookup_naive
from posmoe_kernels.mixture import mixture_naive
from tests.kernels.device import DEVICE

from posmoe_kernels.biaffine.triton import biaffine_triton  # isort: skip
from posmoe_kernels.gated.triton import gated_triton  # isort: skip
from posmoe_kernels.lookup.triton import lookup_triton  # isort: skip
from posmoe_kernels.mixture.triton import mixture_triton  # isort: skip


def seeded(seed: int = 0) -> Callable[..., Tensor]:
    """Normal numbers of a shape, the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    return lambda *shape: torch.randn(shape, generator=generator)


def check(
    plain: Callable[..., Tensor], fused: Callable[..., Tensor], given: Sequence[Any], tolerance: float = 2e-5
) -> None:
    """Values and gradients of both forms, within a tolerance of the largest number."""
    results = []
    for function, device in ((plain, "cpu"), (fused, DEVICE)):
        arguments = [x.detach().to(device) if isinstance(x, Tensor) else x for x in given]
        leaves = [x.requires_grad_() for x in arguments if isinstance(x, Tensor) and x.is_floating_point()]
        out = function(*arguments)
        weight = seeded(9)(*out.shape).to(device)
        torch.autograd.backward((out * weight).sum())
        results.append([out.detach().cpu(), *(x.grad.cpu() if x.grad is not None else None for x in leaves)])
    for expected, found in zip(*results, strict=True):
        assert expected is not None and found is not None
        assert not found.isnan().any()
        bound = tolerance * max(1.0, float(expected.abs().max()) if expected.numel() else 1.0)
        torch.testing.assert_close(found, expected, rtol=0, atol=bound)


@pytest.mark.parametrize(
    ("words", "inputs", "d", "k"), [(75, 24, 20, 2), (1, 32, 32, 1), (33, 40, 16, 3), (0, 32, 32, 2)]
)
def test_mixture(words: int, inputs: int, d: int, k: int) -> None:
    randn, experts = seeded(), 17
    index = torch.rand(words, experts, generator=torch.Generator().manual_seed(1)).topk(k).indices
    x, matrices = randn(words, inputs), [randn(experts * d, inputs) * 0.3 for _ in range(2)]
    check(mixture_naive, mixture_triton, [x, *matrices, randn(experts, d) * 0.3, randn(words, k).abs(), index])


def test_mixture_of_large_and_tiny_values_stays_on_the_ball() -> None:
    randn = seeded(1)
    index = torch.arange(40).view(20, 2) % 17
    for scale in (1e-4, 30.0):
        given = [randn(20, 32) * scale, randn(544, 32), randn(544, 32), randn(17, 32) * 0.5, randn(20, 2).abs(), index]
        check(mixture_naive, mixture_triton, given, tolerance=1e-4)


def test_mixture_gradients_are_those_of_finite_differences() -> None:
    randn = seeded(2)
    given = [
        x.double().requires_grad_() for x in (randn(3, 4), randn(6, 4), randn(6, 4), randn(2, 3) * 0.3, randn(3, 1))
    ]
    index = torch.tensor([[0], [1], [1]])
    assert torch.autograd.gradcheck(lambda a, b, c, d, e: mixture_naive(a, b, c, d, e, index), given)


@pytest.mark.parametrize(
    ("batch", "time", "width", "half"), [(3, 9, 13, 7), (1, 1, 4, 4), (2, 17, 80, 70), (2, 0, 4, 2)]
)
def test_gated(batch: int, time: int, width: int, half: int) -> None:
    randn = seeded()
    lengths = torch.tensor([time, max(1, time // 2), 1])[:batch]
    mask = torch.arange(time) < lengths[:, None]
    check(gated_naive, gated_triton, [randn(batch, time, width), randn(batch, time, 2 * half), mask])


def test_gated_gradients_are_those_of_finite_differences() -> None:
    randn = seeded()
    x, gates = randn(2, 4, 3).double().requires_grad_(), randn(2, 4, 4).double().requires_grad_()
    mask = torch.arange(4) < torch.tensor([4, 2])[:, None]
    assert torch.autograd.gradcheck(lambda a, b: gated(a, b, mask), (x, gates))


@pytest.mark.parametrize("rounded", [False, True])
def test_lookup(rounded: bool) -> None:
    table = seeded()(50, 24)
    table[3] = 0
    ids = torch.randint(0, 50, (3, 7, 6), generator=torch.Generator().manual_seed(1))
    ids[0, 0] = 3
    check(lookup_naive, lookup_triton, [table, ids, rounded])


@pytest.mark.parametrize("time", [1, 40])
def test_biaffine(time: int) -> None:
    randn, batch, r = seeded(), 3, 32
    lengths = torch.tensor([time, max(1, time - 7), 1])
    tags = torch.randint(0, 18, (batch, time + 1), generator=torch.Generator().manual_seed(2))
    given = [randn(batch, time, r), randn(r, r) * 0.3, randn(batch, time + 1, r), randn(batch, time + 1)]
    pair = randn(324, 24)
    check(lambda *x: biaffine_naive(*x)[1], lambda *x: biaffine_triton(*x)[1], [*given, tags, pair, lengths])
    given[1:2] = []
    for matrix in (randn(r, r), pack(randn(r, r))):
        arguments: list[Any] = [given[0], matrix, *given[1:], tags, pair, lengths]
        expected, partition = biaffine_naive(*arguments)
        moved: list[Any] = [tuple(y.to(DEVICE) for y in x) if isinstance(x, tuple) else x.to(DEVICE) for x in arguments]
        found, sums = biaffine_triton(*moved)
        assert found.tolist() == expected.tolist()
        torch.testing.assert_close(sums.cpu(), partition, rtol=1e-5, atol=1e-5)


def test_four_bits_keep_a_matrix_within_half_a_step() -> None:
    matrix = seeded()(32, 32)
    matrix[5] = 0
    packed = pack(matrix)
    assert packed.codes.shape == (32, 16) and packed.codes.dtype == torch.uint8
    assert ((unpack(*packed) - matrix).abs() <= packed.scale[:, None] / 2 + 1e-6).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: lookup(x[0], x[0][0, 0]), r"lookup: expected a table \[rows, channels\]"),
        (lambda x: gated(x, x[..., :3], x[..., 0]), r"gated: expected \[batch, time, ≥ g\]"),
        (lambda x: mixture(x[0], x[0], x[0], x[0], x[0], x[0]), r"mixture: expected matrices \[12, 4\]"),
        (lambda x: biaffine(x, x, x, x, x, x, x), r"biaffine: expected \[batch, time, 32 m\]"),
    ],
    ids=["lookup", "gated", "mixture", "biaffine"],
)  # fmt: skip
def test_other_shapes_are_refused(call: Callable[[Tensor], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(torch.zeros(2, 3, 4))
