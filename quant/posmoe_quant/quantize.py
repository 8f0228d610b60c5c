"""The verbs: `quantize_` a model, `calibrate_` it on data, and `freeze` it for export."""

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from posmoe_models import ParserConfig
from posmoe_models.hyperbolic import MobiusBias
from posmoe_models.lexicon import Lexicon, QuantisedLexicon
from posmoe_quant.ball import RoundedMobiusBias
from posmoe_quant.config import BallConfig, Config, Float16Config, Int4Config, Int8Config
from posmoe_quant.formats import INT8
from posmoe_quant.linear import FrozenInt8Linear, FrozenLinear, HalfLinear, QuantisedLinear
from posmoe_quant.step import Step

M = TypeVar("M", bound=nn.Module)
C = TypeVar("C", bound=Config)
_FROZEN = FrozenInt8Linear | FrozenLinear | HalfLinear


def for_parser(config: C, parser: ParserConfig) -> C:
    """The configuration with the groups in which a parser's layers read one activation.

    The runtime computes them so: projections share their input, and so do experts. Without a trunk the experts
    read the router's hidden layer, as its output layer does.
    """
    hidden = ("experts.*",) if parser.trunk_dim else ("router.output", "experts.*")
    return replace(config, shared=(hidden, ("arcs.bilinear",), ("arcs.*", "label.*")))


def parser_int8(parser: ParserConfig) -> Int8Config:
    """INT8 as the native engine computes a parser."""
    return for_parser(Int8Config(), parser)


def quantize_(model: M, config: Config) -> M:
    """Put a quantised layer in the place of every layer that the configuration covers; changes the model in place.

    Parameters stay the same objects, so training goes on. Nothing rounds before `calibrate_`, except what has
    nothing to train or to calibrate: `Float16Config` and `BallConfig`. Returns the model.
    """
    steps: dict[str, Step] = {}
    size = config.size if isinstance(config, Int4Config) else None
    kind = MobiusBias if isinstance(config, BallConfig) else nn.Linear
    found = [(name, layer) for name, layer in model.named_modules() if type(layer) is kind and config.covers(name)]
    for name, layer in found:
        new: nn.Module
        if isinstance(layer, MobiusBias):
            new = RoundedMobiusBias(layer)
        elif isinstance(config, Float16Config):
            assert isinstance(layer, nn.Linear)
            new = HalfLinear(layer)
        else:
            assert isinstance(layer, nn.Linear)
            step = steps.setdefault(config.group(name), Step(config.inputs, config.observing))
            new = QuantisedLinear(layer, step, config.weights, size)
        model.set_submodule(name, new)
    return model


def is_quantised(model: nn.Module) -> bool:
    """Whether `quantize_` changed layers of this model."""
    return any(isinstance(layer, QuantisedLinear | _FROZEN) for layer in model.modules())


def is_calibrated(model: nn.Module) -> bool:
    """Whether all steps of the model are known."""
    steps = _steps(model)
    return bool(steps) and all(step.known for step in steps)


@torch.no_grad()
def calibrate_(model: nn.Module, run: Callable[[], object]) -> None:
    """Find the steps of all activations and round from now on.

    Args:
        run: computes the whole model on some data like that which it will see.
    """
    for step in _steps(model):
        step.enabled, step.samples = False, []
    training = model.training
    model.eval()
    run()
    model.train(training)
    for step in _steps(model):
        step.calibrate()
    round_(model)


def round_(model: nn.Module, enabled: bool = True) -> None:
    """Switch the rounding of a model's layers and table rows on, or off."""
    for step in _steps(model):
        step.enabled = enabled
    for module in model.modules():
        if isinstance(module, Lexicon):
            module.quantisation_aware = enabled


def freeze(model: M, qdq: bool = False) -> M:
    """A copy for inference whose layers and table rows hold codes.

    Args:
        qdq: INT8 layers with static steps are products of dequantised numbers, for engines that look for
            QuantizeLinear and DequantizeLinear; by default they are integer sums, as the native engine computes.
    Raises:
        ValueError: the model was quantised, but not calibrated.
    """
    model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    if _steps(model) and not is_calibrated(model):
        raise ValueError("expected a calibrated model, got steps of 0: train it to the end, or call calibrate_")
    for name, module in list(model.named_modules()):
        if isinstance(module, QuantisedLinear):
            integer = not qdq and module.form == INT8 and module.step.observing is not None
            model.set_submodule(name, FrozenInt8Linear.of(module) if integer else FrozenLinear.of(module))
        elif isinstance(module, FrozenInt8Linear) and qdq:
            model.set_submodule(name, FrozenLinear.of_int8(module))
        elif isinstance(module, Lexicon):
            model.set_submodule(name, QuantisedLexicon(module))
    return model


def _steps(model: nn.Module) -> list[Step]:
    return [module for module in model.modules() if isinstance(module, Step)]
