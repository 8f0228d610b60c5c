"""The npm package gives what Python gives: the same bits from the network, the same trees from both engines."""

import json
import lzma
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.engines import choose, create
from posmoe.features import load_features
from tests.bundles import FEATURES, LABELS, TAGS, tiny_bundle, write_manifest
from tests.core import network_twin as twin
from tests.core.test_network import SHAPES
from tests.js.package import has, node
from tests.paths import ROOT, shared

pytestmark = pytest.mark.timeout(60, func_only=True)  # building the package, before the first test, takes longer

HARD = [
    "",
    " \n\t ",
    "I don't think so. He gave her 😀😀 a book – naïve façade, 東京 is large!",
    'Prices: $5.30 (was $7.00)... "Why?" she asked\n\nDon\'t miss it :-) http://example.org/a?b=c',
    "\ufeffe\u0301 \u200d👩‍👩‍👧 \ud83d He\udc00 waved\x00.",
    "word " * 3000,
    "a" * 20_000,
]
ENGINES: dict[str, dict[str, str]] = {
    "native": {},
    "native, plain": {"instructionSet": "plain"},
    "onnxruntime-node": {"engine": "onnxruntime", "ort": "onnxruntime-node"},
    "onnxruntime-web": {"engine": "onnxruntime", "ort": "onnxruntime-web"},
}


@pytest.fixture(scope="module")
def nlp() -> posmoe.Parser:
    """The packaged model."""
    return posmoe.load(backend="native")


@pytest.fixture(scope="module")
def dev() -> list[list[str]]:
    """The words of EWT's dev part."""
    text = lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode()
    rows = [[line.split("\t") for line in block.split("\n") if "\t" in line] for block in text.split("\n\n")]
    return [[row[1] for row in block if row[0].isdecimal()] for block in rows if block]


@pytest.fixture(scope="module")
def raw() -> str:
    """The text of EWT's dev part, a paragraph for every document's beginning, a line for every sentence."""
    text = lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode()
    return "\n".join(
        line.removeprefix("# text = ") if line.startswith("# text = ") else ""
        for line in text.split("\n")
        if line.startswith(("# text = ", "# newdoc"))
    )


