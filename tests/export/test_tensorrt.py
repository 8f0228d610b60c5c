"""Every precision's graph is built for SM89 by TensorRT-RTX, without a card, and the engine's layers are looked at."""

import json
import re
import shutil
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import onnxruntime
import pytest

from posmoe.bundle import Bundle, find
from posmoe.bundle_files import MANIFEST, TENSORRT, WEIGHTS
from posmoe.engines.onnxruntime import INPUTS, OUTPUTS
from posmoe.engines.tensorrt import built_for, graph_of, trial
from posmoe.engines.tensorrt.build import PROFILES, Built, build
from posmoe.engines.tensorrt.library import Library, installed
from posmoe_export.cast import cast_graph
from posmoe_export.errors import ExportError
from posmoe_export.network import Precision
from posmoe_export.tensorrt import add_tensorrt
from tests.bundles import tiny_bundle, write_manifest

pytestmark = pytest.mark.timeout(240)  # torch.onnx.export takes its time, more on a busy machine

SM89 = (8, 9)
# how the library calls the types that products are computed in
KINDS: dict[Precision, str] = {"float32": "Float", "float16": "Half", "int8": "Int8", "float8_e4m3": "FP8"}


class Product(NamedTuple):
    """A matrix product with weights: its name, which joins those of what was fused, and its types."""

    name: str
    inputs: str
    weights: str


def products(built: Built) -> list[Product]:
    """Those of an engine, from the library's own description of its layers."""
    found = []
    for line in built.layers:
        name, kind, rest = re.fullmatch(r"Name: (.*?), LayerType: (\w+), Inputs: (.*)", line).groups()  # type: ignore[union-attr]
        inputs, _, constants = rest.partition("], Constants: [")
        weights = re.match(r" \{ Name: \S+, Dimensions: \[\d+,\d+\].*?Datatype: (\w+)", constants)
        if kind == "gemm" and weights:
            found.append(Product(name, re.search(r"Datatype: (\w+)", inputs)[1], weights[1]))  # type: ignore[index]
    return found


def lookups(built: Built) -> list[str]:
    """The layers that read the lexical table."""
    return [line for line in built.layers if "Name: lexicon.codes" in line]


@pytest.fixture(scope="module")
def rtx() -> Library:
    """TensorRT-RTX, where it is installed."""
    pytest.importorskip("tensorrt_rtx_bindings", reason="TensorRT-RTX is not installed")
    return next(one for one in installed() if one.ahead)


@pytest.mark.parametrize("precision", KINDS)
def test_the_precision_is_kept_and_layers_are_fused(precision: Precision, rtx: Library, tmp_path: Path) -> None:
    bundle = Bundle.load(find())
    if precision == "int8":
        built = built_for(bundle, graph_of(bundle), rtx, SM89, inspect=True)
        profiles = len(PROFILES)
    else:
        path = tmp_path / "graph.onnx"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # nobody measured what it loses
            cast_graph(bundle.path, path, precision, tensorrt=True)
        built = build(rtx, path.read_bytes(), path, SM89, PROFILES[:1], inspect=True)
        profiles = 1
    found = products(built)
    assert {(product.inputs, product.weights) for product in found} == {(KINDS[precision], KINDS[precision])}
    # the experts' two matrices and the router's; what scores arcs and relations reads, of dependents and of heads
    assert sum(product.name.count("+") == 2 for product in found) == 3 * profiles
    # the table stays in INT8 in the engine's memory; looking up, adding up and gates are one kernel
    rows, words = bundle.tensors.entries["lexicon.codes"].shape, lookups(built)
    assert len(words) == profiles
    for line in words:
        table = rf"Name: lexicon\.codes\w*, Dimensions: \[{rows[0]},{rows[1]}\].*?Datatype: (\w+)"
        assert re.search(table, line)[1] == "Int8"  # type: ignore[index]
        assert re.match(r"Name: \w*Gath\w*Sigm", line)
    assert len(built.engine) > rows[0] * rows[1]
    assert built.timings == b""


def test_the_packaged_graph_shares_the_weights_and_gives_the_scores_alone() -> None:
    bundle = Bundle.load(find())
    graph = onnx.load_from_string(graph_of(bundle)).graph
    assert [value.name for value in graph.input] == list(INPUTS)
    assert [value.name for value in graph.output] == list(OUTPUTS)
    outside = {tensor.name for tensor in graph.initializer if tensor.data_location == onnx.TensorProto.EXTERNAL}
    assert {"lexicon.codes", "lexicon.scale"} <= outside
    assert not {"label.weight", "label.pair"} & {tensor.name for tensor in graph.initializer}
    begin = {tensor.name: {e.key: e.value for e in tensor.external_data} for tensor in graph.initializer}
    assert begin["lexicon.codes"]["location"] == WEIGHTS
    assert len(graph_of(bundle)) < 100_000


def test_a_bundle_gets_its_graph_where_it_lies(tmp_path: Path) -> None:
    copy = tmp_path / "en-edge"
    shutil.copytree(find(), copy)
    (copy / TENSORRT).unlink()
    content = json.loads((copy / MANIFEST).read_text(encoding="utf-8"))
    write_manifest(copy, {name: value for name, value in content.items() if name != "files"})
    assert TENSORRT not in Bundle.load(copy).others
    add_tensorrt(copy)
    again, packaged = Bundle.load(copy), Bundle.load(find())
    assert {path.name for path in copy.iterdir()} == {path.name for path in packaged.path.iterdir()}
    assert again.graph == packaged.graph
    found, expected = (session(bundle).run(None, inputs(packaged)) for bundle in (again, packaged))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)


def session(bundle: Bundle) -> onnxruntime.InferenceSession:
    """The graph for TensorRT in ONNX Runtime."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(bundle.path / TENSORRT, options, providers=["CPUExecutionProvider"])


def inputs(bundle: Bundle) -> dict[str, Any]:
    """Some sentences."""
    return dict(zip(INPUTS, trial.sample(bundle), strict=True))


def test_a_zip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"expected a bundle's folder, got a zip: unpack it first"):
        add_tensorrt(tiny_bundle(tmp_path / "tiny.posmoe"))
