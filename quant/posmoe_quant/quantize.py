"""The verbs: `quantize_` a model, `calibrate_` it on data, and `freeze` it for export."""

import copy
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import nn

from posmoe_models import ParserConfig
from posmoe_models.lexicon import Lexicon, QuantisedLexicon
from posmoe_quant.config import Int8Config
from posmoe_quant.linear import FrozenInt8Linear, Int8Linear, Step

M = TypeVar("M", bound=nn.Module)


def parser_int8(config: ParserConfig) -> Int8Config:
    """INT8 as the runtime computes a parser: its projections share their input, and so do its experts.

    Without a trunk the experts read the router's hidden layer, as its output layer does.
    """
    hidden = ("experts.*",) if config.trunk_dim else ("router.output", "experts.*")
    return Int8Config(shared=(hidden, ("arcs.*", "label.*")))


def quantize_(model: M, config: Int8Config) -> M:
    """Put an `Int8Linear` in the place of every linear layer; parameters stay the same objects.

    Nothing rounds before `calibrate_`. Returns the model, which is changed in place.
    """
    steps: dict[str, Step] = {}
    found = [(name, layer) for name, layer in model.named_modules() if type(layer) is nn.Linear]
    for name, layer in found:
        if not config.excluded(name):
            step = steps.setdefault(config.group(name), Step())
            model.set_submodule(name, Int8Linear(layer, step))
    return model


def is_quantised(model: nn.Module) -> bool:
    """Whether `quantize_` changed this model."""
    return any(isinstance(layer, Int8Linear | FrozenInt8Linear) for layer in model.modules())


def is_calibrated(model: nn.Module) -> bool:
    """Whether all steps of the model are known."""
    steps = _steps(model)
    return bool(steps) and all(bool(step.value > 0) for step in steps)


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


def freeze(model: M) -> M:
    """A copy for inference whose layers and table rows hold INT8 codes.

    Raises:
        ValueError: the model was quantised, but not calibrated.
    """
    model = copy.deepcopy(model).cpu().eval().requires_grad_(False)
    if is_quantised(model) and not is_calibrated(model):
        raise ValueError("expected a calibrated model, got steps of 0: train it to the end, or call calibrate_")
    for name, module in list(model.named_modules()):
        if isinstance(module, Int8Linear):
            model.set_submodule(name, FrozenInt8Linear(module))
        elif isinstance(module, Lexicon):
            model.set_submodule(name, QuantisedLexicon(module))
    return model


def _steps(model: nn.Module) -> list[Step]:
    return [module for module in model.modules() if isinstance(module, Step)]
