"""Write a bundle: manifest, weights once, and the graph that points into them."""

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, numpy_helper
from safetensors.torch import save
from torch import Tensor, nn

from posmoe.bundle_checks import digest_of
from posmoe_export.errors import ExportError
from posmoe_export.graph import OPSET, export_graph
from posmoe_export.network import check_trained
from posmoe_models import Parser, ParserConfig, flops
from posmoe_quant import freeze, is_quantised

FORMAT = 1
WEIGHTS, GRAPH, MANIFEST, METRICS = "weights.safetensors", "model.onnx", "manifest.json", "metrics.json"
_SMALL = 256
Measure = Callable[[Path], dict[str, Any]]


def export_bundle(
    parser: Parser,
    path: Path,
    *,
    tags: list[str],
    labels: list[str],
    keys: NDArray[np.uint32],
    tokenizer: Mapping[str, Any],
    tokenizer_weights: NDArray[np.int8],
    about: Mapping[str, Any],
    opset: int = OPSET,
    measure: Measure | None = None,
) -> Path:
    """Export a parser to the bundle folder `path`; written beside it first, so it is whole or absent.

    Args:
        parser: trained, float or with INT8 table rows.
        tags, labels: names in the order of the network's outputs.
        keys: hashes of the words that have rows of their own, uint32 [words].
        tokenizer, tokenizer_weights: specification and int8 weights of the tokeniser.
        about: name, version, language, licence and training_data.
        opset: ONNX operator set of the graph.
        measure: called with the finished bundle before it is moved to its place. What it returns is kept as
            `metrics.json`, its scores in the manifest; what it raises leaves nothing behind.
    Raises:
        ExportError: sizes that don't fit together, or `path` is there and is no bundle.
    """
    c = parser.config
    if (len(labels), len(keys)) != (c.labels, c.features.words):
        expected, found = (c.labels, c.features.words), (len(labels), len(keys))
        raise ExportError(f"export: expected (labels, words) = {expected} by the configuration, got {found}")
    parser = freeze(parser)
    manifest = {
        "format": FORMAT,
        **about,
        "metrics": {},
        "constants": constants(parser),
        "tags": tags,
        "labels": labels,
        "tokenizer": dict(tokenizer),
        "features": asdict(c.features),
        "flops": _flops(c),
    }
    others = {"features.keys": torch.from_numpy(keys), "tokenizer.weights": torch.from_numpy(tokenizer_weights)}
    return write_bundle(parser, path, manifest, others, opset=opset, measure=measure)


def write_bundle(
    parser: Parser,
    path: Path,
    manifest: Mapping[str, Any],
    others: Mapping[str, Tensor],
    *,
    opset: int = OPSET,
    measure: Measure | None = None,
) -> Path:
    """Write a frozen network as the bundle folder `path`: whole or not at all.

    Args:
        manifest: all of it but the files.
        others: tensors that are not the network's.
        measure: as for `export_bundle`.
    Raises:
        ExportError: the network was not trained, or `path` is there and is no bundle.
    """
    check_trained(parser, "export")
    tensors = {_stored(name): value for name, value in parser.state_dict().items()} | dict(others)

    def write(folder: Path) -> None:
        graph = export_graph(parser, opset)
        write_weights(_as_used(tensors, graph), graph, folder)

    return write_folder(path, manifest, write, measure)


def write_weights(tensors: Mapping[str, Tensor], graph: onnx.ModelProto, folder: Path) -> None:
    """Write the tensors, and the graph whose large initialisers are among them."""
    # not save_file: what it writes no other user may read
    (folder / WEIGHTS).write_bytes(save(dict(tensors)))
    point_into_weights(graph, folder / WEIGHTS)
    onnx.save(graph, folder / GRAPH)


def write_folder(
    path: Path, manifest: Mapping[str, Any], write: Callable[[Path], None], measure: Measure | None
) -> Path:
    """Write a bundle's folder beside its place, with manifest and metrics, and move it there: whole or not at all.

    Args:
        manifest: all of it but the files.
        write: writes the other files into a folder.
        measure: as for `export_bundle`.
    Raises:
        ExportError: `path` is there and is no bundle.
    """
    if path.exists() and not (path / MANIFEST).is_file():
        raise ExportError(f"export: {path} is there and is no bundle; choose another place or remove it")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}-") as draft:
        folder = Path(draft) / path.name
        folder.mkdir()
        write(folder)
        whole = {**manifest, "files": {file.name: file_record(file) for file in sorted(folder.iterdir())}}
        write_json(folder / MANIFEST, stamped(whole))
        if measure:
            metrics = measure(folder)
            write_json(folder / METRICS, metrics)
            write_json(folder / MANIFEST, stamped(whole | {"metrics": _scores(metrics)}))
        if path.exists():
            shutil.rmtree(path)
        folder.replace(path)
    return path


