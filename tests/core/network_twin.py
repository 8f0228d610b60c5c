"""The network in plain NumPy and double precision: what runtime/core/network.h promises, one sentence at a time."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Shape = dict[str, Any]
Tensors = dict[str, NDArray[Any]]
TAGS, BUCKETS = 17, 24
erf: Callable[[Any], Any] = np.vectorize(math.erf, otypes=[float])


def shape(**changes: Any) -> Shape:
    """Sizes of a small network; `changes` replace some."""
    base: Shape = {
        "rows": 60, "tags": TAGS, "labels": 9, "root": 4, "cnn": True, "hyperbolic": True, "lexical_dim": 20,
        "context_dim": 7, "trunk_dim": 0, "trunk_layers": 0, "router_dim": 13, "experts": TAGS, "expert_dim": 19,
        "k": 2, "expert_context_dim": 5, "rank": 6, "left": 3, "right": 2, "hubs": 4, "hub_window": 11, "label_rank": 5,
    }  # fmt: skip
    return base | changes


def tensors(s: Shape, seed: int = 0) -> Tensors:
    """Random weights of a network's sizes, as a bundle names them."""
    rng = np.random.default_rng(seed)
    context = s["lexical_dim"] + 2 * s["context_dim"]
    row = context + 2 * s["expert_context_dim"]
    width, word = s["trunk_dim"] or context, s["expert_dim"] + 2 * s["expert_context_dim"]
    inner = s["trunk_dim"] or s["router_dim"]
    result: dict[str, Any] = {
        "lexicon.codes": rng.integers(-127, 128, (s["rows"], row), dtype=np.int8),
        "lexicon.scale": rng.uniform(0.002, 0.02, s["rows"]),
        "lexical_norm.weight": rng.uniform(0.5, 1.5, s["lexical_dim"]),
        "context_norm.weight": rng.uniform(0.5, 1.5, context),
        "word_norm.weight": rng.uniform(0.5, 1.5, word),
        "experts.gate": rng.standard_normal((inner, s["experts"] * s["expert_dim"])) / math.sqrt(inner),
        "experts.value": rng.standard_normal((inner, s["experts"] * s["expert_dim"])) / math.sqrt(inner),
        "experts.bias.bias": rng.standard_normal((s["experts"], s["expert_dim"])) * 0.3,
        "root": rng.standard_normal(word),
        "arcs.pair.table": rng.standard_normal((TAGS + 1) ** 2 * BUCKETS),
        "label.weight": rng.standard_normal((s["label_rank"], s["labels"])),
        "label.bias": rng.standard_normal(s["labels"]),
        "label.pair": rng.standard_normal((2 * (TAGS + 1) ** 2, s["labels"])),
    }
    linear = {
        "router.pointwise": (width, s["router_dim"]),
        "router.output": (s["router_dim"], TAGS),
        "arcs.dependent": (word, s["rank"]),
        "arcs.head": (word, s["rank"]),
        "arcs.head_bias": (word, 1),
        "arcs.hub": (word, 1),
        "label.dependent": (word, s["label_rank"]),
        "label.head": (word, s["label_rank"]),
    }
    if s["trunk_dim"]:
        linear["mix"] = (context, width)
    for layer in range(s["trunk_layers"]):
        result[f"trunk.{layer}.norm.weight"] = rng.uniform(0.5, 1.5, width)
        linear[f"trunk.{layer}.input"] = (width, 2 * width)
        linear[f"trunk.{layer}.output"] = (width, width)
    if s["cnn"]:
        result["router.depthwise.weight"] = rng.standard_normal((width, 1, 3))
        result["router.depthwise.bias"] = rng.standard_normal(width)
    for name, (inputs, outputs) in linear.items():
        weight = rng.standard_normal((inputs, outputs)) / math.sqrt(inputs)
        result[f"{name}.weight"] = weight if outputs > 1 else np.ascontiguousarray(weight.T)
        result[f"{name}.bias"] = rng.standard_normal(outputs) * 0.1
    return {name: array if array.dtype == np.int8 else array.astype(np.float32) for name, array in result.items()}


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e^-x)."""
    return np.asarray(1 / (1 + np.exp(-x)))


def gelu(x: Floats) -> Floats:
    """By the error function."""
    return np.asarray(0.5 * x * (1 + erf(x / math.sqrt(2))))


def rms_norm(x: Floats, weight: NDArray[Any]) -> Floats:
    """x over its root mean square, times a weight."""
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * weight)


def recurrence(x: Floats, z: Floats, backward: bool = False) -> Floats:
    """h = (1 - z) h + z x along the words."""
    out, state = np.empty_like(x), np.zeros(x.shape[1])
    for i in range(len(x))[:: -1 if backward else 1]:
        state = (1 - z[i]) * state + z[i] * x[i]
        out[i] = state
    return out


def context(x: Floats, backward: Floats, gates: Floats) -> Floats:
    """Both directions side by side; gates are logits."""
    z, width = sigmoid(gates), x.shape[1]
    return np.concatenate([recurrence(x, z[:, :width]), recurrence(backward, z[:, width:], True)], 1)


def convolve(x: Floats, weights: Floats) -> Floats:
    """Depthwise, weights [4, width]: bias, before, here, behind."""
    ends = np.pad(x, ((1, 1), (0, 0)))
    return np.asarray(weights[0] + weights[1] * ends[:-2] + weights[2] * x + weights[3] * ends[2:])


def mobius_bias(v: Floats, bias: Floats, c: float) -> Floats:
    """log0(exp0(v) + b) on the Poincaré ball of curvature -c, by the textbook."""
    rim = 1 - 4e-3

    def norm(x: Floats) -> Floats:
        return np.asarray(np.sqrt(np.maximum((x * x).sum(-1, keepdims=True), 1e-12)) * math.sqrt(c))

    x = v * np.minimum(np.tanh(norm(v)), rim) / norm(v)
    xy, x2, y2 = (x * bias).sum(-1, keepdims=True), (x * x).sum(-1, keepdims=True), (bias * bias).sum()
    y = ((1 + 2 * c * xy + c * y2) * x + (1 - c * x2) * bias) / (1 + 2 * c * xy + c * c * x2 * y2)
    return np.asarray(y * np.arctanh(np.minimum(norm(y), rim)) / norm(y))


def route(logits: Floats, experts: int, k: int) -> tuple[Floats, NDArray[np.int64]]:
    """Weights and indices of the k likeliest experts."""
    p = np.exp(logits - logits.max(-1, keepdims=True))
    folded = p[:, :experts].copy()
    for tag in range(experts, min(2 * experts, p.shape[1])):
        folded[:, tag - experts] += p[:, tag]
    index = np.argsort(-folded, axis=1, kind="stable")[:, :k]
    weight = np.take_along_axis(folded, index, 1)
    return weight / weight.sum(1, keepdims=True), index


def bucket(distance: int) -> int:
    """Of the distance between a word and its head, whatever the direction."""
    return min(distance, 6) + sum(distance >= edge for edge in (7, 10, 15, 21, 31))


def encode(x: Floats, step: NDArray[np.float32]) -> NDArray[np.int64]:
    """Codes of numbers, as a quantised layer reads them."""
    scaled: NDArray[np.float32] = x.astype(np.float32) * (np.float32(1) / step)
    return np.asarray(np.rint(scaled).clip(-127, 127), np.int64)


def product(t: Tensors, name: str, x: Floats, part: slice = slice(None)) -> Floats:
    """A layer's outputs, or a part of them, without the bias; quantised where the tensors hold codes."""
    if f"{name}.codes" in t:
        sums = encode(x, t[f"{'experts' if name.startswith('experts.') else name}.step"]) @ t[f"{name}.codes"][part].T
        return np.asarray(sums * t[f"{name}.multiplier"][part].astype(float))
    weight = t[name if name.startswith("experts.") else f"{name}.weight"]
    return np.asarray(x @ (weight if weight.shape[0] == x.shape[-1] else weight.T).astype(float)[:, part])


