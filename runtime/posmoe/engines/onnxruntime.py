"""The ONNX Runtime engine: CPU, any platform, the reference for the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..bundle import Bundle
from ..bundle_files import GRAPH, WEIGHTS
from ..errors import BundleError, EngineError
from . import Engine, Scores, arithmetic, expect_precision

INPUTS = {"features": "tensor(int32)", "lengths": "tensor(int64)"}
OUTPUTS = {
    "tag_scores": "tensor(float)",
    "arc_scores": "tensor(float)",
    "arc_heads": "tensor(int64)",
    "label_dependent": "tensor(float)",
    "label_head": "tensor(float)",
}
FEATURES = 6


class OnnxRuntimeEngine:
    """An inference session; runs are thread-safe and release the GIL."""

    name = "onnxruntime"

    def __init__(self, session: Any, version: str) -> None:
        self._session = session
        self.version = version

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """Run one batch; see `Engine.scores`."""
        try:
            outputs = self._session.run(list(OUTPUTS), {"features": features, "lengths": lengths})
        except Exception as error:  # ONNX Runtime raises classes of its own that share no public base
            shape = list(features.shape)
            raise EngineError(f"ONNX Runtime {self.version} failed on a batch of {shape}: {error}") from error
        return Scores(*outputs)


def load(bundle: Bundle, threads: int, precision: str = "auto") -> OnnxRuntimeEngine:
    """Open the bundle's graph and check it against the manifest."""
    expect_precision(bundle, "ONNX Runtime", precision, arithmetic(bundle))
    try:
        import onnxruntime
    except ImportError as error:
        raise EngineError(f"ONNX Runtime is installed but cannot be loaded: {error}") from error
    onnxruntime.set_default_logger_severity(4)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # lengths differ from batch to batch
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # products of dequantised weights stay float32: by default their inputs would be rounded to INT8
    options.add_session_config_entry("session.qdq_matmulnbits_accuracy_level", "1")
    if arithmetic(bundle).startswith("float8"):
        options.add_session_config_entry("session.disable_quant_qdq", "1")  # it has no fused FP8 on a CPU
    try:
        session = _session(onnxruntime, bundle, options)
    except Exception as error:
        raise BundleError(
            f"bundle {bundle.path}: ONNX Runtime {onnxruntime.__version__} refuses its graph: {error}"
        ) from error
    engine = OnnxRuntimeEngine(session, str(onnxruntime.__version__))
    _check_names(bundle, session)
    check_run(bundle, engine)
    return engine


def _session(onnxruntime: Any, bundle: Bundle, options: Any) -> Any:
    providers = ["CPUExecutionProvider"]
    if bundle.folder is not None:
        return onnxruntime.InferenceSession(str(bundle.folder / GRAPH), options, providers=providers)
    data = bytes(bundle.tensors.buffer)
    options.add_external_initializers_from_files_in_memory([WEIGHTS], [data], [len(data)])
    return onnxruntime.InferenceSession(bundle.graph, options, providers=providers)


def _check_names(bundle: Bundle, session: Any) -> None:
    """Names and types of the graph's inputs and outputs."""
    for kind, expected, found in (
        ("input", INPUTS, {value.name: value.type for value in session.get_inputs()}),
        ("output", OUTPUTS, {value.name: value.type for value in session.get_outputs()}),
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
    """Run the last row of the feature table through the network and check what comes out."""
    words, rank = 2, bundle.tensors.entries["label.weight"].shape[0]
    features = np.full((1, words, FEATURES), bundle.rows - 1, np.int32)
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
    arrays: list[NDArray[Any]] = list(scores)
    for (name, shape), output in zip(expected.items(), arrays, strict=True):
        if output.shape != shape:
            raise BundleError(
                f"bundle {bundle.path}: manifest and graph disagree: expected {name} of {list(shape)} "
                f"for a sentence of {words} words, got {list(output.shape)}."
            )
