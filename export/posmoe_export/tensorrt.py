"""The graph that TensorRT reads, beside a bundle's own: QDQ nodes, the scores alone, the table's bytes not twice."""

import json
from pathlib import Path

import onnx
from onnx.utils import Extractor

from posmoe.bundle import Bundle
from posmoe.bundle_files import TENSORRT
from posmoe.engines import arithmetic
from posmoe.engines.onnxruntime import INPUTS, OUTPUTS
from posmoe_export.bundle import MANIFEST, WEIGHTS, file_record, point_into_weights, stamped, write_json
from posmoe_export.errors import ExportError
from posmoe_export.graph import OPSET, export_graph
from posmoe_export.network import PRECISIONS, network
from posmoe_models import Parser


def add_tensorrt(path: Path, *, opset: int = OPSET) -> Path:
    """Give a bundle's folder the graph that the engine `tensorrt` reads, in the bundle's own arithmetic.

    Raises:
        ExportError: it is no folder, or its arithmetic is not one that a graph can be made of again.
        BundleError: it is no whole bundle.
    """
    bundle = Bundle.load(path)
    if bundle.folder is None:
        raise ExportError(f"{path}: expected a bundle's folder, got a zip: unpack it first")
    precision = arithmetic(bundle)
    if precision not in ("int8", "float32"):
        raise ExportError(
            f"bundle {bundle.path}: it was cast to {precision}; cast its source again with "
            "`posmoe-export cast --tensorrt`"
        )
    assert precision in PRECISIONS
    return write_tensorrt(network(bundle, precision, qdq=True), bundle.folder, opset=opset)


def write_tensorrt(parser: Parser, folder: Path, *, opset: int = OPSET) -> Path:
    """Write a frozen network's graph into the bundle `folder` and its manifest; `parser` has QDQ nodes."""
    graph = scores_alone(export_graph(parser, opset, whole_table=True))
    point_into_weights(graph, folder / WEIGHTS, strict=False)
    draft = folder / f"{TENSORRT}.part"
    onnx.save(graph, draft)
    draft.replace(folder / TENSORRT)
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest.pop("digest", None)
    manifest["files"][TENSORRT] = file_record(folder / TENSORRT)
    write_json(folder / f"{MANIFEST}.part", stamped(manifest))
    (folder / f"{MANIFEST}.part").replace(folder / MANIFEST)
    return folder / TENSORRT


def scores_alone(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without what only its best heads, labels and tags need: the runtime decodes the scores."""
    kept: onnx.ModelProto = Extractor(graph).extract_model(list(INPUTS), list(OUTPUTS))
    kept.producer_name = graph.producer_name
    return kept