def constants(parser: Parser) -> dict[str, Any]:
    """The design's constants as this parser has them."""
    c = parser.config
    own = {name: value for name, value in asdict(c).items() if name not in ("features", "labels", "dropout")}
    table = c.features.rows * c.row_dim
    router, everything = weight_count(parser.router), weight_count(parser)
    return own | {
        "arithmetic": "int8" if is_quantised(parser) else "float32",
        "candidates": c.candidates if c.scorer == "linear" else None,
        "router_params": router,
        "dense_params": everything - weight_count(parser.lexicon),
        "table_params": table,
    }


def weight_count(module: nn.Module) -> int:
    """Weights of a module: its parameters, and its INT8 codes where it is frozen."""
    codes = sum(buffer.numel() for name, buffer in module.named_buffers() if name.endswith("codes"))
    return codes + sum(parameter.numel() for parameter in module.parameters())


def _stored(name: str) -> str:
    """The name in the bundle of a parameter of the frozen model: the experts are matrices, with one step for all."""
    known = {f"experts.{part}.weight": f"experts.{part}" for part in ("gate", "value")}
    return known.get(name, re.sub(r"^experts\.\w+\.step$", "experts.step", name))


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def stamped(manifest: dict[str, Any]) -> dict[str, Any]:
    """The manifest with the digest of its content."""
    return {**manifest, "digest": digest_of(manifest)}


def _scores(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The scores on gold tokens, and those on raw text as `raw_…`."""
    gold, raw = metrics["dev"]["gold_tokens"], metrics["dev"]["raw_text"]
    return {**gold, **{f"raw_{name}": value for name, value in raw.items()}}


def _flops(config: ParserConfig) -> dict[str, Any]:
    layers = flops(config, 20)
    return {"total_20": layers.pop("total"), "layers": layers}


def file_record(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def _bytes(tensor: Tensor) -> bytes:
    """A tensor's numbers, of types too that NumPy lacks."""
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes()


def _as_used(tensors: Mapping[str, Tensor], graph: onnx.ModelProto) -> dict[str, Tensor]:
    """The tensors by name, those transposed that the graph multiplies by their transpose.

    The exporter folds the transposition of a linear layer's weights, so they lie as [inputs, outputs].
    """
    used = {_digest(numpy_helper.to_array(tensor).tobytes()) for tensor in graph.graph.initializer}
    chosen = {}
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        turned = tensor.T.contiguous() if tensor.dim() == 2 else tensor
        transposed = _digest(_bytes(tensor)) not in used and _digest(_bytes(turned)) in used
        chosen[name] = turned if transposed else tensor
    return chosen


def point_into_weights(graph: onnx.ModelProto, weights: Path, *, strict: bool = True) -> None:
    """Make each large initialiser a pointer to equal bytes in the weights file.

    Args:
        strict: refuse one that is no tensor of the weights; else it stays in the graph.
    Raises:
        ExportError: there is such an initialiser: the exporter has folded it.
    """
    with weights.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
    header.pop("__metadata__", None)
    data = weights.read_bytes()[8 + size :]
    places: dict[bytes, tuple[int, int]] = {}
    for entry in header.values():
        begin, end = entry["data_offsets"]
        places.setdefault(hashlib.sha256(data[begin:end]).digest(), (begin, end))
    for tensor in graph.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.nbytes < _SMALL:
            continue
        place = places.get(_digest(array.tobytes()))
        if place is None and not strict:
            continue
        if place is None:
            raise ExportError(f"export: the graph's initialiser {tensor.name!r} is no tensor of {weights.name}")
        tensor.ClearField("raw_data")
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.EXTERNAL
        offsets = {"location": weights.name, "offset": str(8 + size + place[0]), "length": str(place[1] - place[0])}
        for key, value in offsets.items():
            tensor.external_data.add(key=key, value=value)
