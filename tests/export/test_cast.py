"""Bundles in other precisions: the same network again, what it loses, and graphs that other programs read."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from posmoe.bundle import Bundle, find
from posmoe.engines import choose, create
from posmoe.engines.onnxruntime import OnnxRuntimeEngine
from posmoe.engines.tensorrt import graph_of
from posmoe.errors import EngineError
from posmoe_export import ExportError, compare, export_bundle
from posmoe_export.accuracy import TorchEngine, accuracy, calibrator
from posmoe_export.cast import AccuracyWarning, cast_bundle, cast_graph
from posmoe_export.graph import export_graph
from posmoe_export.network import PRECISIONS, Precision, check_trained, float_network, integer_network, network
from posmoe_export.tensorrt import add_tensorrt
from posmoe_models import Parser
from posmoe_quant import freeze
from posmoe_train.conllu import Sentence, parse_treebank
from tests.export.described import about, int8_parser
from tests.models.sizes import FEATURES, identifiers, small_parser
from tests.runtime.test_native import TEXT

pytestmark = pytest.mark.timeout(240)  # torch.onnx.export takes its time, more on a busy machine

LENGTHS = [1, 3, 12, 25]
OPERATORS = {"int8": onnx.TensorProto.INT8, "float8_e4m3": onnx.TensorProto.FLOAT8E4M3FN}


@pytest.fixture(scope="module")
def packaged() -> Bundle:
    return Bundle.load(find())


@pytest.fixture(scope="module")
def gold(packaged: Bundle) -> list[Sentence]:
    """Sentences with the trees of the packaged model."""
    import posmoe

    return list(parse_treebank(posmoe.load()(TEXT).to_conllu().splitlines(), "parsed text"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small INT8 bundle."""
    return export_bundle(int8_parser(), tmp_path_factory.mktemp("bundles") / "int8", **about())


def batches(seeds: int = 3) -> list[tuple[Any, Any]]:
    return [tuple(part.numpy() for part in identifiers(LENGTHS, seed=seed)) for seed in range(seeds)]  # type: ignore[misc]


def test_a_bundle_becomes_the_network_again(packaged: Bundle, gold: list[Sentence]) -> None:
    parser = integer_network(packaged)
    engine = create(packaged, choose("native", packaged))
    data = list(batches_of(packaged, gold))
    parity = compare(parser, engine, data)
    assert parity.words == sum(map(len, gold)) == parity.candidates
    assert parity.equal == 1 and parity.logit_error < 0.5  # a value between two codes may fall to either side
    for name, value in parser.state_dict().items():
        if name.endswith(("codes", "multiplier")) and name in packaged.tensors:
            assert np.array_equal(value.numpy(), packaged.tensors[name])


def batches_of(bundle: Bundle, gold: list[Sentence]) -> Any:
    from posmoe_export.accuracy import examples, padded

    return padded(examples(bundle, gold))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("qdq", [False, True], ids=["plain", "qdq"])
def test_every_precision_stays_near_the_packaged_trees(
    packaged: Bundle, gold: list[Sentence], precision: Precision, qdq: bool
) -> None:
    parser = network(packaged, precision, qdq=qdq)
    scores = accuracy(packaged, TorchEngine(parser), gold)
    assert scores["las"] >= (90 if precision in ("float8_e5m2", "int4") else 96)
    assert precision != "int8" or scores["las"] == 100


def test_steps_are_found_on_a_treebank(packaged: Bundle, gold: list[Sentence]) -> None:
    found = network(packaged, "int8", calibrate=calibrator(packaged, gold)).state_dict()
    own = integer_network(packaged).state_dict()
    steps = [name for name in own if name.endswith("step")]
    assert len(steps) >= 8
    for name in steps:
        assert 0.3 < found[name] / own[name] < 2
    assert any(not torch.equal(found[name], own[name]) for name in steps)


