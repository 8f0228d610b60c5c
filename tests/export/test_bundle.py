"""Exported bundles: what their files hold, that the runtime loads them, and equal results."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto

from posmoe.bundle import Bundle
from posmoe.engines import Engine, choose, create
from posmoe_export import ExportError, compare, export_bundle
from posmoe_export.prune import keep_words
from posmoe_models import Parser
from posmoe_models.flops import flops
from posmoe_models.lexicon import Lexicon
from posmoe_quant import freeze
from posmoe_train.checkpoint import Student
from posmoe_train.conllu import UPOS
from tests.export.described import KEYS, LABELS, about, int8_parser
from tests.models.sizes import identifiers, small_parser
from tests.paths import ROOT

pytestmark = pytest.mark.timeout(240)  # torch.onnx.export takes its time, more on a busy machine

LENGTHS = [1, 2, 7, 11, 16, 80, 81, 163]
# one export each, about ten seconds
PARSERS: dict[str, dict[str, Any]] = {
    "biaffine": {
        "scorer": "biaffine",
        "similarity": "distance",
        "geometry": "euclidean",
        "router": "linear",
        "trunk_dim": 8,
        "trunk_layers": 1,
        "experts": 12,
        "k": 1,
    },
    "choices": {
        "bigrams": 16,
        "gates": "computed",
        "context": "convolution",
        "pair_tags": 2,
        "left": 5,
        "right": 4,
        "hubs": 6,
        "hub_window": 80,
    },
}


def earlier_bundle(path: Path) -> None:
    """What the export is to replace."""
    path.mkdir()
    (path / "manifest.json").write_text("{}", encoding="utf-8")
    (path / "old").touch()


Exported = tuple[Parser, Path]


@pytest.fixture(scope="module", params=["int8", *PARSERS])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    name, path = request.param, tmp_path_factory.mktemp("bundles") / request.param
    parser = int8_parser() if name == "int8" else small_parser(**PARSERS[name])
    earlier_bundle(path)
    return parser, export_bundle(parser, path, **about())


@pytest.fixture(scope="module")
def engine(exported: Exported) -> Engine:
    return create(Bundle.load(exported[1]), choose("onnxruntime"))


def batches(lengths: list[list[int]]) -> Iterator[tuple[Any, Any]]:
    for seed, batch in enumerate(lengths):
        features, sizes = identifiers(batch, seed=seed)
        yield features.numpy(), sizes.numpy()


@pytest.mark.parametrize(
    "lengths", [[[n] for n in LENGTHS], [LENGTHS], [[3] * 5, [81, 80]]], ids=["single", "padded", "batches"]
)
def test_onnx_runtime_gives_what_pytorch_gives(exported: Exported, engine: Engine, lengths: list[list[int]]) -> None:
    parity = compare(freeze(exported[0]), engine, batches(lengths))
    assert parity.words == sum(map(sum, lengths))
    assert parity.heads == parity.labels == parity.tags == parity.words
    assert parity.equal == 1
    assert parity.logit_error < 1e-4


def test_another_network_is_found_to_differ(exported: Exported, engine: Engine) -> None:
    other = small_parser(seed=9, **exported[0].config.__dict__)
    parity = compare(freeze(other), engine, batches([LENGTHS]))
    assert parity.equal < 0.9
    assert parity.logit_error > 1e-2


def test_weights_lie_once_in_the_weights_file(exported: Exported) -> None:
    graph = onnx.load(exported[1] / "model.onnx", load_external_data=False)
    size = (exported[1] / "weights.safetensors").stat().st_size
    external = 0
    for tensor in graph.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            assert len(tensor.raw_data) < 256, tensor.name
            continue
        place = {entry.key: entry.value for entry in tensor.external_data}
        assert place["location"] == "weights.safetensors"
        assert int(place["offset"]) + int(place["length"]) <= size
        assert not tensor.raw_data
        external += 1
    assert external >= 8
    assert [value.name for value in graph.graph.input] == ["features", "lengths"]


def test_the_graph_tells_nothing_of_where_it_was_made(exported: Exported) -> None:
    data = (exported[1] / "model.onnx").read_bytes()
    for trace in (str(ROOT).encode(), b"site-packages", b".py", b"Traceback", b"stack_trace", b"/home", b"/tmp"):
        assert trace not in data


def test_the_manifest_says_what_the_parser_is(exported: Exported) -> None:
    parser, path = exported
    manifest = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    constants, config = manifest["constants"], parser.config
    assert (constants["k"], constants["experts"], constants["expert_dim"]) == (config.k, config.experts, 4)
    assert constants["router_params"] == sum(p.numel() for p in parser.router.parameters())
    assert constants["candidates"] == (None if config.scorer == "biaffine" else config.candidates)
    assert manifest["flops"]["total_20"] == flops(config, 20)["total"] == sum(manifest["flops"]["layers"].values())
    assert (manifest["labels"], manifest["tags"]) == (LABELS, list(UPOS))
    assert manifest["features"]["words"] == len(KEYS)


def test_an_export_replaces_the_bundle_that_was_there(exported: Exported) -> None:
    path = exported[1]
    assert sorted(p.name for p in path.iterdir()) == ["manifest.json", "model.onnx", "weights.safetensors"]
    assert list(path.parent.iterdir()) == [path]


def test_an_export_that_fails_leaves_all_as_it_was(tmp_path: Path) -> None:
    earlier_bundle(tmp_path / "bundle")
    with pytest.raises(TypeError, match="not JSON serializable"):
        export_bundle(int8_parser(), tmp_path / "bundle", **about(tokenizer={"version": object()}))
    assert sorted(p.name for p in tmp_path.rglob("*")) == ["bundle", "manifest.json", "old"]


@pytest.mark.parametrize("changes", [{"labels": LABELS[:-1]}, {"keys": KEYS[:-1]}], ids=["labels", "keys"])
def test_what_does_not_fit_the_network_is_refused(changes: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"expected \(labels, words\) = \(5, 20\) by the configuration, got"
    ) as caught:
        export_bundle(small_parser(), tmp_path / "bundle", **about(**changes))
    assert isinstance(caught.value, ValueError)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ExportError, match="is there and is no bundle"):
        export_bundle(small_parser(), tmp_path, **about())
    assert (tmp_path / "thesis.tex").exists()


def test_measured_scores_are_kept_and_a_failing_measure_leaves_nothing(tmp_path: Path) -> None:
    scores = {"dev": {"gold_tokens": {"uas": 90.0}, "raw_text": {"words": 99.0}}}
    drafts = []

    def measure(draft: Path) -> dict[str, Any]:
        drafts.append(Bundle.load(draft).name)
        if (tmp_path / "kept").exists():
            raise ExportError("too far from PyTorch")
        return scores

    parser = int8_parser()
    path = export_bundle(parser, tmp_path / "kept", **about(), measure=measure)
    assert Bundle.load(path).manifest["metrics"] == {"uas": 90.0, "raw_words": 99.0}
    assert json.loads((path / "metrics.json").read_text(encoding="utf-8")) == scores
    with pytest.raises(ExportError, match="too far"):
        export_bundle(parser, tmp_path / "refused", **about(), measure=measure)
    assert drafts == ["tiny", "tiny"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["kept"]


def test_rare_words_give_up_their_rows(tmp_path: Path) -> None:
    parser = small_parser()
    features = parser.config.features
    assert isinstance(parser.lexicon, Lexicon)
    table = parser.lexicon.table.clone()
    student = Student(parser, ["a"] * 5, np.arange(features.words, dtype=np.uint32), {})
    kept = keep_words(student, 12)
    rows = parser.lexicon.table
    assert kept.parser.config.features.rows == len(rows) == len(table) - 8
    assert torch.equal(rows[:14], table[:14]) and torch.equal(rows[14:], table[22:])
    assert kept.keys.tolist() == list(range(12))
    with pytest.raises(ExportError, match="expected 1 to 12, as many as the student has, got 13"):
        keep_words(kept, 13)
