"""Quantisers of others on our float32 network: ONNX Runtime's own, dynamic and static, and torchao's dynamic INT8.

Each is taken as its guide has it, on the whole network; where its package is missing there is a reason instead.
"""

import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import onnx
import onnxruntime
import torch

from posmoe.bundle import Bundle
from posmoe.engines import Engine
from posmoe.engines.onnxruntime import OnnxRuntimeEngine
from posmoe_export.accuracy import TorchEngine, examples, padded
from posmoe_export.graph import export_graph
from posmoe_export.network import float_network, network
from posmoe_train.conllu import Sentence

CALIBRATION = 200  # sentences of train for static steps


class Quantised(NamedTuple):
    """A quantiser's name, its engine and the bytes that the engine loads, or why there is none."""

    name: str
    engine: Engine | None
    size: int = 0
    why: str = ""


def quantisers(bundle: Bundle, train: Sequence[Sentence], folder: Path) -> Iterator[Quantised]:
    """Every quantiser of others; `folder` takes the graphs."""
    graph = folder / "float32.onnx"
    if not graph.exists():
        onnx.save(export_graph(network(bundle, "float32")), graph)
    yield _session("ONNX Runtime, float32", graph)
    yield _session("ONNX Runtime, quantize_dynamic", _dynamic(graph, folder / "dynamic.onnx"))
    yield _session("ONNX Runtime, quantize_static", _static(graph, folder / "static.onnx", bundle, train))
    yield torchao(bundle)


def torchao(bundle: Bundle) -> Quantised:
    """torchao's dynamic INT8 in eager PyTorch: a scale a row of the weights, one a word of the inputs."""
    name = "torchao, Int8DynamicActivationInt8Weight"
    if find_spec("torchao") is None:
        return Quantised(name, None, why="torchao is not installed")
    logging.getLogger("torchao").setLevel(logging.ERROR)  # it looks for GPU kernels
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from torchao.quantization import Int8DynamicActivationInt8WeightConfig, quantize_

        parser = float_network(bundle)
        quantize_(parser, Int8DynamicActivationInt8WeightConfig())
    saved = io.BytesIO()
    torch.save(parser.state_dict(), saved)
    return Quantised(name, TorchEngine(parser), saved.tell())


def _session(name: str, graph: Path) -> Quantised:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises classes of its own that share no public base
        return Quantised(name, None, why=f"ONNX Runtime refuses the graph: {str(error).splitlines()[0]:.120}")
    return Quantised(name, OnnxRuntimeEngine(session, onnxruntime.__version__), graph.stat().st_size)


def _dynamic(graph: Path, out: Path) -> Path:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    if not out.exists():
        logging.disable(logging.WARNING)  # it recommends a step of preparation, which changes nothing here
        quantize_dynamic(graph, out, per_channel=True, weight_type=QuantType.QInt8)
        logging.disable(logging.NOTSET)
    return out


def _static(graph: Path, out: Path, bundle: Bundle, train: Sequence[Sentence]) -> Path:
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        """Batches of train, as the graph takes them."""

        def __init__(self) -> None:
            self.batches = padded(examples(bundle, train[:CALIBRATION]), 1024)

        def get_next(self) -> dict[str, Any] | None:
            found = next(self.batches, None)
            return None if found is None else {"features": found[0], "lengths": found[1]}

    if not out.exists():
        logging.disable(logging.WARNING)
        quantize_static(
            graph, out, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, op_types_to_quantize=["MatMul"],
            activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        logging.disable(logging.NOTSET)
    return out
