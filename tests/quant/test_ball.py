"""INT8 points on the Poincaré ball: they stay inside, and are off by no more than is stated."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from posmoe_models import hyperbolic
from posmoe_models.hyperbolic import RIM, MobiusBias
from posmoe_quant import BallConfig, quantize_
from posmoe_quant.ball import (
    Points,
    RoundedMobiusBias,
    addition_bounds,
    encode_points,
    expmap0,
    logarithm_bound,
    logmap0,
    mobius_add,
    rounding,
)
from tests.models.sizes import identifiers, small_parser


def points(seed: int, dim: int, c: float, share: float) -> Tensor:
    """64 points whose norms are up to a share of the rim's."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(64, dim, generator=generator)
    sizes = torch.rand(64, 1, generator=generator) ** 0.2 * (share * RIM / math.sqrt(c))
    return nn.functional.normalize(x) * sizes


def norms(x: Tensor) -> Tensor:
    return x.double().square().sum(-1, keepdim=True).sqrt()


CASES = given(st.integers(0, 99), st.sampled_from([1, 2, 5, 32]), st.sampled_from([1.0, 1 / 32, 4.0]))


@settings(deadline=None)  # the first call of PyTorch is slow
@CASES
def test_points_stay_inside_and_near(seed: int, dim: int, c: float) -> None:
    for x in (points(seed, dim, c, 1.0), torch.zeros(3, dim)):
        found = encode_points(x, c)
        assert torch.equal(found.codes, found.codes.round()) and found.codes.abs().max() <= 127
        assert (norms(found.value) * math.sqrt(c) <= RIM * (1 + 1e-6)).all()
        assert (norms(found.value.double() - x.double()) <= rounding(x).double() * (1 + 1e-4) + 1e-12).all()


@settings(deadline=None)  # the first call of PyTorch is slow
@CASES
def test_results_stay_inside_and_near_the_exact_ones(seed: int, dim: int, c: float) -> None:
    share = 0.9
    x, y = points(seed, dim, c, share), points(seed + 1, dim, c, share)
    v = hyperbolic.logmap0(x, c) * 2
    image = expmap0(v, c)
    exact = hyperbolic.expmap0(v.double(), c)
    assert (norms(image.value.double() - exact) <= rounding(exact.float()).double() * 1.001 + 1e-5).all()

    a, b = encode_points(x, c), encode_points(y, c)
    total = mobius_add(a, b, c)
    assert (norms(total.value) * math.sqrt(c) <= RIM * (1 + 1e-6)).all()
    exact = hyperbolic.mobius_add(x.double(), y.double(), c)
    reach = [float(max(norms(p).max(), norms(q.value).max())) for p, q in ((x, a), (y, b))]
    by_x, by_y = addition_bounds(reach[0], reach[1], c)
    bound = by_x * rounding(x) + by_y * rounding(y) + rounding(hyperbolic.mobius_add(a.value, b.value, c))
    assert (norms(total.value.double() - exact) <= bound.double() * 1.001 + 1e-5).all()

    error = norms(logmap0(a, c).double() - hyperbolic.logmap0(x.double(), c))
    assert (error <= logarithm_bound(reach[0], c) * rounding(x).double() * 1.001 + 1e-5).all()


def test_the_bounds_hold_for_small_changes_where_they_are_sharpest() -> None:
    c = 1.0
    for a, b in ((0.0, 0.5), (0.7, 0.3), (0.5, 0.9), (0.9, 0.9)):
        x, y = torch.tensor([a, 0.0], dtype=torch.float64), torch.tensor([-b, 0.0], dtype=torch.float64)
        by_x, by_y = addition_bounds(a, b, c)
        rows = torch.func.jacrev(lambda p, q: hyperbolic.mobius_add(p, q, c), (0, 1))(x, y)
        assert float(torch.linalg.matrix_norm(rows[0], 2)) <= by_x * (1 + 1e-9)
        assert float(torch.linalg.matrix_norm(rows[1], 2)) <= by_y * (1 + 1e-9)


def test_a_point_beyond_the_rim_is_drawn_in_by_its_scale_alone() -> None:
    x = torch.full((1, 32), RIM / math.sqrt(32) * 0.9999)
    x[0, 0] *= 0.99
    rounded = encode_points(x, 1.0)
    assert norms(rounded.value) <= RIM * (1 + 1e-6)
    assert torch.equal(rounded.codes, torch.round(x / (x.abs().max() / 127)))
    assert isinstance(rounded, Points)


@pytest.mark.parametrize("experts", [1, 3])
def test_mobius_biases_of_a_model_are_rounded(experts: int) -> None:
    parser = small_parser(experts=17)
    features, lengths = identifiers([7, 3])
    before = parser(features, lengths)
    quantize_(parser, BallConfig())
    assert isinstance(parser.experts.bias, RoundedMobiusBias)
    after = parser(features, lengths)
    assert not torch.equal(after.arc_scores, before.arc_scores)
    torch.testing.assert_close(after.tag_scores, before.tag_scores)  # the router comes first
    torch.manual_seed(experts)
    bias = MobiusBias(experts, 8)
    bias.bias.data.copy_(torch.randn(experts, 8) * 0.3)
    v, expert = torch.randn(5, experts, 8), torch.arange(experts)
    torch.testing.assert_close(RoundedMobiusBias(bias)(v, expert), bias(v, expert), rtol=0, atol=0.2)
