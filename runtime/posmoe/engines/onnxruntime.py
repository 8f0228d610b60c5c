"""The ONNX Runtime engine: CPU, any platform, the reference for the others; or its CUDA provider on an NVIDIA GPU."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle
from ..bundle_files import GRAPH, WEIGHTS
from ..errors import BundleError, EngineError
from . import DEVICE, Engine, Scores, arithmetic, expect_precision

INPUTS = {"features": "tensor(int32)", "lengths": "tensor(int64)"}
OUTPUTS = {
    "tag_scores": "tensor(float)",
    "arc_scores": "tensor(float)",
    "arc_heads": "tensor(int64)",
    "label_dependent": "tensor(float)",
    "label_head": "tensor(float)",
}
FEATURES = 6
# the same of a graph over an encoder's sub-words
SUBWORD_INPUTS = {"pieces": "tensor(int64)", "first": "tensor(int64)", "lengths": "tensor(int64)"}
SUBWORD_OUTPUTS = {
    "tag_scores": "tensor(float)",
    "arc_scores": "tensor(float)",
    "arc_heads": "tensor(int64)",
    "arc_labels": "tensor(int64)",
}
CPU, CUDA = "CPUExecutionProvider", "CUDAExecutionProvider"
# padded words of a batch that a GPU computes at once
CUDA_BUDGET = 16384


class OnnxRuntimeEngine:
    """An inference session; runs are thread-safe and release the GIL."""

    name = "onnxruntime"
    budget: int | None = None  # padded words of a batch, where it is not the usual one

    def __init__(self, session: Any, version: str) -> None:
        self._session = session
        self.version = version

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`."""
        return Scores(*self._run(OUTPUTS, {"features": features, "lengths": lengths}, features.shape))

    def _run(self, outputs: Iterable[str], inputs: dict[str, NDArray[Any]], shape: tuple[int, ...]) -> Any:
        try:
            return self._session.run(list(outputs), inputs)
        except Exception as error:  # ONNX Runtime raises classes of its own that share no public base
            raise EngineError(f"ONNX Runtime {self.version} failed on a batch of {list(shape)}: {error}") from error


