"""Fused operations inside the parser: the same scores and gradients as the plain ones (here by their plain forms)."""

import copy

import pytest
import torch

from posmoe_models import FeatureConfig, Parser, ParserConfig, fuse
from posmoe_quant import calibrate_, parser_int8, quantize_

FEATURES = FeatureConfig(20, 10, 10, 10, 10, 10, 10)


@pytest.mark.parametrize("trunk", [0, 2])
def test_a_fused_parser_trains_as_the_plain_one(trunk: int) -> None:
    torch.manual_seed(0)
    config = ParserConfig(labels=7, features=FEATURES, trunk_dim=40 if trunk else 0, trunk_layers=trunk, dropout=0.0)
    plain = quantize_(Parser(config), parser_int8(config))
    torch.nn.init.normal_(plain.experts.bias.bias, std=0.1)
    features = torch.randint(2, FEATURES.rows, (3, 9, 6))
    lengths = torch.tensor([9, 4, 1])
    calibrate_(plain, lambda: plain(features, lengths))
    fused = copy.deepcopy(plain)
    fuse(fused)
    assert fused.experts.fused and not plain.experts.fused
    found = []
    for parser in (plain, fused):
        scores = parser(features, lengths)
        (scores.tag_scores.square().mean() + scores.label_dependent.square().mean()).backward()
        found.append((scores, {name: p.grad for name, p in parser.named_parameters() if p.grad is not None}))
    torch.testing.assert_close(found[1][0].label_dependent, found[0][0].label_dependent, rtol=1e-3, atol=1e-4)
    assert found[0][1].keys() == found[1][1].keys()
    for name, gradient in found[0][1].items():
        torch.testing.assert_close(found[1][1][name], gradient, rtol=1e-2, atol=1e-4, msg=name)
