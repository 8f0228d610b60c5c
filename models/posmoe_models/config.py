"""What a parser is made of: sizes of its tables and layers."""

from dataclasses import dataclass, field
from typing import Literal

EXPERTS = 17
ROOT_TAG = EXPERTS
FEATURES_PER_WORD = 6


@dataclass(frozen=True)
class FeatureConfig:
    """Rows of the hashed lexical table by feature; docs/features.md specifies the identifiers."""

    words: int = 24_000
    remainder: int = 2_048
    suffix2: int = 768
    suffix3: int = 4_096
    suffix4: int = 8_192
    prefix3: int = 4_096
    shape: int = 1_024
    version: int = 1

    @property
    def rows(self) -> int:
        """All rows, with the two that come first: padding and dropped word."""
        hashed = self.remainder + self.suffix2 + self.suffix3 + self.suffix4 + self.prefix3 + self.shape
        return 2 + self.words + hashed


@dataclass(frozen=True)
class ParserConfig:
    """Sizes and choices of one parser; the defaults are the edge model of the design.

    Choices that docs/ablations.md compares and no engine but ONNX Runtime computes: `bigrams` (rows of a table for
    pairs of words), `context` (what carries context: gated recurrences, or gated convolutions), `gates` (rows of the
    table, or computed from the word's vector), `pair_tags` (how many likeliest tags of both words the pair bias sums).
    """

    labels: int = 51
    features: FeatureConfig = field(default_factory=FeatureConfig)
    lexical_dim: int = 48
    bigrams: int = 0
    context: Literal["recurrence", "convolution"] = "recurrence"
    gates: Literal["table", "computed"] = "table"
    context_dim: int = 24
    trunk_dim: int = 0
    trunk_layers: int = 0
    router: Literal["cnn", "linear"] = "cnn"
    router_dim: int = 32
    experts: int = EXPERTS
    expert_dim: int = 32
    k: int = 2
    geometry: Literal["hyperbolic", "euclidean"] = "hyperbolic"
    expert_context_dim: int = 16
    scorer: Literal["linear", "biaffine"] = "linear"
    similarity: Literal["dot", "distance"] = "dot"
    pair_tags: Literal[1, 2] = 1
    rank: int = 16
    left: int = 5
    right: int = 4
    hubs: int = 6
    hub_window: int = 80
    label_rank: int = 8
    dropout: float = 0.1

    def __post_init__(self) -> None:
        if not 1 <= self.k <= self.experts <= EXPERTS:
            raise ValueError(f"expected 1 ≤ k ≤ experts ≤ {EXPERTS}, got k = {self.k}, experts = {self.experts}")
        if self.trunk_layers and not self.trunk_dim:
            raise ValueError("trunk_layers needs trunk_dim > 0")
        if self.lexical_dim < self.context_dim or self.expert_dim < self.expert_context_dim:
            raise ValueError("a recurrence reads no more channels than its input has")

    @property
    def row_dim(self) -> int:
        """Channels of a table row: the word's vector, then the gates of both recurrences, both ways."""
        gates = 2 * self.context_dim + 2 * self.expert_context_dim
        return self.lexical_dim + (gates if self.gates == "table" else 0)

    @property
    def context_width(self) -> int:
        """Channels after the first recurrence."""
        return self.lexical_dim + 2 * self.context_dim

    @property
    def word_dim(self) -> int:
        """Channels of the vector that the scorers read."""
        return self.expert_dim + 2 * self.expert_context_dim

    @property
    def candidates(self) -> int:
        """Candidate heads a word under the linear scorer: root, neighbours and hubs."""
        return 1 + self.left + self.right + self.hubs