class SubWordEngine(OnnxRuntimeEngine):
    """A graph over an encoder's sub-words: words are packed before, every candidate arc is named after."""

    def __init__(self, session: Any, version: str, spec: Mapping[str, int]) -> None:
        super().__init__(session, version)
        self._spec = spec

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`."""
        from ..subwords import pack

        pieces, first = pack(features, lengths, self._spec)
        inputs = {"pieces": pieces, "first": first, "lengths": lengths}
        tags, arcs, heads, labels = self._run(SUBWORD_OUTPUTS, inputs, features.shape)
        batch, time = features.shape[:2]
        none = np.zeros((batch, time + 1, 0), np.float32)
        return Scores(tags, arcs, heads, none[:, 1:], none, labels)


def load(bundle: Bundle, threads: int, precision: str = "auto") -> OnnxRuntimeEngine:
    """Open the bundle's graph and check it against the manifest."""
    expect_precision(bundle, "ONNX Runtime", precision, arithmetic(bundle))
    return _checked(bundle, _library(), _options(bundle, threads), [CPU])


def load_cuda(bundle: Bundle, threads: int, precision: str = "auto", graph: str = GRAPH) -> OnnxRuntimeEngine:
    """The same on a GPU: number $POSMOE_GPU of those that CUDA shows, or the first.

    Args:
        graph: a file of the bundle, another graph of the same network.
    Raises:
        EngineError: ONNX Runtime was built without CUDA, or there is no GPU that it can use.
    """
    expect_precision(bundle, "ONNX Runtime", precision, arithmetic(bundle))
    onnxruntime = _library()
    version, there = onnxruntime.__version__, onnxruntime.get_available_providers()
    if CUDA not in there:
        raise EngineError(
            f"ONNX Runtime {version} as it is installed has no CUDA provider, it has {', '.join(there)}. Replace it: "
            "pip uninstall onnxruntime, then pip install 'pos-moe-parser[onnx-gpu]'."
        )
    number = os.environ.get(DEVICE, "0")
    if not number.isdecimal():
        raise EngineError(f"${DEVICE}: expected the number of a GPU, got {number!r}.")
    if hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()  # CUDA's libraries from the packages that hold them
    # products stay float32; no search for the fastest convolution anew for every shape
    settings = {"device_id": number, "use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
    engine = _checked(bundle, onnxruntime, _options(bundle, threads), [(CUDA, settings), CPU], graph)
    engine.name = "onnxruntime-cuda"
    engine.budget = CUDA_BUDGET
    return engine


def _library() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"ONNX Runtime is installed but cannot be loaded: {error}") from error
    onnxruntime.set_default_logger_severity(4)
    return onnxruntime


def _options(bundle: Bundle, threads: int) -> Any:
    options = _library().SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # lengths differ from batch to batch
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # products of dequantised weights stay float32: by default their inputs would be rounded to INT8
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    if arithmetic(bundle).startswith("float8"):
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # it has no fused FP8 on a CPU
    return options


def _checked(
    bundle: Bundle, onnxruntime: Any, options: Any, providers: list[Any], graph: str = GRAPH
) -> OnnxRuntimeEngine:
    """A session of the bundle's graph that runs where it was asked to.

    Raises:
        BundleError: the library refuses the graph, or graph and manifest disagree.
        EngineError: the provider can't start: ONNX Runtime would go on with the next one and say nothing.
    """
    version = str(onnxruntime.__version__)
    try:
        session = _session(onnxruntime, bundle, options, providers, graph)
    except Exception as error:
        raise BundleError(f"bundle {bundle.path}: ONNX Runtime {version} refuses its graph: {error}") from error
    if len(providers) > 1 and CUDA not in session.get_providers():
        raise EngineError(
            f"ONNX Runtime {version} can't use a GPU here: there is none, or its driver or CUDA's libraries are "
            "missing or of another version. Take backend='native'."
        )
    engine = OnnxRuntimeEngine(session, version)
    if bundle.subwords:
        engine = SubWordEngine(session, version, bundle.manifest["features"])
    _check_names(bundle, session)
    check_run(bundle, engine)
    return engine


def _session(onnxruntime: Any, bundle: Bundle, options: Any, providers: list[Any], graph: str) -> Any:
    if bundle.folder is not None:
        return onnxruntime.InferenceSession(str(bundle.folder / graph), options, providers=providers)
    data = bytes(bundle.tensors.buffer)
    options.add_external_initializers_from_files_in_memory([WEIGHTS], [data], [len(data)])
    content = bundle.graph if graph == GRAPH else bundle.others[graph]
    return onnxruntime.InferenceSession(content, options, providers=providers)


def _check_names(bundle: Bundle, session: Any) -> None:
    """Names and types of the graph's inputs and outputs."""
    inputs, outputs = (SUBWORD_INPUTS, SUBWORD_OUTPUTS) if bundle.subwords else (INPUTS, OUTPUTS)
    for kind, expected, found in (
        ("input", inputs, {value.name: value.type for value in session.get_inputs()}),
        ("output", outputs, {value.name: value.type for value in session.get_outputs()}),
    ):
        for name, dtype in expected.items():
            if found.get(name) != dtype:
                raise BundleError(
                    f"bundle {bundle.path}: expected the graph to have an {kind} {name!r} of {dtype}, "
                    f"got {found.get(name, 'none')}."
                )
        if kind == "input" and len(found) != len(expected):
            raise BundleError(f"bundle {bundle.path}: the graph has inputs that the runtime doesn't know: {found}.")


def check_run(bundle: Bundle, engine: Engine) -> None:
    """Run the last row of the feature table, or the last sub-word, through the network and check what comes out."""
    words = 2
    rank = 0 if bundle.subwords else bundle.tensors.entries["label.weight"].shape[0]
    width = 1 if bundle.subwords else FEATURES
    features = np.full((1, words, width), bundle.rows - 1, np.int32)
    try:
        scores = engine.scores(features, np.array([words], np.int64))
    except EngineError as error:
        raise BundleError(
            f"bundle {bundle.path}: the graph doesn't run on a feature table of {bundle.rows} rows: {error}"
        ) from error
    candidates = scores.arcs.shape[-1]
    expected = {
        "tag_scores": (1, words, len(bundle.tags)),
        "arc_scores": (1, words, candidates),
        "arc_heads": (1, words, candidates),
        "label_dependent": (1, words, rank),
        "label_head": (1, words + 1, rank),
    }
    if bundle.subwords:
        expected["arc_labels"] = (1, words, candidates)
    arrays = [part for part in scores if part is not None]
    for (name, shape), output in zip(expected.items(), arrays, strict=True):
        if output.shape != shape:
            raise BundleError(
                f"bundle {bundle.path}: manifest and graph disagree: expected {name} of {list(shape)} "
                f"for a sentence of {words} words, got {list(output.shape)}."
            )
