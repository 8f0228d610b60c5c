"""Choosing an engine, and ONNX Runtime's scores."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from posmoe.bundle import Bundle
from posmoe.engines import DEVICE, Choice, choose, create
from posmoe.errors import EngineError, MissingExtraError
from tests.bundles import CANDIDATES, LABEL_RANK, TAGS


def test_auto_says_what_it_took_and_why(tiny: Path) -> None:
    choice = choose()
    assert choice.name == "native"
    assert choice.reason == "auto: the first that serves"
    other = choose("auto", Bundle.load(tiny))
    assert other.name == "onnxruntime"
    assert (
        "native can't run this bundle (it computes networks with similarity dot, the bundle has none)" in other.reason
    )
    assert choose("onnxruntime") == Choice("onnxruntime", "it was asked for")


def test_an_unknown_engine_is_refused_with_the_names() -> None:
    with pytest.raises(EngineError, match=r"onnxruntime-cuda, tensorrt, triton, torch, got 'cuda'"):
        choose("cuda")


@pytest.mark.skipif("CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="there is a CUDA provider")
def test_a_build_of_onnx_runtime_without_cuda_names_the_one_with_it(tiny: Path) -> None:
    with pytest.raises(
        EngineError, match=r"no CUDA provider, it has .*CPUExecutionProvider. .*pos-moe-parser\[onnx-gpu"
    ):
        create(Bundle.load(tiny), choose("onnxruntime-cuda"))


@pytest.mark.parametrize(
    ("number", "message"), [("first", "the number of a GPU, got 'first'"), ("0", "can't use a GPU")]
)
def test_a_cuda_provider_without_a_gpu_is_no_slow_cpu(
    number: str, message: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEVICE, number)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider"])
    session = onnxruntime.InferenceSession

    def on_the_cpu(*given: Any, providers: list[Any]) -> Any:
        assert providers[0][0] == "CUDAExecutionProvider"
        return session(*given, providers=providers[-1:])  # as ONNX Runtime does, which tells its log alone

    monkeypatch.setattr(onnxruntime, "InferenceSession", on_the_cpu)
    with pytest.raises(EngineError, match=message):
        create(Bundle.load(tiny), choose("onnxruntime-cuda"))


@pytest.mark.parametrize("name", ["auto", "onnxruntime"])
def test_a_missing_package_names_the_line_that_installs_it(
    name: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pos-moe-parser\[onnx\]'") as caught:
        choose(name, Bundle.load(tiny))
    assert isinstance(caught.value, ImportError)
    assert isinstance(caught.value, RuntimeError)


def test_scores_do_not_depend_on_padding_or_neighbours(tiny: Path) -> None:
    bundle = Bundle.load(tiny)
    engine = create(bundle, choose("onnxruntime"))
    rng = np.random.default_rng(1)
    lengths = np.array([1, 5, 13], np.int64)
    features = rng.integers(2, bundle.rows, (3, 13, 6), dtype=np.int32)
    for row, length in enumerate(lengths):
        features[row, length:] = 0
    together = engine.scores(features, lengths)
    assert together.tags.shape == (3, 13, len(TAGS))
    assert together.heads.shape == together.arcs.shape == (3, 13, CANDIDATES)
    assert together.label_heads.shape == (3, 14, LABEL_RANK)
    for row, length in enumerate(lengths):
        alone = engine.scores(features[row : row + 1, :length], lengths[row : row + 1])
        np.testing.assert_array_equal(alone.heads[0], together.heads[row, :length])
        np.testing.assert_allclose(alone.tags[0], together.tags[row, :length], atol=1e-5)
        np.testing.assert_allclose(alone.arcs[0], together.arcs[row, :length], atol=1e-5)
        np.testing.assert_allclose(alone.label_heads[0], together.label_heads[row, : length + 1], atol=1e-5)


def test_a_failing_run_is_an_engine_error(tiny: Path) -> None:
    bundle = Bundle.load(tiny)
    engine = create(bundle, choose("onnxruntime"), threads=2)
    with pytest.raises(EngineError, match=r"failed on a batch of \[1, 1, 6\]"):
        engine.scores(np.full((1, 1, 6), bundle.rows, np.int32), np.array([1], np.int64))
