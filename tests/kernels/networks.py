"""A small network with random weights, of the sizes that the inference kernels take."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from posmoe_kernels.network import Shape, Weights, weights

SHAPE = Shape(
    rows=60, tags=17, labels=9, lexical_dim=20, context_dim=10, router_dim=32, expert_dim=32, expert_context_dim=16,
    k=2, rank=16, label_rank=5, left=3, right=2, hubs=4, hub_window=11,
)  # fmt: skip


def tensors(s: Shape = SHAPE, seed: int = 0) -> dict[str, Any]:
    """Random tensors as a bundle names them."""
    rng = np.random.default_rng(seed)
    all_ = s.tags * s.expert_dim
    layers = {
        "router.pointwise": (s.width, s.router_dim), "router.output": (s.router_dim, s.tags),
        "experts.gate": (s.router_dim, all_), "experts.value": (s.router_dim, all_),
        "arcs.dependent": (s.word, s.rank), "arcs.head": (s.word, s.rank), "arcs.head_bias": (s.word, 1),
        "arcs.hub": (s.word, 1), "label.dependent": (s.word, s.label_rank), "label.head": (s.word, s.label_rank),
    }  # fmt: skip
    result: dict[str, Any] = {
        "lexicon.codes": rng.integers(-127, 128, (s.rows, s.row), dtype=np.int8),
        "lexicon.scale": rng.uniform(0.002, 0.02, s.rows),
        "lexical_norm.weight": rng.uniform(0.5, 1.5, s.lexical_dim),
        "context_norm.weight": rng.uniform(0.5, 1.5, s.width),
        "word_norm.weight": rng.uniform(0.5, 1.5, s.word),
        "router.depthwise.weight": rng.standard_normal((s.width, 1, 3)),
        "router.depthwise.bias": rng.standard_normal(s.width),
        "experts.bias.bias": rng.standard_normal((s.tags, s.expert_dim)) * 0.3,
        "experts.step": np.array([0.02]),
        "root": rng.standard_normal(s.word),
        "arcs.pair.table": rng.standard_normal((s.tags + 1) ** 2 * 24),
        "label.weight": rng.standard_normal((s.label_rank, s.labels)),
        "label.bias": rng.standard_normal(s.labels),
        "label.pair": rng.standard_normal((2 * (s.tags + 1) ** 2, s.labels)),
    }
    for name, (inputs, outputs) in layers.items():
        result[f"{name}.codes"] = rng.integers(-127, 128, (outputs, inputs), dtype=np.int8)
        result[f"{name}.multiplier"] = rng.uniform(0.5, 1.5, outputs) * 0.02 / 73 / inputs**0.5
        result[f"{name}.step"] = np.array([0.02])
        result[f"{name}.bias"] = rng.standard_normal(outputs) * 0.1
    del result["experts.gate.bias"], result["experts.value.bias"]
    return {name: value if value.dtype == np.int8 else value.astype(np.float32) for name, value in result.items()}


def network(device: str, s: Shape = SHAPE, root_label: int = 4, seed: int = 0) -> Weights:
    """The same on a device."""
    return weights(s, tensors(s, seed), root_label, device)


def batch(*lengths: int, rows: int = SHAPE.rows, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Identifiers int32 [n, 6] and offsets int32 [S + 1] of sentences of these lengths."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, rows, (sum(lengths), 6), dtype=np.int32)
    return torch.from_numpy(ids), torch.tensor([0, *np.cumsum(lengths)], dtype=torch.int32)
