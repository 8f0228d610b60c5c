"""Bundles load from folders and zips alike; damaged ones are refused with the reason."""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.errors import BundleError
from tests.bundles import FEATURES, LABELS, TAGS, manifest, tiny_bundle, write_manifest, zip_bundle

TEXT = "I saw the dog. I don't know.\n\nThe end"


def test_a_scorer_of_all_pairs_has_a_lower_bound(tmp_path: Path) -> None:
    path = tiny_bundle(tmp_path / "x", constants={"scorer": "biaffine"})
    assert Bundle.load(path).max_sentence == 1024


def test_folder_and_zip_give_the_same_trees(tiny: Path, tmp_path: Path) -> None:
    packed = zip_bundle(tiny, tmp_path / "tiny.posmoe")
    assert posmoe.load(packed)(TEXT).to_conllu() == posmoe.load(tiny)(TEXT).to_conllu()


def test_a_zip_may_hold_one_folder(tiny: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.posmoe", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.mkdir("en-tiny")
        for file in tiny.iterdir():
            archive.write(file, f"en-tiny/{file.name}")
    assert Bundle.load(tmp_path / "x.posmoe").name == "tiny"


def test_what_a_bundle_tells(tiny: Path) -> None:
    bundle = Bundle.load(tiny)
    assert (bundle.name, bundle.version, bundle.max_sentence) == ("tiny", "0.0.1", 10_000)
    assert bundle.tags == tuple(TAGS)
    assert bundle.labels == tuple(LABELS)
    assert bundle.rows == 2 + sum(FEATURES.values()) - 1
    assert bundle.tensors["label.weight"].dtype == np.float32


@pytest.mark.parametrize("name", ["manifest.json", "weights.safetensors", "model.onnx"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_missing_file_is_named(own: Path, tmp_path: Path, name: str, packed: bool) -> None:
    (own / name).unlink()
    with pytest.raises(BundleError, match=f"{name}.*missing"):
        Bundle.load(zip_bundle(own, tmp_path / "x.posmoe") if packed else own)


@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_cut_or_altered_file_is_refused(
    tiny: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    copy = tmp_path_factory.mktemp("copy") / "bundle"
    copy.mkdir()
    for file in tiny.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    name = data.draw(st.sampled_from(["weights.safetensors", "model.onnx"]))
    content = bytearray((copy / name).read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    (copy / name).write_bytes(content)
    place = zip_bundle(copy, copy.with_suffix(".posmoe")) if data.draw(st.booleans()) else copy
    with pytest.raises(BundleError, match=rf"{name} was cut short or altered: expected .* got .*\. Fetch"):
        Bundle.load(place)


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_damaged_zip_is_refused_or_whole(packed: Path, data: st.DataObject) -> None:
    content = bytearray(packed.read_bytes())
    at = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        del content[at:]
    else:
        content[at] ^= data.draw(st.integers(1, 255))
    damaged = packed.with_name("damaged.posmoe")
    damaged.write_bytes(content)
    try:
        assert Bundle.load(damaged).name
    except BundleError as error:
        assert str(damaged) in str(error)


@pytest.fixture(scope="module")
def packed(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small bundle as a zip."""
    return zip_bundle(tiny, tmp_path_factory.mktemp("packed") / "whole.posmoe")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"format": 2}, "expected format 1, got 2"),
        ({"format": None}, "expected format 1, got None"),
        ({"name": 3}, "'name'.*str, got int"),
        ({"constants": 3}, "'constants'.*dict, got int"),
        ({"tags": "NOUN"}, "'tags'.*list, got str"),
        ({"tags": [*TAGS[:-1], "NOUN"]}, "twice among the tags"),
        ({"tags": [*TAGS[:-1], "a\tb"]}, "printable ASCII"),
        ({"tags": TAGS[:-1]}, "disagree: for 16 tags"),
        ({"labels": LABELS[:-1]}, "disagree: for 17 tags, 8 labels"),
        ({"features": {**FEATURES, "words": 5}}, "disagree.*5 words"),
        ({"features": {**FEATURES, "shape": -1}}, "features.shape to be a number of rows, got -1"),
        ({"features": {**FEATURES, "version": 3}}, "features of version 1 or 2, got 3"),
        ({"tokenizer": {"version": 1, "max_sentence": 0}}, "max_sentence to be at least 1"),
        ({"tokenizer": []}, "'tokenizer'.*dict, got list"),
        ({"files": []}, "'files'.*dict, got list"),
        ({"files": {}}, "weights.safetensors among the manifest's files"),
        ({"files": {"../secret": {"sha256": "", "bytes": 1}}}, "'../secret' is no plain file name"),
        ({"files": {"/etc/passwd": {"sha256": "", "bytes": 1}}}, "no plain file name"),
        ({"files": {"weights.safetensors": 1, "model.onnx": 2}}, "expected `bytes` and `sha256`"),
    ],
)
def test_a_manifest_at_odds_is_refused(own: Path, change: dict[str, Any], why: str) -> None:
    write_manifest(own, {**manifest(), **change})
    with pytest.raises(BundleError, match=why):
        Bundle.load(own)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"labels": LABELS[::-1]}, "manifest.json was altered: expected digest [0-9a-f]{64}, got [0-9a-f]{64}. Fetch"),
        ({"version": "\ud800"}, "manifest.json was altered"),
        ({"digest": "0" * 64}, "manifest.json was altered: expected digest 000"),
        ({"digest": 3}, "'digest'.*str, got int"),
        ({"digest": None}, "'digest'.*str, got nothing"),
    ],
)
def test_an_altered_manifest_is_refused(own: Path, change: dict[str, Any], why: str) -> None:
    content = json.loads((own / "manifest.json").read_text())
    (own / "manifest.json").write_text(json.dumps(content | change))
    with pytest.raises(BundleError, match=why):
        Bundle.load(own)


def test_the_form_of_a_manifest_is_free(own: Path) -> None:
    content = json.loads((own / "manifest.json").read_text())
    write_manifest(own, content | {"licence": "öäü", "digest": None})
    content = json.loads((own / "manifest.json").read_text())
    (own / "manifest.json").write_text(json.dumps(dict(reversed(content.items())), indent=3, ensure_ascii=False))
    assert Bundle.load(own).manifest["licence"] == "öäü"


@pytest.mark.parametrize("content", ["", "{", "[]", "[" * 100_000, "\xff"])
def test_a_manifest_that_is_no_json_object_is_refused(own: Path, content: str) -> None:
    (own / "manifest.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(BundleError, match=r"manifest\.json"):
        Bundle.load(own)


def test_rows_that_the_table_lacks_are_found(own: Path) -> None:
    write_manifest(own, {**manifest(), "features": {**FEATURES, "shape": FEATURES["shape"] + 1}})
    with pytest.raises(BundleError, match="doesn't run on a feature table of"):
        posmoe.load(own)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("rename", "an output 'arc_scores' of tensor.float., got none"),
        ("more tags", "expected tag_scores of .1, 2, 17.*got .1, 2, 12"),
        ("garbage", "refuses its graph"),
        ("outside", "refuses its graph"),
    ],
)
def test_a_graph_at_odds_is_refused(own: Path, change: str, why: str) -> None:
    graph = onnx.load(own / "model.onnx", load_external_data=False)
    if change == "rename":
        for node in graph.graph.node:
            node.output[:] = ["scores" if name == "arc_scores" else name for name in node.output]
            node.input[:] = ["scores" if name == "arc_scores" else name for name in node.input]
        output = next(value for value in graph.graph.output if value.name == "arc_scores")
        output.name = "scores"
    elif change == "more tags":
        node = next(node for node in graph.graph.node if "tag_scores" in node.output)
        node.op_type = "Identity"
        del node.input[1:]
        value = next(value for value in graph.graph.output if value.name == "tag_scores")
        value.type.tensor_type.shape.dim[2].dim_value = 12
    elif change == "outside":
        (own.parent / "weights.safetensors").write_bytes((own / "weights.safetensors").read_bytes())
        for tensor in graph.graph.initializer:
            for entry in tensor.external_data:
                if entry.key == "location":
                    entry.value = "../weights.safetensors"
    content = b"\xff\x00garbage" if change == "garbage" else graph.SerializeToString()
    (own / "model.onnx").write_bytes(content)
    write_manifest(own, manifest())
    for path in (own, zip_bundle(own, own.with_suffix(".posmoe"))):
        with pytest.raises(BundleError, match=why):
            posmoe.load(path)


def test_zips_that_point_out_of_themselves_are_refused(tmp_path: Path) -> None:
    for names in (["manifest.json", "../x"], ["manifest.json", "/x"], ["manifest.json", "a/b"]):
        with zipfile.ZipFile(tmp_path / "x.posmoe", "w") as archive:
            for name in names:
                archive.writestr(name, "{}")
        with pytest.raises(BundleError, match="no plain file name"):
            Bundle.load(tmp_path / "x.posmoe")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_twice_in_a_zip_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.posmoe", "w") as archive:
        archive.writestr("manifest.json", "{}")
        archive.writestr("manifest.json", "[]")
    with pytest.raises(BundleError, match="twice"):
        Bundle.load(tmp_path / "x.posmoe")


def test_a_zip_bomb_is_not_unpacked(own: Path, tmp_path: Path) -> None:
    (own / "weights.safetensors").write_bytes(bytes(5_000_000))
    with zipfile.ZipFile(tmp_path / "x.posmoe", "w", zipfile.ZIP_DEFLATED) as archive:
        for file in own.iterdir():
            archive.write(file, file.name)
    with pytest.raises(BundleError, match="altered"):
        Bundle.load(tmp_path / "x.posmoe")


def test_find_names_what_there_is(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find(tiny) == tiny
    assert find(str(tiny)) == tiny
    with pytest.raises(BundleError, match="no bundle at no/such/place"):
        find("no/such/place")
    with pytest.raises(BundleError, match="no bundle at"):
        find(tmp_path / "missing")
    with pytest.raises(BundleError, match="no model named 'xx-none' is installed"):
        find("xx-none")
    (tmp_path / "brings.py").write_text(f"def place():\n    return {str(tiny)!r}\nfails = 1 .real\n")
    info = tmp_path / "brings-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: brings\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[posmoe.models]\nxx-tiny = brings:place\nxx-fails = brings:nothing\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    assert find("xx-tiny") == tiny
    assert posmoe.load("xx-tiny").bundle.name == "tiny"
    with pytest.raises(BundleError, match=r"xx-fails.*brings:nothing.*failed"):
        find("xx-fails")
    with pytest.raises(BundleError, match=r"Installed models: .*xx-tiny"):
        find("xx-none")


def test_no_file_is_opened_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no whole zip"):
        Bundle.load(Path(__file__))
    with pytest.raises(BundleError, match="No such file"):
        Bundle.load(tmp_path / "none")
    folder = tiny_bundle(tmp_path / "x")
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").mkdir()
    with pytest.raises(BundleError, match="no regular file"):
        Bundle.load(folder)


def test_the_manifest_is_json_that_people_can_read(tiny: Path) -> None:
    assert json.loads((tiny / "manifest.json").read_text())["licence"] == "CC0-1.0"
