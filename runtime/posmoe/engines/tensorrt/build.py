"""From a graph to an engine's bytes: one optimisation profile for each range of lengths."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from ...errors import BundleError, EngineError
from ..onnxruntime import FEATURES, INPUTS, OUTPUTS
from .library import Library


class Profile(NamedTuple):
    """Batches that an engine is built for: up to so many sentences of up to so many words."""

    length: int
    batch: int


class Built(NamedTuple):
    """An engine's bytes, those of a timing cache where the library fills one, and its layers where asked for."""

    engine: bytes
    timings: bytes
    layers: tuple[str, ...]


# each holds about as much memory for a batch
PROFILES = (Profile(32, 512), Profile(128, 128), Profile(1024, 16))
_LAYER = re.compile(r"^Name: .*LayerType: .*$", re.MULTILINE)


def build(
    library: Library,
    graph: bytes,
    beside: Path,
    capability: tuple[int, int],
    profiles: tuple[Profile, ...] = PROFILES,
    *,
    timings: bytes = b"",
    inspect: bool = False,
) -> Built:
    """Build an engine for cards of one compute capability; TensorRT-RTX needs no card for it.

    Args:
        graph: an ONNX graph in bytes.
        beside: the file that it was, or would be; its external data lie in that folder.
        timings: timing cache of an earlier build.
        inspect: also give the engine's layers, a line each, as the library describes them.
    Raises:
        BundleError: the library refuses the graph.
        EngineError: it can't build it.
    """
    trt = library.module
    logger = _logger(trt)
    builder = trt.Builder(logger)
    if builder is None:
        raise EngineError(f"{library.title} can't start: {_failures(logger)}")
    # types are those of the graph's Q and DQ nodes; newer libraries know nothing else
    typed = trt.NetworkDefinitionCreationFlag.__members__.get("STRONGLY_TYPED")
    network = builder.create_network(0 if typed is None or library.ahead else 1 << int(typed))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse(graph, str(beside)):
        why = "; ".join(str(parser.get_error(index)) for index in range(parser.num_errors))
        raise BundleError(f"{library.title} {library.version} refuses the graph {beside}: {why}")
    _keep_scores(network, beside)
    config = builder.create_builder_config()
    config.clear_flag(trt.BuilderFlag.TF32)  # products of floats stay float32, as in the other engines
    if inspect:
        config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if library.ahead:
        config.num_compute_capabilities = 1
        name = f"SM{capability[0]}{capability[1]}"
        config.set_compute_capability(trt.ComputeCapability.__members__[name], 0)
    else:
        config.set_timing_cache(config.create_timing_cache(timings), False)
    for profile in profiles:
        _add(builder, config, profile)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise EngineError(f"{library.title} {library.version} can't build {beside}: {_failures(logger)}")
    filled = b"" if library.ahead else bytes(config.get_timing_cache().serialize())
    layers = tuple(line for _, text in logger.lines for line in _LAYER.findall(text)) if inspect else ()
    return Built(bytes(plan), filled, layers)


def _add(builder: Any, config: Any, profile: Profile) -> None:
    """One profile: from a sentence of one word to its bounds, tuned for a full batch."""
    full = (profile.batch, profile.length, FEATURES)
    shapes = builder.create_optimization_profile()
    shapes.set_shape("features", (1, 1, FEATURES), full, full)
    shapes.set_shape("lengths", (1,), (profile.batch,), (profile.batch,))
    config.add_optimization_profile(shapes)


def _keep_scores(network: Any, graph: Path) -> None:
    """Check inputs and outputs; outputs that the runtime doesn't read are not computed."""
    found = {network.get_input(index).name for index in range(network.num_inputs)}
    outputs = {network.get_output(index).name: network.get_output(index) for index in range(network.num_outputs)}
    if found != set(INPUTS) or not set(OUTPUTS) <= set(outputs):
        raise BundleError(
            f"{graph}: expected inputs {', '.join(INPUTS)} and outputs {', '.join(OUTPUTS)}, "
            f"got {', '.join(sorted(found))} and {', '.join(sorted(outputs))}."
        )
    for name, tensor in outputs.items():
        if name not in OUTPUTS:
            network.unmark_output(tensor)


def _logger(trt: Any) -> Any:
    """A logger of the library's own kind that keeps what it is told."""

    class Kept(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.lines: list[tuple[Any, str]] = []

        def log(self, severity: Any, message: str) -> None:
            self.lines.append((severity, message))

    return Kept()


def _failures(logger: Any) -> str:
    """The errors that a library has told."""
    told = [text for severity, text in logger.lines if severity.name in ("ERROR", "INTERNAL_ERROR")]
    return "; ".join(told)[:500] or "it doesn't say why"
