"""Routing and the mixture of experts against plain forms."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu

from posmoe_models.config import EXPERTS
from posmoe_models.experts import EuclideanBias, Experts
from posmoe_models.hyperbolic import expmap0, logmap0, mobius_add
from posmoe_models.router import CnnRouter, LinearRouter, route


def logits(batch: int = 2, time: int = 5) -> Tensor:
    return torch.randn(batch, time, EXPERTS, generator=torch.Generator().manual_seed(3)) * 2


@pytest.mark.parametrize("k", [1, 2, 17])
def test_weights_are_the_likeliest_tags_probabilities_and_sum_to_one(k: int) -> None:
    scores = logits()
    weight, index = route(scores, k, EXPERTS)
    assert weight.shape == index.shape == (2, 5, k)
    torch.testing.assert_close(weight.sum(-1), torch.ones(2, 5))
    assert torch.equal(index[..., 0], scores.argmax(-1))
    probability = scores.softmax(-1)
    for row in range(2):
        for word in range(5):
            best = sorted(range(EXPERTS), key=lambda t: -float(probability[row, word, t]))[:k]
            assert index[row, word].tolist() == best
            chosen = probability[row, word, best]
            torch.testing.assert_close(weight[row, word], chosen / chosen.sum())


@pytest.mark.parametrize("experts", [9, 12, 16])
def test_fewer_experts_share_the_tags(experts: int) -> None:
    scores = logits()
    weight, index = route(scores, 2, experts)
    probability = scores.softmax(-1)
    folded = torch.zeros(2, 5, experts)
    for tag in range(EXPERTS):
        folded[..., tag % experts] += probability[..., tag]
    best, expected = folded.topk(2, -1)
    assert torch.equal(index, expected)
    torch.testing.assert_close(weight, best / best.sum(-1, keepdim=True))


@pytest.mark.parametrize("geometry", ["hyperbolic", "euclidean"])
@pytest.mark.parametrize("k", [1, 3])
def test_the_mixture_equals_a_loop_over_the_chosen_experts(geometry: str, k: int) -> None:
    torch.manual_seed(1)
    out, dim = 6, 4
    layer = Experts(EXPERTS, dim, out, geometry)
    with torch.no_grad():
        layer.bias.bias.copy_(torch.randn(EXPERTS, out) * 0.3)
    x = torch.randn(2, 5, dim)
    weight, index = route(logits(), k, EXPERTS)
    expected = torch.zeros(2, 5, out)
    gates, values = layer.gate.weight.view(EXPERTS, out, dim), layer.value.weight.view(EXPERTS, out, dim)
    for row in range(2):
        for word in range(5):
            for w, e in zip(weight[row, word], index[row, word].tolist(), strict=True):
                value, b = values[e] @ x[row, word], layer.bias.bias[e]
                if geometry == "hyperbolic":
                    moved = logmap0(mobius_add(expmap0(value, 1 / out), b, 1 / out), 1 / out)
                else:
                    assert isinstance(layer.bias, EuclideanBias)
                    moved = value + b
                expected[row, word] += w * silu(gates[e] @ x[row, word]) * moved
    torch.testing.assert_close(layer(x, weight, index), expected, rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_chosen_experts_and_the_router_alone() -> None:
    torch.manual_seed(2)
    layer = Experts(EXPERTS, 4, 3, "hyperbolic")
    scores = logits().requires_grad_()
    weight, index = route(scores, 2, EXPERTS)
    torch.autograd.backward(layer(torch.randn(2, 5, 4), weight, index).sum())
    assert layer.value.weight.grad is not None and scores.grad is not None
    reached = layer.value.weight.grad.view(EXPERTS, -1).abs().sum(-1) > 0
    assert set(reached.nonzero()[:, 0].tolist()) == set(index.flatten().tolist())
    assert scores.grad.abs().sum() > 0


def test_the_router_has_about_4000_parameters() -> None:
    assert sum(p.numel() for p in CnnRouter(96, 32).parameters()) == 96 * 3 + 96 + 96 * 32 + 32 + 32 * 17 + 17 == 4049


def test_a_router_reads_one_word_to_each_side_and_no_padding() -> None:
    torch.manual_seed(4)
    x, mask = torch.randn(1, 7, 8), torch.ones(1, 7, dtype=torch.bool)
    for router, reach in ((CnnRouter(8, 4), 1), (LinearRouter(8, 4), 0)):
        changed = x.clone()
        changed[0, 3] += 1
        differs = (router(x, mask)[1] - router(changed, mask)[1]).abs().sum(-1)[0] > 1e-7
        assert differs.nonzero()[:, 0].tolist() == list(range(3 - reach, 4 + reach))
    router = CnnRouter(8, 4)
    mask[0, 5:] = False
    changed = x.clone()
    changed[0, 5:] = 100.0
    assert torch.equal(router(x, mask)[1][:, :5], router(changed, mask)[1][:, :5])
