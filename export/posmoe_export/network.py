"""From a bundle back to the network in PyTorch, in any precision."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from posmoe.bundle import Bundle
from posmoe_export.errors import ExportError
from posmoe_models import FeatureConfig, Parser, ParserConfig
from posmoe_models.lexicon import Lexicon
from posmoe_quant import (
    Config,
    Float16Config,
    Fp8Config,
    Int4Config,
    Int8Config,
    calibrate_,
    for_parser,
    freeze,
    quantize_,
)
from posmoe_quant.linear import FrozenInt8Linear
from posmoe_quant.step import Step

Precision = Literal["float32", "float16", "int8", "int8_dynamic", "float8_e4m3", "float8_e5m2", "int4"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)
CONFIGS: dict[Precision, Config] = {
    "float16": Float16Config(),
    "int8": Int8Config(),
    "int8_dynamic": Int8Config(activations="dynamic"),
    "float8_e4m3": Fp8Config(form="e4m3"),
    "float8_e5m2": Fp8Config(form="e5m2"),
    "int4": Int4Config(),
}
# float8 keeps its precision over many powers of two: room above what INT8 clips costs nothing
_HEADROOM = 4.0
# what training starts from zeros
_START_AT_ZERO = ("arcs.pair.table", "label.pair", "lexicon.codes", "lexicon.table")


def parser_config(bundle: Bundle) -> ParserConfig:
    """The sizes of a bundle's network.

    Raises:
        ExportError: the manifest lacks one, or has an impossible one.
    """
    if bundle.subwords:
        raise ExportError(f"bundle {bundle.path}: it is a teacher's, which is kept in float32 for ONNX Runtime alone")
    constants, features = bundle.manifest["constants"], bundle.manifest["features"]
    names = {field.name for field in fields(ParserConfig)} - {"features", "labels", "dropout"}
    try:
        table = FeatureConfig(**features)
        sizes = {name: constants[name] for name in names if name in constants}
        return ParserConfig(labels=len(bundle.labels), features=table, **sizes)
    except (TypeError, ValueError) as error:
        raise ExportError(f"bundle {bundle.path}: its constants are no network of this version: {error}") from error


def float_network(bundle: Bundle) -> Parser:
    """The network of a bundle in float32; the weights of INT8 layers are what their codes stand for.

    Raises:
        ExportError: the manifest's constants and the tensors don't fit together, or weights are no numbers.
    """
    parser = Parser(parser_config(bundle)).eval().requires_grad_(False)
    layers = {name for name, layer in parser.named_modules() if isinstance(layer, nn.Linear)}
    state: dict[str, Tensor] = {}
    for name in parser.state_dict():
        layer = name.removesuffix(".weight")
        if name == "lexicon.table":
            state[name] = _tensor(bundle, "lexicon.codes").float() * _tensor(bundle, "lexicon.scale")[:, None]
        elif layer in layers and name != layer:
            state[name] = _weight(bundle, layer)
        else:
            state[name] = _tensor(bundle, name)
    try:
        parser.load_state_dict(state)
    except RuntimeError as error:
        raise ExportError(f"bundle {bundle.path}: weights and constants don't fit together: {error}") from error
    check_trained(parser, str(bundle.path))
    return parser


def integer_network(bundle: Bundle) -> Parser:
    """The network of an INT8 bundle as its engines compute it: frozen, with the bundle's own codes and steps."""
    parser = float_network(bundle)
    for name, layer in list(parser.named_modules()):
        if isinstance(layer, nn.Linear):
            codes, multiplier = _tensor(bundle, f"{name}.codes"), _tensor(bundle, f"{name}.multiplier")
            step = _tensor(bundle, _step_name(name))
            parser.set_submodule(name, FrozenInt8Linear(codes, multiplier, step, layer.bias))
    return freeze(parser)


