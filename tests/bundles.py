"""A small, valid bundle for tests: random weights, the inputs and outputs of the real network."""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from posmoe._core import word_hash
from posmoe.safetensors import SafeTensors

TAGS = [
    *("ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM", "PART"),
    *("PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X"),
]
LABELS = ["advmod", "case", "conj", "det", "nsubj", "obj", "parataxis", "punct", "root"]
WORDS = ["the", "a", "i", "saw", "dog", "."]
FEATURES = {"version": 1, "words": len(WORDS), "remainder": 32, "suffix2": 16, "suffix3": 16, "suffix4": 16,
            "prefix3": 16, "shape": 8}  # fmt: skip
WIDTH, RANK, LABEL_RANK, WINDOW = 12, 6, 5, 7
CANDIDATES = 2 * WINDOW + 1
Tensors = dict[str, NDArray[Any]]


def tiny_bundle(path: Path, *, seed: int = 0, max_sentence: int = 10_000, **changes: Any) -> Path:
    """Write a bundle folder, a zip where the name ends in .posmoe; `changes` replace keys of the manifest."""
    folder = path.with_suffix(".folder") if path.suffix == ".posmoe" else path
    folder.mkdir(parents=True)
    tensors = _tensors(seed)
    save_file(tensors, folder / "weights.safetensors")
    (folder / "model.onnx").write_bytes(_graph(tensors, folder / "weights.safetensors").SerializeToString())
    write_manifest(folder, {**manifest(max_sentence), **changes})
    if folder is not path:
        zip_bundle(folder, path)
    return path


def zip_bundle(folder: Path, path: Path) -> Path:
    """Pack a bundle's folder, into a file that must lie elsewhere."""
    files = sorted(folder.iterdir())
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            archive.write(file, file.name)
    return path


def write_manifest(folder: Path, content: dict[str, Any]) -> None:
    """Write the manifest, with the folder's present files unless `content` names others."""
    files = {}
    for name in ("weights.safetensors", "model.onnx"):
        data = (folder / name).read_bytes()
        files[name] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
    whole = {"files": files, **content}
    whole.pop("digest", None)
    (folder / "manifest.json").write_text(json.dumps({"digest": digest(whole), **whole}))


