"""The Poincaré ball against geoopt, its gradients at the edges, and the Möbius bias."""

import geoopt
import pytest
import torch
from torch import Tensor

from posmoe_models.hyperbolic import MobiusBias, expmap0, logmap0, mobius_add, squared_distance_ratio

DIM = 8


def ball(c: float) -> geoopt.PoincareBall:
    """geoopt's ball in double precision."""
    return geoopt.PoincareBall(c=torch.tensor(c, dtype=torch.float64))


def tangents(scale: float, rows: int = 50) -> Tensor:
    """Random tangent vectors at the origin, float64 [rows, DIM]."""
    generator = torch.Generator().manual_seed(int(scale * 1000))
    return torch.randn(rows, DIM, generator=generator, dtype=torch.float64) * scale


@pytest.mark.parametrize("c", [0.125, 1.0])
@pytest.mark.parametrize("scale", [1e-3, 0.3, 0.8])
def test_functions_equal_geoopts(c: float, scale: float) -> None:
    reference, v, w = ball(c), tangents(scale), tangents(scale * 0.7)
    inside = v.norm(dim=-1) * c**0.5 < 3  # further out both are drawn inside the rim, each by its own margin
    v, w = v[inside], w[inside]
    x, y = expmap0(v, c), expmap0(w, c)
    assert len(v) > 20
    torch.testing.assert_close(x, reference.expmap0(v), rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(logmap0(x, c), v, rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(logmap0(x, c), reference.logmap0(x), rtol=1e-7, atol=1e-12)
    torch.testing.assert_close(mobius_add(x, y, c), reference.mobius_add(x, y), rtol=1e-7, atol=1e-12)
    ratio = squared_distance_ratio((x * y).sum(-1), x.square().sum(-1), y.square().sum(-1), c)
    torch.testing.assert_close(torch.arccosh(1 + ratio) / c**0.5, reference.dist(x, y), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("length", [0.0, 1e-20, 1e-6, 1.0, 50.0, 1e6])
def test_values_and_gradients_are_finite_from_the_origin_to_the_rim(length: float) -> None:
    c = 1.0 / DIM
    v = torch.full((3, DIM), length / DIM**0.5, requires_grad=True)
    point = expmap0(v, c)
    assert (point.norm(dim=-1) * c**0.5 < 1).all()
    back = logmap0(mobius_add(point, expmap0(-0.5 * v, c), c), c)
    (grad,) = torch.autograd.grad(back.sum(), v)
    assert back.isfinite().all()
    assert grad.isfinite().all()


def test_gradient_at_the_origin_is_the_identity() -> None:
    jacobian = torch.func.jacrev(lambda v: logmap0(expmap0(v, 1.0), 1.0))(torch.zeros(DIM))
    torch.testing.assert_close(jacobian, torch.eye(DIM))


def test_no_bias_is_the_identity() -> None:
    bias = MobiusBias(3, DIM)
    v = tangents(1.0).float()[:, None].expand(-1, 3, -1)
    torch.testing.assert_close(bias(v, torch.arange(3)), v, rtol=1e-4, atol=1e-6)


def test_a_bias_moves_as_geoopt_says() -> None:
    bias = MobiusBias(2, DIM)
    assert isinstance(bias.bias, geoopt.ManifoldParameter)
    assert bias.c == 1 / DIM
    points = expmap0(tangents(0.5, 2), bias.c)
    with torch.no_grad():
        bias.bias.copy_(points)
    v = tangents(0.9, 20)[:, None].expand(-1, 2, -1)
    reference = ball(bias.c)
    expected = reference.logmap0(reference.mobius_add(reference.expmap0(v), points))
    torch.testing.assert_close(bias(v.float(), torch.arange(2)), expected.float(), rtol=1e-4, atol=1e-5)


def test_a_step_of_the_optimiser_stays_on_the_ball() -> None:
    bias = MobiusBias(2, DIM)
    optimizer = geoopt.optim.RiemannianAdam(bias.parameters(), lr=10.0)
    for _ in range(20):
        optimizer.zero_grad()
        torch.autograd.backward(-bias(torch.zeros(1, 2, DIM), torch.arange(2)).sum())
        optimizer.step()
    norm = bias.bias.detach().norm(dim=-1) * bias.c**0.5
    assert ((norm > 0.5) & (norm < 1)).all()
