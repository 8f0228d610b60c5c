"""INT8 primitives against exact arithmetic, and layers that compute as the frozen ones do."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from posmoe_quant import Int8Config, calibrate_, freeze, is_calibrated, is_quantised, parser_int8, quantize_, round_
from posmoe_quant.formats import encode, encode_through, row_scales
from posmoe_quant.linear import FrozenInt8Linear, QuantisedLinear
from posmoe_quant.observers import best_step
from tests.models.sizes import identifiers, small_parser

FLOATS = st.floats(-1e3, 1e3, width=32)


@settings(deadline=None)  # the first call of PyTorch is slow
@given(st.lists(FLOATS, min_size=1, max_size=40), st.floats(0.0009765625, 10, width=32))
def test_codes_are_the_nearest_within_the_range(values: list[float], step: float) -> None:
    x, inverse = torch.tensor(values), 1 / torch.tensor(step)
    codes = encode(x, inverse)
    assert torch.equal(codes, codes.round()) and codes.abs().max() <= 127
    inside = (x * inverse).abs() <= 127
    assert ((codes - x * inverse).abs()[inside] <= 0.5).all()
    assert (codes[~inside].abs() == 127).all()


@settings(deadline=None)  # the first call of PyTorch is slow
@given(st.integers(1, 5), st.integers(1, 9), st.integers(0, 99))
def test_row_scales_bound_the_error_of_every_row(rows: int, width: int, seed: int) -> None:
    weight = torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))
    weight[0] = 0
    scale = row_scales(weight)[:, 0]
    assert scale[0] == 1
    error = (encode(weight, 1 / scale[:, None]) * scale[:, None] - weight).abs()
    assert (error <= scale[:, None] * 0.5001).all()


def test_rounding_passes_gradients_and_clipping_stops_them() -> None:
    x = torch.tensor([0.3, -40.2, 127.4, 900.0], requires_grad=True)
    y = encode_through(x, torch.tensor(1.0))
    assert y.tolist() == [0, -40, 127, 127]
    y.sum().backward()  # type: ignore[no-untyped-call]
    assert x.grad is not None and x.grad.tolist() == [1, 1, 0, 0]


def test_the_best_step_clips_what_is_rare() -> None:
    sample = torch.randn(20_000, generator=torch.Generator().manual_seed(1))
    sample[0] = 100
    step = best_step(sample)
    assert 10 / 127 <= step < 99 / 127

    def error(tried: torch.Tensor) -> float:
        return float((encode(sample, 1 / tried) * tried - sample).square().mean())

    assert error(step) <= error(sample.abs().max() / 127)
    assert best_step(torch.zeros(4)) == pytest.approx(1 / 127)


@settings(deadline=None)  # the first call of PyTorch is slow
@given(st.integers(1, 70), st.integers(1, 20), st.integers(0, 99))
def test_frozen_sums_are_those_of_integers(inputs: int, outputs: int, seed: int) -> None:
    torch.manual_seed(seed)
    model = nn.Sequential(nn.Linear(inputs, outputs))
    x = torch.randn(6, inputs)
    quantize_(model, Int8Config())
    calibrate_(model, lambda: model(x))
    frozen = freeze(model)[0]
    assert isinstance(frozen, FrozenInt8Linear) and frozen.bias is not None and frozen.codes.dtype == torch.int8
    codes = encode(x, 1 / frozen.step).to(torch.int64)
    sums = codes @ frozen.codes.T.to(torch.int64)
    with torch.no_grad():
        assert torch.equal(frozen(x), sums.float() * frozen.multiplier + frozen.bias)
        torch.testing.assert_close(model(x), frozen(x), rtol=1e-6, atol=1e-6)


def test_a_parser_trains_as_it_is_frozen() -> None:
    parser = small_parser()
    features, lengths = identifiers([9, 4, 1])
    before = parser(features, lengths)
    quantize_(parser, parser_int8(parser.config))
    for old, new in zip(before, parser(features, lengths), strict=True):
        assert torch.equal(old, new)  # nothing rounds yet
    assert is_quantised(parser) and not is_calibrated(parser)
    with pytest.raises(ValueError, match="expected a calibrated model, got steps of 0"):
        freeze(parser)
    calibrate_(parser, lambda: parser(features, lengths))
    assert is_calibrated(parser)
    rounded, frozen = parser(features, lengths), freeze(parser)(features, lengths)
    assert not torch.equal(rounded.tag_scores, before.tag_scores)
    torch.testing.assert_close(rounded.tag_scores, before.tag_scores, rtol=0.1, atol=0.1)
    for found, expected in zip(frozen, rounded, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    round_(parser, enabled=False)
    assert torch.equal(parser(features, lengths).tag_scores, before.tag_scores)


def test_layers_that_read_one_activation_share_its_step() -> None:
    parser = small_parser()
    quantize_(parser, parser_int8(parser.config))
    steps = {name: layer.step for name, layer in parser.named_modules() if isinstance(layer, QuantisedLinear)}
    assert steps["router.output"] is steps["experts.gate"] is steps["experts.value"]
    projections = [step for name, step in steps.items() if name.startswith(("arcs.", "label."))]
    assert len(projections) == 6 and len({id(step) for step in projections}) == 1
    assert steps["router.pointwise"] is not steps["router.output"]
    trunk = small_parser(trunk_dim=8, trunk_layers=1)
    quantize_(trunk, parser_int8(trunk.config))
    assert trunk.experts.gate.step is not trunk.router.output.step


def test_excluded_layers_stay_and_unseen_ones_are_named() -> None:
    model = nn.ModuleDict({"a": nn.Linear(2, 2), "b": nn.Linear(2, 2)})
    quantize_(model, Int8Config(exclude=("b",)))
    assert isinstance(model["a"], QuantisedLinear) and type(model["b"]) is nn.Linear
    with pytest.raises(ValueError, match="a layer saw no data in calibration"):
        calibrate_(model, lambda: None)