def digest(content: dict[str, Any]) -> str:
    """The digest of a manifest, as docs/bundle.md has it."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def manifest(max_sentence: int = 10_000) -> dict[str, Any]:
    """A manifest without the list of files."""
    tables = {"cut": 28, "multiword": 16, "boundary": 32}  # number of features
    return {
        "format": 1,
        "name": "tiny",
        "version": "0.0.1",
        "language": "en",
        "licence": "CC0-1.0",
        "training_data": [{"name": "random numbers", "licence": "CC0-1.0", "words": 0}],
        "constants": {"scorer": "linear", "candidates": CANDIDATES},
        "tags": TAGS,
        "labels": LABELS,
        "tokenizer": {
            "version": 1,
            "max_sentence": max_sentence,
            "grouped_digits": False,
            "abbreviations": ["mr."],
            "endings": [],
            "multiwords": {"don't": ["do", "n't"], "gonna": ["gon", "na"]},
            "ambiguous": {},
            "suffixes": {},
            "closed": [],
            "tables": {name: {"size": 0, "bias": -1, "features": size} for name, size in tables.items()},
        },
        "features": FEATURES,
        "metrics": {"uas": 12.5, "las": 6.25},
        "flops": {"total_20": 1000},
    }


def _tensors(seed: int) -> Tensors:
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> NDArray[np.float32]:
        return rng.standard_normal(shape).astype(np.float32)

    rows = 2 + sum(size for name, size in FEATURES.items() if name != "version")
    return {
        "table": normal(rows, WIDTH),
        "tag.weight": normal(WIDTH, len(TAGS)),
        "arc.dependent": normal(WIDTH, RANK),
        "arc.head": normal(WIDTH, RANK),
        "arc.root": normal(1, 1, RANK),
        "arc.place": normal(CANDIDATES),
        "label.dependent": normal(WIDTH, LABEL_RANK),
        "label.head": normal(WIDTH, LABEL_RANK),
        "label.root": normal(1, 1, LABEL_RANK),
        "label.weight": normal(LABEL_RANK, len(LABELS)),
        "label.bias": normal(len(LABELS)),
        "label.pair": normal(2 * (len(TAGS) + 1) ** 2, len(LABELS)),
        "features.keys": np.array([word_hash(word) for word in WORDS], np.uint32),
        "tokenizer.weights": np.zeros(0, np.int8),
    }


def _graph(tensors: Tensors, weights: Path) -> onnx.ModelProto:
    """Summed embeddings, linear tags, arcs to the root and the seven words on either side."""
    offsets = [step for step in range(-WINDOW, WINDOW + 1) if step != 0]
    small = {
        "offsets": np.array([0, *offsets], np.int64).reshape(1, 1, -1),
        "is_root": np.array([True] + [False] * len(offsets)).reshape(1, 1, -1),
        "zero": np.array(0, np.int64),
        "one": np.array(1, np.int64),
        "none": np.array(-1, np.int64),
        "lowest": np.array(-1e30, np.float32),
        "axis1": np.array([1], np.int64),
        "axis2": np.array([2], np.int64),
        "axis3": np.array([3], np.int64),
        "axes12": np.array([1, 2], np.int64),
        "axes02": np.array([0, 2], np.int64),
    }
    nodes = []

    def op(kind: str, inputs: str, output: str, **attributes: Any) -> None:
        nodes.append(helper.make_node(kind, inputs.split(), output.split(), **attributes))

    op("Gather", "table features", "rows", axis=0)
    op("ReduceSum", "rows axis2", "sum", keepdims=0)
    op("Tanh", "sum", "words")
    op("MatMul", "words tag.weight", "tag_scores")
    for name in ("arc", "label"):
        op("MatMul", f"words {name}.dependent", f"{name}_d")
        op("MatMul", f"words {name}.head", f"{name}_w")
        op("Slice", f"{name}_w zero_1 one_1 axis1", f"{name}_first")
        op("Sub", f"{name}_first {name}_first", f"{name}_nothing")
        op("Add", f"{name}_nothing {name}.root", f"{name}_r")
        op("Concat", f"{name}_r {name}_w", f"{name}_h", axis=1)
    op("Identity", "label_d", "label_dependent")
    op("Identity", "label_h", "label_head")
    op("Shape", "features", "shape")
    op("Gather", "shape one", "length", axis=0)
    op("Range", "zero length one", "count")
    op("Add", "count one", "place")
    op("Unsqueeze", "place axes02", "places")  # [1, T, 1]
    op("Unsqueeze", "lengths axes12", "ends")  # [B, 1, 1]
    op("Add", "places offsets", "shifted")  # [1, T, C]
    op("Less", "shifted one", "before")
    op("Greater", "shifted ends", "after")
    op("Or", "before after", "outside")
    op("Where", "outside none shifted", "inside")
    op("Where", "is_root zero inside", "arc_heads")
    op("Max", "arc_heads zero", "safe")
    op("Unsqueeze", "safe axis3", "indices")
    op("GatherND", "arc_h indices", "candidates", batch_dims=1)
    op("Unsqueeze", "arc_d axis2", "dependents")
    op("Mul", "candidates dependents", "products")
    op("ReduceSum", "products axis3", "dots", keepdims=0)
    op("Add", "dots arc.place", "arc_scores")
    op("Less", "arc_heads zero", "absent")
    op("Where", "absent lowest arc_scores", "masked")
    op("ArgMax", "masked", "best", axis=2, keepdims=1)
    op("GatherElements", "arc_heads best", "best_heads", axis=2)
    op("Squeeze", "best_heads axis2", "heads")
    op("GatherND", "label_head best_heads", "label_of_head", batch_dims=1)
    op("Add", "label_dependent label_of_head", "label_sum")
    op("Relu", "label_sum", "hidden")
    op("MatMul", "hidden label.weight", "label_scores")
    op("ArgMax", "label_scores", "labels", axis=2, keepdims=0)
    small["zero_1"], small["one_1"] = np.array([0], np.int64), np.array([1], np.int64)
    initializers = [onnx.numpy_helper.from_array(value, name) for name, value in small.items()]
    used = {name for node in nodes for name in node.input}
    entries = SafeTensors.open(weights).entries
    for name in sorted(used & set(tensors)):
        initializers.append(_external(name, entries[name]))
    inputs = [
        helper.make_tensor_value_info("features", TensorProto.INT32, ["batch", "length", 6]),
        helper.make_tensor_value_info("lengths", TensorProto.INT64, ["batch"]),
    ]
    shapes: dict[str, tuple[int, list[str | int | None]]] = {
        "tag_scores": (TensorProto.FLOAT, ["batch", "length", len(TAGS)]),
        "arc_scores": (TensorProto.FLOAT, ["batch", "length", CANDIDATES]),
        "arc_heads": (TensorProto.INT64, ["batch", "length", CANDIDATES]),
        "label_dependent": (TensorProto.FLOAT, ["batch", "length", LABEL_RANK]),
        "label_head": (TensorProto.FLOAT, ["batch", "length_and_root", LABEL_RANK]),
        "heads": (TensorProto.INT64, ["batch", "length"]),
        "labels": (TensorProto.INT64, ["batch", "length"]),
    }
    outputs = [helper.make_tensor_value_info(name, *value) for name, value in shapes.items()]
    graph = helper.make_graph(nodes, "tiny", inputs, outputs, initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


def _external(name: str, entry: Any) -> onnx.TensorProto:
    """An initialiser that points at a tensor's bytes in weights.safetensors."""
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT, dims=entry.shape)
    tensor.data_location = TensorProto.EXTERNAL
    place = {
        "location": "weights.safetensors",
        "offset": str(entry.begin),
        "length": str(entry.end - entry.begin),
    }
    for key, value in place.items():
        tensor.external_data.add(key=key, value=value)
    return tensor
