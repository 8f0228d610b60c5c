"""Post-training quantisation for tests: the tensors of a float network to those of its INT8 twin."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from tests.core import network_twin as twin
from tests.core.network_twin import Floats, Shape, Tensors

PROJECTIONS = ("arcs.dependent", "arcs.head", "arcs.head_bias", "arcs.hub", "label.dependent", "label.head")
EXPERTS = ("experts.gate", "experts.value")


def layers(t: Tensors) -> list[str]:
    """The linear layers that are quantised."""
    names = [name.removesuffix(".bias") for name in t if name.endswith(".bias")]
    return [*(name for name in names if name not in ("router.depthwise", "experts.bias", "label")), *EXPERTS]


def shared(name: str, trunk: bool) -> str:
    """What a layer's step is shared under: layers that read the same numbers share it."""
    if name in PROJECTIONS:
        return "projections"
    return "hidden" if name in EXPERTS or (name == "router.output" and not trunk) else name


def quantised(s: Shape, t: Tensors, sentences: Iterable[NDArray[np.int32]]) -> Tensors:
    """INT8 tensors of a float network, with steps by the largest inputs that the sentences (rows [n, 6]) give."""
    largest: dict[str, float] = {}

    def watch(name: str, x: Floats) -> None:
        group = shared(name, bool(s["trunk_dim"]))
        largest[group] = max(largest.get(group, 0.0), float(np.abs(x).max()))

    for features in sentences:
        twin.scores(s, t, features, watch)
    result = dict(t)
    for name in layers(t):
        weight = result.pop(name if name in EXPERTS else f"{name}.weight")
        if name in EXPERTS or weight.shape[1] == len(t[f"{name}.bias"]):
            weight = weight.T
        scale = np.maximum(np.abs(weight).max(1), 1e-9) / np.float32(127)
        step = np.array([largest[shared(name, bool(s["trunk_dim"]))] / 127], np.float32)
        result[f"{name}.codes"] = np.ascontiguousarray(np.rint(weight / scale[:, None]), np.int8)
        result[f"{name}.multiplier"] = (step * scale).astype(np.float32)
        result["experts.step" if name in EXPERTS else f"{name}.step"] = step
    return result