def network(
    bundle: Bundle,
    precision: Precision,
    *,
    qdq: bool = False,
    calibrate: Callable[[Parser], object] | None = None,
) -> Parser:
    """The network of a bundle in a precision, frozen.

    Args:
        qdq: as `posmoe_quant.freeze` takes it.
        calibrate: runs the parser on some data, to find the steps of activations. By default they follow those
            that the bundle keeps for INT8.
    Raises:
        ExportError: the bundle has a network of another version, or none of INT8 and nothing to calibrate by.
    """
    precision = checked_precision(precision)
    if precision == "int8" and calibrate is None and is_integer(bundle):
        return freeze(integer_network(bundle), qdq)
    parser = float_network(bundle)
    config = CONFIGS.get(precision)
    if config is None:
        return freeze(parser)
    quantize_(parser, for_parser(config, parser.config))
    if calibrate is not None or config.observing is None:
        calibrate_(parser, lambda: calibrate(parser) if calibrate else None)
    elif is_integer(bundle):
        _follow_steps(parser, bundle)
    else:
        raise ExportError(
            f"bundle {bundle.path}: it has no steps of activations for {precision}: give a treebank to calibrate by"
        )
    return freeze(parser, qdq)


def checked_precision(name: str) -> Precision:
    """The precision of a name.

    Raises:
        ExportError: there is none.
    """
    for precision in PRECISIONS:
        if precision == name:
            return precision
    raise ExportError(f"expected a precision of {', '.join(PRECISIONS)}, got {name!r}")


def is_integer(bundle: Bundle) -> bool:
    """Whether a bundle keeps its layers in INT8."""
    return bool(bundle.manifest["constants"].get("arithmetic") == "int8")


def check_trained(parser: nn.Module, what: str) -> None:
    """Refuse a network whose weights are no numbers, or as no training leaves them: untrained, or half of it read.

    Raises:
        ExportError: names the tensor.
    """
    for name, value in parser.state_dict().items():
        if value.is_floating_point() and not value.float().isfinite().all():
            raise ExportError(f"{what}: tensor {name!r} holds numbers that are not finite: the training diverged")
        if name in _START_AT_ZERO and not value.any():
            raise ExportError(f"{what}: tensor {name!r} is all zeros: the network was not trained, or only half loaded")


def _follow_steps(parser: Parser, bundle: Bundle) -> None:
    """Steps of another format from those of INT8: the same bound, with headroom, is the format's largest."""
    for name, layer in parser.named_modules():
        step = getattr(layer, "step", None)
        if isinstance(step, Step):
            assert step.form is not None
            step.value.copy_(_tensor(bundle, _step_name(name)) * (127 * _HEADROOM / step.form.most))
            step.enabled = True
    lexicon = parser.lexicon
    assert isinstance(lexicon, Lexicon)
    lexicon.quantisation_aware = True


def _step_name(layer: str) -> str:
    """The tensor that holds the step of a layer's input."""
    return "experts.step" if layer.startswith("experts.") else f"{layer}.step"


def _weight(bundle: Bundle, layer: str) -> Tensor:
    """The weights of a linear layer, [outputs, inputs]."""
    if is_integer(bundle):
        multiplier, step = _tensor(bundle, f"{layer}.multiplier"), _tensor(bundle, _step_name(layer))
        return _tensor(bundle, f"{layer}.codes").float() * (multiplier / step)[:, None]
    name = layer if layer.startswith("experts.") else f"{layer}.weight"
    weight = _tensor(bundle, name)
    one = weight.shape[0] == 1 or weight.shape[1] == 1  # may lie either way round
    return weight.reshape(-1)[None] if one else weight.T.contiguous()


def _tensor(bundle: Bundle, name: str) -> Tensor:
    try:
        array: Any = bundle.tensors[name]
    except KeyError:
        raise ExportError(f"bundle {bundle.path}: expected a tensor {name!r} in its weights, it is missing") from None
    return torch.from_numpy(array.copy())
