"""The native engine in the runtime: as ONNX Runtime on the packaged model, the same on all instruction sets."""

import json
import shutil
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.document import Document
from posmoe.engines import Compiled, Scores, choose, create
from posmoe.errors import BundleError, EngineError
from posmoe.network import Network
from tests.bundles import write_manifest
from tests.core.instruction_sets import SETS
from tests.paths import shared

Tensors = dict[str, NDArray[Any]]
Constants = dict[str, Any]
TEXT = (
    """I saw the man with a telescope. He waved, and didn't come back until 5 p.m. on Friday!
"Why?" she asked – nobody knew. The committee that the board of the company appointed last year has not met.

Prices: $5.30 (was $7.00)... Don't miss it :-) http://example.org/a?b=c
naïve façade – 東京 is large. ok
"""
    * 3
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The packaged model."""
    return Bundle.load(find())


def columns(document: Document) -> list[bytes]:
    """A document's columns as bytes."""
    arrays = document.arrays()
    return [arrays.upos.tobytes(), arrays.heads.tobytes(), arrays.deprels.tobytes()]


def test_auto_takes_it_and_numpy_is_enough(bundle: Bundle) -> None:
    choice = choose("auto", bundle)
    assert choice.name == "native"
    assert isinstance(create(bundle, choice), Compiled)
    assert posmoe.load().engine == choice


def scores_bytes(scores: Scores) -> list[bytes]:
    """All arrays as bytes."""
    return [array.tobytes() for array in scores if array is not None]


def against_onnxruntime(bundle: Bundle, features: NDArray[np.int32], offsets: NDArray[np.int64]) -> list[float]:
    """Shares of equal tags, heads and relations."""
    pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime")
    ours = Network(bundle, create(bundle, choose("native"))).columns(features, offsets)
    theirs = Network(bundle, create(bundle, choose("onnxruntime"))).columns(features, offsets)
    return [float((a == b).mean()) for a, b in zip(ours, theirs, strict=True)]


def test_it_agrees_with_onnx_runtime_on_text(bundle: Bundle) -> None:
    nlp = posmoe.load()
    words = nlp._words(posmoe.request.Request(text=TEXT))
    shares = against_onnxruntime(bundle, nlp._features(words), words.sentences.astype(np.int64))
    assert min(shares) >= 0.999


def dev_sentences() -> list[list[str]]:
    """The forms of the dev part of UD_English-EWT."""
    import lzma

    path = shared("data", "ewt", "dev.conllu.xz")
    sentences: list[list[str]] = []
    for block in lzma.decompress(path.read_bytes()).decode().split("\n\n"):
        rows = [line.split("\t") for line in block.splitlines() if line and not line.startswith("#")]
        if rows:
            sentences.append([row[1] for row in rows if row[0].isdigit()])
    return sentences


def test_it_agrees_with_onnx_runtime_on_the_dev_part(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    sentences = dev_sentences()
    nlp = posmoe.load()
    expected = columns(nlp.parse_tokens(sentences))
    for isa in SETS:
        monkeypatch.setenv("POSMOE_ISA", isa)
        assert columns(posmoe.load().parse_tokens(sentences)) == expected
    words = posmoe._core.Words.from_sentences(sentences)
    shares = against_onnxruntime(bundle, nlp._features(words), words.sentences.astype(np.int64))
    assert min(shares) >= 0.999


def test_every_instruction_set_gives_the_same_bits(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = columns(posmoe.load()(TEXT))
    features = np.random.default_rng(0).integers(0, bundle.rows, (3, 90, 6), dtype=np.int32)
    lengths = np.array([90, 1, 17], np.int64)
    scores = create(bundle, choose("native")).scores(features, lengths)
    for isa in SETS:
        monkeypatch.setenv("POSMOE_ISA", isa)
        engine = create(bundle, choose("native"))
        assert getattr(engine, "instruction_set", None) == isa
        found = engine.scores(features, lengths)
        assert scores_bytes(found) == scores_bytes(scores)
        assert columns(posmoe.load()(TEXT)) == expected


def test_threads_and_batches_change_nothing() -> None:
    nlp = posmoe.load()
    texts = [TEXT[i:] for i in range(0, 400, 20)]
    expected = [columns(nlp(text)) for text in texts]
    assert [columns(d) for d in nlp.pipe(texts, batch_size=7, threads=3)] == expected
    with ThreadPoolExecutor(4) as pool:
        assert [columns(d) for d in pool.map(nlp, texts)] == expected


def test_given_tags_are_kept_and_used() -> None:
    sentences, tags = [["Time", "flies", "."]], [["VERB", "NOUN", None]]
    pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime")
    documents = [posmoe.load(backend=name).parse_tokens(sentences, tags) for name in ("native", "onnxruntime")]
    assert [token.upos for token in documents[0][0]][:2] == ["VERB", "NOUN"]
    assert columns(documents[0]) == columns(documents[1])


def test_ranked_trees_begin_with_the_best() -> None:
    nlp = posmoe.load(backend="native")
    words = ["I", "saw", "the", "man", "with", "a", "telescope", "."]
    trees = nlp.k_best(words, 4)
    assert [token.head for token in nlp.parse_tokens([words])[0]] == list(trees[0].heads)
    assert len(trees) == 4


def test_a_folder_and_a_zip_parse_alike(tmp_path: Path) -> None:
    from tests.bundles import zip_bundle

    path = zip_bundle(find(), tmp_path / "edge.posmoe")
    assert columns(posmoe.load(path)(TEXT)) == columns(posmoe.load()(TEXT))


def altered(folder: Path, change: Callable[[Tensors, Constants], object]) -> Path:
    """The packaged bundle with other tensors and constants, and a manifest that fits them."""
    shutil.copytree(find(), folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    tensors = load_file(folder / "weights.safetensors")
    change(tensors, manifest["constants"])
    save_file(tensors, folder / "weights.safetensors")
    del manifest["files"]
    write_manifest(folder, manifest)
    return folder


def test_a_tensor_of_another_shape_is_refused(tmp_path: Path) -> None:
    def change(tensors: Tensors, constants: Constants) -> None:
        tensors["root"] = tensors["root"][1:].copy()

    path = altered(tmp_path / "altered", change)
    with pytest.raises(BundleError, match=r"expected tensor 'root' to be float32 \[64\], got float32 \[63\]"):
        posmoe.load(path, backend="native")


@pytest.mark.parametrize("value", [None, -1, 1.5, "2", True])
def test_a_constant_that_is_no_size_is_refused(tmp_path: Path, value: object) -> None:
    path = altered(tmp_path / "altered", lambda tensors, constants: constants.update(k=value))
    with pytest.raises(BundleError, match=r"expected the constant 'k' to be a size, got"):
        posmoe.load(path, backend="native")


@pytest.mark.parametrize(
    ("name", "value"),
    [("scorer", "biaffine"), ("similarity", "distance"), ("router", "mlp"), ("bigrams", 16), ("arithmetic", "fp8")],
)
def test_other_networks_are_left_to_onnx_runtime(tmp_path: Path, name: str, value: str | int) -> None:
    path = altered(tmp_path / "altered", lambda tensors, constants: constants.update({name: value}))
    with pytest.raises(EngineError, match=rf"{name} .*{value!r}\. Take backend='onnxruntime'"):
        posmoe.load(path, backend="native")
    pytest.importorskip("onnxruntime", reason="the engine that it is left to")
    choice = posmoe.load(path).engine
    assert choice.name == "onnxruntime"
    assert repr(value) in choice.reason


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers_are_refused(tmp_path: Path, value: float) -> None:
    def change(tensors: Tensors, constants: Constants) -> None:
        tensors["word_norm.weight"][1] = value

    path = altered(tmp_path / "altered", change)
    with pytest.raises(BundleError, match=r"expected tensor 'word_norm.weight' to hold finite numbers"):
        posmoe.load(path, backend="native")


def test_rows_that_the_table_lacks_are_an_engine_error(bundle: Bundle) -> None:
    engine = create(bundle, choose("native"))
    with pytest.raises(EngineError, match=r"failed on a batch of \[1, 1, 6\]: feature row"):
        engine.scores(np.full((1, 1, 6), bundle.rows, np.int32), np.array([1], np.int64))
    with pytest.raises(EngineError, match=r"the native engine failed: feature row"):
        Network(bundle, engine).columns(np.full((1, 6), bundle.rows, np.int32), np.array([0, 1]))


def test_an_unknown_instruction_set_is_an_engine_error(bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSMOE_ISA", "mmx")
    with pytest.raises(EngineError, match=r"\$POSMOE_ISA: expected one of .* got 'mmx'"):
        create(bundle, choose("native"))


def test_other_threads_run_while_a_text_is_parsed() -> None:
    nlp, ended, started = posmoe.load(), threading.Event(), threading.Event()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(60)  # the interpreter takes the lock from no thread that doesn't give it

    def parse() -> None:
        started.set()
        nlp(TEXT * 1500)
        ended.set()

    thread = threading.Thread(target=parse)
    try:
        thread.start()
        started.wait()
        meanwhile = not ended.is_set()
    finally:
        thread.join()
        sys.setswitchinterval(interval)
    assert meanwhile


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs the memory's size from /proc")
def test_a_stream_takes_the_same_memory_however_long_it_is() -> None:
    def size() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1])

    nlp = posmoe.load()
    sizes = []
    for number, document in enumerate(nlp.pipe(TEXT * (1 + at % 7) for at in range(2000))):
        document.to_conllu()
        if number % 250 == 249:
            sizes.append(size())
    assert max(sizes) - sizes[0] < 4_000  # KiB; all documents together would take ten times that
