"""A bundle in another precision: a bundle again, or a graph alone; and what it loses."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx
import torch

from posmoe.bundle import Bundle
from posmoe.errors import PosmoeWarning
from posmoe_export.accuracy import TorchEngine, accuracy, calibrator
from posmoe_export.bundle import write_bundle
from posmoe_export.errors import ExportError
from posmoe_export.graph import OPSET, export_graph
from posmoe_export.network import Precision, integer_network, is_integer, network
from posmoe_export.tensorrt import write_tensorrt
from posmoe_models import Parser
from posmoe_quant import freeze
from posmoe_train.conllu import Sentence

# points of LAS that another precision may lose
MOST_LOST = 0.5


class AccuracyWarning(PosmoeWarning):
    """A network in another precision whose loss nobody measured."""


def cast_bundle(
    source: Path,
    out: Path,
    precision: Precision,
    *,
    opset: int = OPSET,
    tensorrt: bool = False,
    calibrate: Sequence[Sentence] | None = None,
    dev: Sequence[Sentence] | None = None,
    most_lost: float = MOST_LOST,
) -> Path:
    """Write the bundle `source` in another precision to the folder `out`.

    Args:
        tensorrt: with the graph that the engine `tensorrt` reads.
        calibrate: sentences by which the steps of activations are found; by default they follow the bundle's own.
        dev: gold trees; the cast bundle's scores on them go into its manifest.
        most_lost: points of LAS on `dev` that it may lose.
    Raises:
        ExportError: it loses more, or an engine's bundle can't keep the precision.
    Warns:
        AccuracyWarning: without `dev` nothing says what it loses.
    """
    if precision == "int4":
        raise ExportError("int4 packs two weights a byte, which bundles don't keep: make a graph alone of it")
    bundle = Bundle.load(source)
    parser = network_of(bundle, precision, calibrate)
    lost = check_loss(bundle, parser, precision, dev, most_lost)
    constants = {**bundle.manifest["constants"], "arithmetic": precision}
    manifest = {**bundle.manifest, "constants": constants, "metrics": lost or {}}
    for key in ("files", "digest"):
        manifest.pop(key)
    others = {name: torch.from_numpy(bundle.tensors[name].copy()) for name in ("features.keys", "tokenizer.weights")}
    write_bundle(parser, out, manifest, others, opset=opset)
    if tensorrt:
        write_tensorrt(network_of(bundle, precision, calibrate, qdq=True), out, opset=opset)
    return out


def cast_graph(
    source: Path,
    out: Path,
    precision: Precision,
    *,
    opset: int = OPSET,
    tensorrt: bool = False,
    calibrate: Sequence[Sentence] | None = None,
    dev: Sequence[Sentence] | None = None,
    most_lost: float = MOST_LOST,
) -> Path:
    """Write a bundle's network as one ONNX file with its weights inside; INT8 and FP8 with QDQ nodes.

    Args:
        tensorrt: dequantise the lexical table as a whole, since TensorRT computes no integers but between Q and DQ.
        calibrate, dev, most_lost: as for `cast_bundle`.
    """
    bundle = Bundle.load(source)
    parser = network_of(bundle, precision, calibrate, qdq=True)
    check_loss(bundle, parser, precision, dev, most_lost)
    graph = export_graph(parser, opset, whole_table=tensorrt)
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(f".{out.name}.part")
    onnx.save(graph, draft)
    draft.replace(out)
    return out


def check_loss(
    bundle: Bundle, parser: Parser, precision: str, dev: Sequence[Sentence] | None, most_lost: float
) -> dict[str, float] | None:
    """The scores of a cast network on dev, refused where it loses too much against the bundle's own network.

    Raises:
        ExportError: names the scores of both.
    """
    if dev is None:
        why = f"{precision}: what it loses was not measured; give a treebank as --dev to know"
        if precision != "float32":
            warnings.warn(why, AccuracyWarning, stacklevel=3)
        return None
    own = integer_network(bundle) if is_integer(bundle) else freeze(network(bundle, "float32"))
    before, after = (accuracy(bundle, TorchEngine(net), dev) for net in (own, parser))
    lost = before["las"] - after["las"]
    if lost > most_lost:
        raise ExportError(
            f"{precision} loses {lost:.2f} points of LAS ({before['las']:.2f} → {after['las']:.2f}), "
            f"allowed are {most_lost:.2f}: take another precision, or allow more"
        )
    return {name: round(value, 3) for name, value in after.items()}


def network_of(bundle: Bundle, precision: Precision, gold: Sequence[Sentence] | None, **options: Any) -> Parser:
    run = None if gold is None else calibrator(bundle, gold)
    return network(bundle, precision, calibrate=run, **options)
