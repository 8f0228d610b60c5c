"""FLOPs of a parser, layer by layer, from its configuration alone.

A multiply and an add count one each; every elementwise operation counts one, exp, tanh, square root
and division too; a table lookup counts the additions of the rows that it sums; choosing a maximum is a
comparison an element. Decoding the tree is not the network's and is listed apart.
"""

from posmoe_models.config import EXPERTS, FEATURES_PER_WORD, ParserConfig


def _linear(inputs: int, outputs: int) -> int:
    return 2 * inputs * outputs


def _norm(width: int) -> int:
    """Square, sum, scale and weigh each channel."""
    return 4 * width + 3


def _recurrence(channels: int) -> int:
    """Sigmoid, 1 − z, z x, a h and the sum."""
    return 5 * channels


def _convolution(channels: int) -> int:
    """Five taps, a sigmoid and its product."""
    return 12 * channels


def _mobius_bias(dim: int) -> int:
    """exp₀ (norm, tanh, scaling), ⊕ b (two inner products, two scalings, a sum, a division), log₀."""
    return (2 * dim + 4 + dim) + (2 * dim + 2 * dim + 10 + 4 * dim) + (2 * dim + 4 + dim)


def flops(config: ParserConfig, words: int = 20) -> dict[str, int]:
    """FLOPs by layer for a sentence of `words` words, and their sum under `total`.

    The root's vector is a parameter, so nothing is computed for it but its arc scores.
    """
    c = config
    width = c.trunk_dim or c.context_width
    expert_input = c.trunk_dim or c.router_dim
    context = _recurrence if c.context == "recurrence" else _convolution
    computed = c.gates == "computed"
    per_position = {
        "lookup": (FEATURES_PER_WORD - 1 + (3 if c.bigrams else 0)) * c.row_dim,
        "lexical_norm": _norm(c.lexical_dim),
        "context": context(2 * c.context_dim)
        + computed * _linear(c.lexical_dim, 2 * c.context_dim)
        + _norm(c.context_width),
        "mix": _linear(c.context_width, width) + 2 * width if c.trunk_dim else 0,
        "trunk": c.trunk_layers
        * (_norm(width) + _linear(width, 2 * width) + _linear(width, width) + _recurrence(width) + 6 * width),
        "router": (6 * width + width if c.router == "cnn" else 0)
        + _linear(width, c.router_dim)
        + 2 * c.router_dim
        + _linear(c.router_dim, EXPERTS)
        + EXPERTS * (4 + c.k),
        "experts": c.k
        * (
            2 * _linear(expert_input, c.expert_dim)
            + (_mobius_bias(c.expert_dim) if c.geometry == "hyperbolic" else c.expert_dim)
            + 5 * c.expert_dim
        ),
        "expert_context": context(2 * c.expert_context_dim)
        + computed * _linear(c.expert_dim, 2 * c.expert_context_dim)
        + _norm(c.word_dim),
        "arc_projections": 2 * _linear(c.word_dim, c.rank) + 2 * _linear(c.word_dim, 1),
        "label_projections": 2 * _linear(c.word_dim, c.label_rank),
    }
    # dot product, head bias and pair bias; of two tags a word, four biases and their weights
    pair = 2 * c.rank + (3 if c.pair_tags == 1 else 14) + (8 if c.similarity == "distance" else 0)
    if c.scorer == "biaffine":
        arcs = words * (_linear(c.rank, c.rank) + (words + 1) * pair)
    else:
        arcs = words * min(c.candidates, words + 1) * pair + words * min(words, c.hub_window)
    labels = words * (2 * c.label_rank + _linear(c.label_rank, c.labels) + 3 * c.labels)
    layers = {name: words * count for name, count in per_position.items()}
    layers |= {"arcs": arcs, "labels": labels}
    return layers | {"total": sum(layers.values())}