def test_a_cast_bundle_computes_what_pytorch_does(source: Path, tmp_path: Path) -> None:
    with pytest.warns(AccuracyWarning, match="float8_e4m3: what it loses was not measured"):
        path = cast_bundle(source, tmp_path / "cast", "float8_e4m3", tensorrt=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["cast"]
    before, bundle = Bundle.load(source), Bundle.load(path)
    assert bundle.manifest["constants"] == before.manifest["constants"] | {"arithmetic": "float8_e4m3"}
    assert bundle.tensors.entries["arcs.head.codes"].dtype == "F8_E4M3"
    parity = compare(network(before, "float8_e4m3"), create(bundle, choose("onnxruntime")), batches())
    assert parity.equal == 1 and parity.logit_error < 1e-3
    with pytest.raises(EngineError, match="arithmetic float32 or int8, the bundle has 'float8_e4m3'"):
        create(bundle, choose("native"))
    nodes = onnx.load_from_string(graph_of(bundle)).graph.initializer
    assert {tensor.data_type for tensor in nodes if tensor.name == "experts.gate.codes"} == {OPERATORS["float8_e4m3"]}
    with pytest.raises(ExportError, match=r"it was cast to float8_e4m3; cast its source again with .*--tensorrt"):
        add_tensorrt(path)


@pytest.mark.parametrize("precision", OPERATORS)
def test_a_graph_alone_has_qdq_nodes_that_onnx_runtime_reads(source: Path, tmp_path: Path, precision: str) -> None:
    assert precision in PRECISIONS
    kind: Any = precision
    with pytest.warns(AccuracyWarning):
        path = cast_graph(source, tmp_path / "deep" / "graph.onnx", kind, tensorrt=True, opset=25)
    assert [entry.name for entry in path.parent.iterdir()] == ["graph.onnx"]
    graph = onnx.load(path)
    onnx.checker.check_model(graph)
    assert graph.opset_import[0].version == 25
    assert [output.name for output in graph.graph.output][-3:] == ["heads", "labels", "tags"]
    codes = {tensor.name: tensor for tensor in graph.graph.initializer if tensor.name.endswith(".codes")}
    fed = {node.input[0] for node in graph.graph.node if node.op_type == "DequantizeLinear"}
    assert set(codes) < fed  # also the table's: nothing computes integers outside of Q and DQ
    assert codes["experts.gate.codes"].data_type == OPERATORS[precision]
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    parser = network(Bundle.load(source), kind, qdq=True)
    parity = compare(parser, OnnxRuntimeEngine(session, "under test"), batches())
    assert parity.equal == 1 and parity.logit_error < 1e-3
    features, lengths = batches(1)[0]
    found = session.run(["heads", "labels", "tags"], {"features": features, "lengths": lengths})
    expected = parser(torch.from_numpy(features), torch.from_numpy(lengths))
    for name, output in zip(("heads", "labels", "tags"), found, strict=True):
        assert np.array_equal(output, getattr(expected, name).numpy())


def test_padding_changes_nothing(packaged: Bundle) -> None:
    for precision in PRECISIONS:
        parser = network(packaged, precision, qdq=True)
        features, lengths = identifiers([4, 2])
        wide = torch.zeros(3, 90, 6, dtype=torch.int32)
        wide[:2, :4] = features
        alone, beside = parser(features, lengths), parser(wide, torch.tensor([4, 2, 1]))
        for row, length in enumerate(lengths):
            assert torch.equal(alone.heads[row, :length], beside.heads[row, :length])
            torch.testing.assert_close(alone.tag_scores[row, :length], beside.tag_scores[row, :length])


def test_a_loss_beyond_what_is_allowed_is_refused_with_the_figures(packaged: Bundle, gold: list[Sentence]) -> None:
    with pytest.raises(
        ExportError, match=r"float8_e5m2 loses \d+\.\d\d points of LAS \(100\.00 → .*allowed are -1\.00"
    ):
        cast_bundle(packaged.path, Path("never"), "float8_e5m2", dev=gold, most_lost=-1)


def test_old_and_unknown_opsets_are_refused(packaged: Bundle) -> None:
    fp8, int4 = network(packaged, "float8_e4m3"), network(packaged, "int4")
    cases: list[tuple[Parser, int, str]] = [
        (fp8, 18, r"from 19 \(the first with FP8\) to 25, got 18"),
        (int4, 20, r"from 21 \(the first with INT4 and scales by group\) to 25, got 20"),
        (freeze(small_parser()), 17, r"from 18 \(the first that the exporter writes\) to 25, got 17"),
        (freeze(small_parser()), 26, "to 25, got 26"),
    ]
    for parser, opset, message in cases:
        with pytest.raises(ExportError, match=message):
            export_graph(parser, opset)


def test_what_was_not_trained_is_refused(tmp_path: Path) -> None:
    from posmoe_models import ParserConfig

    parser = Parser(ParserConfig(labels=5, features=FEATURES))
    with pytest.raises(ExportError, match=r"'arcs.pair.table' is all zeros: the network was not trained"):
        export_bundle(parser, tmp_path / "bundle", **about())
    assert list(tmp_path.iterdir()) == []
    broken = small_parser()
    broken.root[0] = torch.nan
    with pytest.raises(ExportError, match="'root' holds numbers that are not finite"):
        check_trained(broken, "export")


def test_a_bundle_of_other_sizes_is_refused(packaged: Bundle) -> None:
    bundle = Bundle.load(packaged.path)
    bundle.manifest["constants"]["rank"] = 8
    with pytest.raises(ExportError, match="weights and constants don't fit together"):
        float_network(bundle)
    bundle.manifest["constants"]["k"] = 40
    with pytest.raises(ExportError, match="its constants are no network of this version"):
        float_network(bundle)
    with pytest.raises(ExportError, match=r"expected a precision of float32, .*, got 'int3'"):
        network(packaged, "int3")  # type: ignore[arg-type]
