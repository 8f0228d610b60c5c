"""Formats, observers and configurations against plain Python, with their stated bounds."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from posmoe_quant import (
    BallConfig,
    Config,
    Float16Config,
    Fp8Config,
    Int4Config,
    Int8Config,
    calibrate_,
    config_from_dict,
    freeze,
    is_calibrated,
    quantize_,
    round_,
)
from posmoe_quant.formats import E4M3, E5M2, FLOAT16, INT4, INT8, Format, encode, row_scales, spread
from posmoe_quant.linear import FrozenLinear, HalfLinear, QuantisedLinear
from posmoe_quant.observers import OBSERVERS, best_step, percentile_step, range_step
from tests.models.sizes import identifiers, small_parser
from tests.quant import twin

FORMATS = [INT8, INT4, E4M3, E5M2, FLOAT16]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_rounding_stays_within_its_bound(form: Format) -> None:
    generator = torch.Generator().manual_seed(1)
    magnitudes = 2.0 ** torch.linspace(-30, 16, 5_000)
    x = (magnitudes * torch.randn(5_000, generator=generator)).clamp(-form.most, form.most)
    rounded = form.round(x)
    assert ((rounded - x).abs() <= form.bound(x)).all()
    assert torch.equal(form.round(rounded), rounded) and torch.equal(form.round(-x), -rounded)
    assert form.round(torch.tensor([1e30, -1e30])).tolist() == [form.most, -form.most]
    assert torch.equal(rounded.to(form.dtype).float(), rounded)  # codes are kept without loss


@settings(deadline=None)  # the first call of PyTorch is slow
@given(st.floats(-60_000, 60_000, width=32))
def test_fp8_is_the_nearest_value_of_its_bits(x: float) -> None:
    for form in (E4M3, E5M2):
        values = twin.FP8[form.name]
        assert max(values) == form.most
        clipped = max(-form.most, min(form.most, x))
        assert float(form.round(torch.tensor(x))) in twin.nearest(clipped, values)


def test_fp8_rounds_half_to_even() -> None:
    assert E4M3.round(torch.tensor([17.0, 19.0])).tolist() == [16, 20]
    assert E5M2.round(torch.tensor([9.0, 11.0])).tolist() == [8, 12]


@pytest.mark.parametrize("width", [1, 4, 5, 7])
def test_groups_have_scales_of_their_own(width: int) -> None:
    rows = torch.randn(3, width, generator=torch.Generator().manual_seed(width))
    rows[1] = 0
    scales = row_scales(rows, INT4, 4)
    assert scales.shape == (3, -(-width // 4)) and (scales[1] == 1).all()
    scale = spread(scales, width, 4)
    error = (encode(rows, 1 / scale, INT4) * scale - rows).abs()
    assert (error <= scale * 0.5001).all()


@settings(deadline=None)  # the first call of PyTorch is slow
@given(st.integers(1, 20), st.integers(1, 9), st.integers(1, 24), st.integers(0, 99))
def test_layers_compute_what_plain_python_does(inputs: int, outputs: int, group: int, seed: int) -> None:
    torch.manual_seed(seed)
    layer, x = nn.Linear(inputs, outputs, bias=False), torch.randn(2, inputs)
    rows = layer.weight.tolist()
    eights, fours = nn.Sequential(layer), nn.Sequential(layer)
    quantize_(eights, Int8Config(observer="min_max"))
    calibrate_(eights, lambda: eights(x))
    rounded = eights[0]
    assert isinstance(rounded, QuantisedLinear)
    step = float(rounded.step.value)
    expected = torch.tensor([twin.linear(v, rows, 127, inputs, step) for v in x.tolist()])
    # a value between two codes may fall to either side
    torch.testing.assert_close(
        freeze(eights, qdq=True)(x), expected, rtol=1e-3, atol=float(layer.weight.detach().abs().max()) * step
    )
    quantize_(fours, Int4Config(only=("*",), size=group))
    calibrate_(fours, lambda: None)
    expected = torch.tensor([twin.linear(v, rows, 7, group) for v in x.tolist()])
    for model in (fours, freeze(fours)):
        torch.testing.assert_close(model(x), expected, rtol=1e-4, atol=1e-5)


def test_a_step_for_every_word_follows_the_word() -> None:
    layer = nn.Linear(6, 3)
    model = nn.Sequential(layer)
    quantize_(model, Int8Config(activations="dynamic"))
    assert is_calibrated(model)
    round_(model)
    x = torch.randn(4, 6, generator=torch.Generator().manual_seed(3))
    x[3] = 0
    torch.testing.assert_close(model(1000 * x) - layer.bias, 1000 * (model(x) - layer.bias), rtol=1e-4, atol=1e-4)
    with torch.no_grad():
        error = (model(x) - layer(x)).abs()
    weight, largest = layer.weight.detach(), x.abs().amax(1, keepdim=True)
    # half a code of each input and half a code of each weight
    bound = largest / 254 * weight.abs().sum(1) + weight.abs().amax(1) / 254 * x.abs().sum(1, keepdim=True) * 1.01
    assert (error <= bound + 1e-6).all()


def test_observers_clip_as_they_say() -> None:
    sample = torch.randn(50_000, generator=torch.Generator().manual_seed(1))
    sample[0] = 100
    assert range_step(sample) == pytest.approx(100 / 127)
    clipped = (sample.abs() > percentile_step(sample) * 127.001).double().mean()
    assert 0 < clipped <= 1.01e-4
    assert best_step(sample) < range_step(sample)
    for observe in OBSERVERS.values():
        assert observe(torch.zeros(3), INT8) == pytest.approx(1 / 127)


CONFIGS: list[Config] = [
    Int8Config(activations="dynamic", shared=(("a", "b"), ("c",))),
    Int8Config(observer="percentile"),
    Fp8Config(form="e5m2", activations="none", exclude=("x.*",)),
    Int4Config(size=32),
    Float16Config(),
    BallConfig(),
]


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.KIND)
def test_configurations_are_written_down_and_read_back(config: Config) -> None:
    assert config_from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "int3"}, "expected kind int8, fp8, int4, float16, ball and version 1, got 'int3' and 1"),
        ({"version": 2}, "got 'int8' and 2"),
        ({"colour": "red"}, r"int8: expected \['shared', .*\], got also \['colour'\]"),
    ],
)
def test_other_configurations_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        config_from_dict(Int8Config().to_dict() | change)


def test_groups_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="expected groups of at least 1 entry, got 0"):
        Int4Config(size=0)


@pytest.mark.parametrize("config", [c for c in CONFIGS if not isinstance(c, Float16Config | BallConfig)], ids=repr)
def test_every_scheme_trains_as_it_is_frozen(config: Config) -> None:
    parser = small_parser(scorer="biaffine")
    features, lengths = identifiers([9, 4, 1])
    before = parser(features, lengths)
    quantize_(parser, config)
    calibrate_(parser, lambda: parser(features, lengths))
    frozen = freeze(parser)
    assert any(isinstance(layer, FrozenLinear) for layer in frozen.modules()) or config.observing
    assert isinstance(parser.arcs.bilinear, QuantisedLinear)
    for found, expected in zip(frozen(features, lengths), parser(features, lengths), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    assert not torch.equal(frozen(features, lengths).arc_scores, before.arc_scores)
    parser.requires_grad_(True)
    parser(features, lengths).arc_scores[0, 0, 0].backward()
    assert parser.arcs.bilinear.weight.grad is not None and parser.arcs.bilinear.weight.grad.any()


def test_float16_keeps_eleven_bits() -> None:
    layer = nn.Linear(5, 4)
    model, weight, x = nn.Sequential(layer), layer.weight.detach().clone(), torch.randn(3, 5)
    before = model(x).detach()
    quantize_(model, Float16Config())
    assert isinstance(model[0], HalfLinear)
    assert ((model[0].weight.float() - weight).abs() <= FLOAT16.bound(weight)).all()
    torch.testing.assert_close(model(x), before, rtol=0, atol=1e-2)