def scores(
    s: Shape, t: Tensors, features: NDArray[np.int32], watch: Callable[[str, Floats], None] | None = None
) -> tuple[Floats, Floats, NDArray[np.int64], Floats, Floats]:
    """One sentence's outputs of the graph, from feature rows [n, 6]; `watch` is told of every layer and its input."""

    def multiply(name: str, x: Floats, part: slice = slice(None)) -> Floats:
        if watch is not None:
            watch(name, x)
        return product(t, name, x, part)

    def linear(name: str, x: Floats) -> Floats:
        return np.asarray(multiply(name, x) + t[f"{name}.bias"])

    rows = (t["lexicon.codes"][features] * t["lexicon.scale"].astype(float)[features][..., None]).sum(1)
    lexical, gates, expert_gates = np.split(rows, [s["lexical_dim"], s["lexical_dim"] + 2 * s["context_dim"]], 1)
    lexical, g = rms_norm(lexical, t["lexical_norm.weight"]), s["context_dim"]
    x = np.concatenate([lexical, context(lexical[:, :g], lexical[:, -g:], gates)], 1)
    x = rms_norm(x, t["context_norm.weight"])
    if s["trunk_dim"]:
        x = gelu(linear("mix", x))
    for layer in range(s["trunk_layers"]):
        inner = linear(f"trunk.{layer}.input", rms_norm(x, t[f"trunk.{layer}.norm.weight"]))
        values, inner_gates = np.split(inner, 2, 1)
        half = (values.shape[1] + 1) // 2
        x = x + linear(f"trunk.{layer}.output", gelu(context(values[:, :half], values[:, half:], inner_gates)))
    seen = x
    if s["cnn"]:
        depthwise = t["router.depthwise.weight"][:, 0].T
        seen = convolve(x, np.concatenate([t["router.depthwise.bias"][None], depthwise]).astype(float))
    hidden = gelu(linear("router.pointwise", seen))
    logits = linear("router.output", hidden)
    tags = logits.argmax(1)
    weight, index = route(logits, s["experts"], s["k"])
    source, out = x if s["trunk_dim"] else hidden, s["expert_dim"]
    mixed = np.zeros((len(x), out))
    for i, (weights, chosen) in enumerate(zip(weight, index, strict=True)):
        for w, e in zip(weights, chosen, strict=True):
            part, bias = slice(e * out, (e + 1) * out), t["experts.bias.bias"][e].astype(float)
            gate, value = multiply("experts.gate", source[i], part), multiply("experts.value", source[i], part)
            moved = mobius_bias(value, bias, 1 / out) if s["hyperbolic"] else value + bias
            mixed[i] += w * gate * sigmoid(gate) * moved
    g = s["expert_context_dim"]
    words = np.concatenate([mixed, context(mixed[:, :g], mixed[:, -g:], expert_gates)], 1)
    words = rms_norm(words, t["word_norm.weight"])
    with_root = np.concatenate([t["root"][None].astype(float), words])
    arcs, heads = _arcs(s, t, linear, with_root, tags)
    return logits, arcs, heads, linear("label.dependent", words), linear("label.head", with_root)


