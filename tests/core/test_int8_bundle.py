"""A bundle in INT8, made of the float one without training: almost its trees, on every instruction set the same."""

import lzma
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.engines import choose, create
from posmoe.errors import EngineError
from tests.core.instruction_sets import SETS
from tests.core.int8_twin import quantised_bundle
from tests.paths import shared


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle, calibrated on training text."""
    plain = posmoe.load(Bundle.load(find(None)).path, backend="native")
    if plain.bundle.manifest["constants"].get("arithmetic", "float32") != "float32":
        pytest.skip("the model of the package is quantised already")
    words = plain._tokenizer(" ".join(texts("train")[:80]))
    features = plain._features(words)
    sentences = np.split(features, words.sentences[1:-1].astype(int))
    return quantised_bundle(plain.bundle, sentences, tmp_path_factory.mktemp("int8") / "bundle")


def texts(part: str) -> list[str]:
    """Sentences of the treebank, as raw text."""
    lines = lzma.decompress(shared("data", "ewt", f"{part}.conllu.xz").read_bytes()).decode().splitlines()
    return [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]


def columns(path: Path | None, chosen: list[str]) -> list[NDArray[np.int32]]:
    """Tags, heads and relations of all words."""
    documents = [document.arrays() for document in posmoe.load(path, backend="native").pipe(chosen)]
    return [np.concatenate([getattr(one, name) for one in documents]) for name in ("upos", "heads", "deprels")]


def test_every_instruction_set_gives_the_same_trees(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = []
    for name in SETS:
        monkeypatch.setenv("POSMOE_ISA", name)
        results.append(columns(folder, texts("dev")[:400]))
    for result in results[1:]:
        for one, expected in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(one, expected)


def test_rounding_changes_few_words(folder: Path) -> None:
    chosen = texts("dev")[:400]
    for one, plain in zip(columns(folder, chosen), columns(None, chosen), strict=True):
        assert (one == plain).mean() > 0.95


def test_an_unknown_arithmetic_is_refused(folder: Path) -> None:
    bundle = Bundle.load(folder)
    bundle.manifest["constants"]["arithmetic"] = "fp8"
    with pytest.raises(EngineError, match="with arithmetic float32 or int8, the bundle has 'fp8'"):
        create(bundle, choose("native"))