@pytest.fixture(scope="module", params=ENGINES)
def results(
    request: pytest.FixtureRequest, raw: str, dev: list[list[str]], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What an engine makes of everything, in one process; skips where its package is not installed."""
    options = ENGINES[request.param]
    if "ort" in options and not has(options["ort"]):
        pytest.skip(f"needs {options['ort']}: run `npm ci --ignore-scripts` in js")
    asked = {"options": options, "texts": texts(raw), "sentences": dev, "kBest": 4, "ranked": short(dev)}
    return node("parse.mjs", asked, tmp_path_factory.mktemp("engine"))


def texts(raw: str) -> list[str]:
    """The dev part as one text, some of its paragraphs, and what is hard."""
    return [raw, *raw.split("\n\n")[:50], *HARD]


def short(dev: list[list[str]]) -> list[list[str]]:
    """Sentences for ranking."""
    return [sentence for sentence in dev if len(sentence) <= 25][:40]


def test_raw_text_gives_the_same_trees_on_all_of_dev(nlp: posmoe.Parser, raw: str, results: Path) -> None:
    found = json.loads((results / "texts.json").read_text(encoding="utf-8"))
    assert found == [document.to_conllu() for document in nlp.pipe(texts(raw))]


def test_given_words_give_the_same_trees_on_all_of_dev(nlp: posmoe.Parser, dev: list[list[str]], results: Path) -> None:
    assert (results / "sentences.conllu").read_text(encoding="utf-8") == nlp.parse_tokens(dev).to_conllu()


def test_ranked_trees(nlp: posmoe.Parser, dev: list[list[str]], results: Path) -> None:
    found = json.loads((results / "trees.json").read_text(encoding="utf-8"))
    for sentence, trees in zip(short(dev), found, strict=True):
        expected = nlp.k_best(sentence, 4)
        assert [tree["heads"] for tree in trees] == [tree.heads for tree in expected]
        assert [tree["deprels"] for tree in trees] == [tree.deprels for tree in expected]
        assert [tree["probability"] for tree in trees] == pytest.approx([t.probability for t in expected], rel=1e-3)


def test_json_is_pythons_with_offsets_of_utf16(nlp: posmoe.Parser, tmp_path: Path) -> None:
    sentences = [["I", "saw", "😀😀", "東京", "."], ["He", "😀", "waved", "!"]]
    out = node("parse.mjs", {"options": {}, "sentences": sentences}, tmp_path)
    expected = nlp.parse_tokens(sentences).to_dict()
    units = np.cumsum([0, *(1 + (ord(character) > 0xFFFF) for character in expected["text"])]).tolist()
    for sentence in expected["sentences"]:
        for part in (sentence, *sentence["tokens"], *sentence["multiwords"]):
            part["start"], part["end"] = units[part["start"]], units[part["end"]]
    assert json.loads((out / "sentences.json").read_text(encoding="utf-8")) == expected


def scores(bundle: Bundle, sentences: list[list[str]]) -> bytes:
    """The native engine's scores of sentences, one after another."""
    engine = create(bundle, choose("native"))
    features = load_features(bundle.manifest["features"], bundle.tensors.view("features.keys"))
    parts = []
    for sentence in sentences:
        ids = features.ids(sentence)
        result = engine.scores(ids[None], np.array([len(sentence)]))
        parts += [array.tobytes() for array in result if array is not None]
    return b"".join(parts)


@pytest.mark.parametrize("instruction_set", ["wasm", "plain"])
@pytest.mark.parametrize("model", ["en-edge", "en-base"])
def test_the_network_gives_the_same_bits(
    model: str, instruction_set: str, dev: list[list[str]], tmp_path: Path
) -> None:
    path = find() if model == "en-edge" else ROOT / "bundles" / "en-base" / "posmoe_en_base" / "bundle"
    sentences = dev if model == "en-edge" else dev[::20]
    request: dict[str, Any] = {"bundle": str(path), "instructionSet": instruction_set}
    out = node("parse.mjs", {"options": request, "sentences": sentences, "scores": True}, tmp_path)
    assert (out / "scores.bin").read_bytes() == scores(Bundle.load(path), sentences)


def float_bundle(path: Path, shape: dict[str, Any]) -> Path:
    """A bundle of random numbers whose network is in float32, of sizes that leave vectors half full."""
    rows = 2 + sum(size for name, size in FEATURES.items() if name != "version")
    changes = {"rows": rows, "tags": len(TAGS), "labels": len(LABELS), "root": LABELS.index("root"), **shape}
    sizes = twin.shape(**changes)
    constants = {name: value for name, value in sizes.items() if name not in ("rows", "tags", "labels", "root")}
    constants["router"] = "cnn" if constants.pop("cnn") else "linear"
    constants["geometry"] = "hyperbolic" if constants.pop("hyperbolic") else "euclidean"
    constants |= {"scorer": "linear", "similarity": "dot"}
    tiny_bundle(path)
    manifest = json.loads((path / "manifest.json").read_text())
    kept = {name: tensor for name, tensor in load_file(path / "weights.safetensors").items() if "." in name}
    save_file({**kept, **twin.tensors(sizes)}, path / "weights.safetensors")
    manifest.pop("files")
    write_manifest(path, {**manifest, "constants": constants})
    return path


@pytest.mark.parametrize("shape", ["edge-like", "a trunk of odd width", "euclidean, linear router", "ones"])
def test_networks_in_float32_give_the_same_bits(shape: str, tmp_path: Path) -> None:
    path = float_bundle(tmp_path / "bundle", SHAPES[shape])
    sentences = [["the"], ["I", "saw", "a", "dog", "."] * 7, ["dog"] * 97]
    expected = scores(Bundle.load(path), sentences)
    for instruction_set in ("wasm", "plain"):
        folder = tmp_path / instruction_set
        folder.mkdir()
        request = {"bundle": str(path), "instructionSet": instruction_set}
        out = node("parse.mjs", {"options": request, "sentences": sentences, "scores": True}, folder)
        assert (out / "scores.bin").read_bytes() == expected