def _arcs(
    s: Shape, t: Tensors, linear: Callable[[str, Floats], Floats], words: Floats, tags: NDArray[np.int64]
) -> tuple[Floats, NDArray[np.int64]]:
    """Candidates and their scores; `words` has the root first."""
    n = len(words) - 1
    dependent, head = linear("arcs.dependent", words[1:]), linear("arcs.head", words)
    head_bias, hub = linear("arcs.head_bias", words)[:, 0], linear("arcs.hub", words[1:])[:, 0]
    pair = t["arcs.pair.table"].reshape(TAGS + 1, TAGS + 1, BUCKETS)
    heads = np.full((n, 1 + s["left"] + s["right"] + s["hubs"]), -1, np.int64)
    scores = np.full(heads.shape, -1e9)
    near = [*range(-s["left"], 0), *range(1, s["right"] + 1)]
    for i in range(1, n + 1):
        begin = (i - 1) // s["hub_window"] * s["hub_window"]
        window = hub[begin : begin + s["hub_window"]]
        hubs = (np.argsort(-window, kind="stable")[: s["hubs"]] + begin + 1).tolist()
        hubs = [h if h - i < -s["left"] or h - i > s["right"] else -1 for h in hubs]
        own = [0, *(i + step if 1 <= i + step <= n else -1 for step in near), *hubs]
        for c, h in enumerate(own):
            if h >= 0:
                heads[i - 1, c] = h
                place = bucket(abs(h - i)) + 12 * (h > i)
                bias = head_bias[h] + pair[tags[i - 1], tags[h - 1] if h else TAGS, place]
                scores[i - 1, c] = dependent[i - 1] @ head[h] / math.sqrt(s["rank"]) + bias
    return scores, heads


def labels(
    s: Shape, t: Tensors, dependent: Floats, label_head: Floats, tags: NDArray[Any], heads: NDArray[Any]
) -> list[int]:
    """Relations of words to their heads; `root` goes to the root's child alone."""
    result = []
    for i, h in enumerate(heads.tolist()):
        pair = (tags[i] * (TAGS + 1) + (tags[h - 1] if h else TAGS)) * 2 + (h > i + 1)
        total = (
            np.maximum(dependent[i] + label_head[h], 0) @ t["label.weight"] + t["label.bias"] + t["label.pair"][pair]
        )
        allowed = (np.arange(s["labels"]) == s["root"]) == (h == 0)
        result.append(int(np.where(allowed, total, -np.inf).argmax()))
    return result
