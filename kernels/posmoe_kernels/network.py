"""A quantised parser as the inference kernels take it: its sizes, and its tensors on a device."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

FEATURES = 6
BUCKETS = 24
# channels of a word's projection: padded to this, the last stage reads them by column
PROJECTED = 64
LABELS = 64


class Shape(NamedTuple):
    """Sizes of a network, named as in a bundle's manifest."""

    rows: int
    tags: int
    labels: int
    lexical_dim: int
    context_dim: int
    router_dim: int
    expert_dim: int
    expert_context_dim: int
    k: int
    rank: int
    label_rank: int
    left: int
    right: int
    hubs: int
    hub_window: int

    @property
    def width(self) -> int:
        """Channels that the router reads."""
        return self.lexical_dim + 2 * self.context_dim

    @property
    def row(self) -> int:
        """Channels of a table row."""
        return self.width + 2 * self.expert_context_dim

    @property
    def word(self) -> int:
        """Channels that the scorers read."""
        return self.expert_dim + 2 * self.expert_context_dim

    @property
    def candidates(self) -> int:
        """Candidate heads a word: the root, neighbours, hubs."""
        return 1 + self.left + self.right + self.hubs

    def refusal(self) -> str | None:
        """Why the kernels can't compute such a network, or None."""
        known = {
            "twice context_dim to be lexical_dim": 2 * self.context_dim == self.lexical_dim <= 64,
            "twice expert_context_dim to be expert_dim": 2 * self.expert_context_dim == self.expert_dim == 32,
            "router_dim of 32": self.router_dim == 32,
            "k of 1 or 2": self.k in (1, 2),
            "rank of 16": self.rank == 16,
            "projections of at most 64 channels": 2 * self.rank + 2 * self.label_rank + 2 <= PROJECTED,
            "at most 64 relations and 32 tags": self.labels <= LABELS and self.tags <= 32,
            "hub_window of at most 128": self.hubs <= self.hub_window <= 128,
        }
        failed = [what for what, holds in known.items() if not holds]
        return f"expected {', '.join(failed)}" if failed else None


class Layer(NamedTuple):
    """A linear layer over codes: codes int8 [outputs, inputs], multiplier and bias float32 [outputs]."""

    codes: Tensor
    multiplier: Tensor
    bias: Tensor
    inverse_step: float


class Weights(NamedTuple):
    """The tensors of a network; float32 where nothing is said."""

    table: Tensor  # int8 [rows, row]
    scale: Tensor  # [rows]
    lexical_norm: Tensor
    context_norm: Tensor
    word_norm: Tensor
    depthwise: Tensor  # [4, width]: bias, previous, this, next
    pointwise: Layer
    output: Layer
    gate: Layer  # [tags · expert_dim, router_dim], without bias, as `value`
    value: Layer
    ball: Tensor  # [tags, expert_dim], the Möbius biases
    projections: Layer  # [PROJECTED, word]: dependent, head, label dependent, label head, head bias, hub
    root: Tensor  # [PROJECTED], the root's projection
    pair: Tensor  # [(tags + 1)², BUCKETS]
    label_weight: Tensor  # [label_rank, LABELS]
    label_pair: Tensor  # [(tags + 1)² · 2, LABELS], the bias added, −inf where a relation can't be


def inverse(step: np.ndarray[Any, Any]) -> float:
    """One over a step, rounded to float32 as the runtime does."""
    return float(np.float32(1) / np.float32(step.reshape(-1)[0]))


def weights(shape: Shape, tensors: Mapping[str, Any], root_label: int, device: torch.device | str) -> Weights:
    """A bundle's tensors, by name, laid out for the kernels.

    Args:
        tensors: arrays as docs/bundle.md names them.
        root_label: index of the relation `root`, or -1.
    """
    get = {name: np.array(value) for name, value in tensors.items()}

    def to(array: Any) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    def layer(name: str, step: str) -> Layer:
        sizes = get[f"{name}.multiplier"]
        biases = get.get(f"{name}.bias", np.zeros_like(sizes))
        return Layer(to(get[f"{name}.codes"]), to(sizes), to(biases), inverse(get[step]))

    (codes, multiplier, bias), root = _projections(shape, get)
    label_weight = np.zeros((shape.label_rank, LABELS), np.float32)
    label_weight[:, : shape.labels] = get["label.weight"]
    depthwise = np.concatenate([get["router.depthwise.bias"][None], get["router.depthwise.weight"][:, 0].T])
    return Weights(
        table=to(get["lexicon.codes"]),
        scale=to(get["lexicon.scale"]),
        lexical_norm=to(get["lexical_norm.weight"]),
        context_norm=to(get["context_norm.weight"]),
        word_norm=to(get["word_norm.weight"]),
        depthwise=to(depthwise),
        pointwise=layer("router.pointwise", "router.pointwise.step"),
        output=layer("router.output", "router.output.step"),
        gate=layer("experts.gate", "experts.step"),
        value=layer("experts.value", "experts.step"),
        ball=to(get["experts.bias.bias"]),
        projections=Layer(to(codes), to(multiplier), to(bias), inverse(get["arcs.dependent.step"])),
        root=to(root),
        pair=to(get["arcs.pair.table"].reshape(-1, BUCKETS)),
        label_weight=to(label_weight),
        label_pair=to(_label_pair(shape, get, root_label)),
    )


def _projections(s: Shape, get: Mapping[str, Any]) -> tuple[tuple[Any, Any, Any], Any]:
    """Codes, multipliers and biases of all projections side by side; and the root's projection."""
    codes = np.zeros((PROJECTED, s.word), np.int8)
    multiplier, bias = np.zeros(PROJECTED, np.float32), np.zeros(PROJECTED, np.float32)
    column = 0
    for name in ("arcs.dependent", "arcs.head", "label.dependent", "label.head", "arcs.head_bias", "arcs.hub"):
        factor = np.float32(s.rank**-0.5 if name == "arcs.dependent" else 1)
        end = column + len(get[f"{name}.bias"])
        codes[column:end] = get[f"{name}.codes"]
        multiplier[column:end] = get[f"{name}.multiplier"] * factor
        bias[column:end] = get[f"{name}.bias"] * factor
        column = end
    root = np.rint(get["root"] * np.float32(inverse(get["arcs.dependent.step"]))).clip(-127, 127).astype(np.int32)
    return (codes, multiplier, bias), (codes.astype(np.int32) @ root).astype(np.float32) * multiplier + bias


def _label_pair(s: Shape, get: Mapping[str, Any], root_label: int) -> Any:
    """Biases by pair of tags and direction; the relation `root` goes to the root's child and to no other word."""
    table = np.full(((s.tags + 1) ** 2 * 2, LABELS), -np.inf, np.float32)
    table[:, : s.labels] = get["label.bias"] + get["label.pair"]
    if root_label >= 0 and s.labels > 1:
        shaped = table.reshape(s.tags + 1, s.tags + 1, 2, LABELS)
        shaped[:, : s.tags, :, root_label] = -np.inf
        shaped[:, s.tags, :, np.arange(LABELS) != root_label] = -np.inf
    return table
