# The compiled core of posmoe.

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__version__: str

# ---- words ----

class Words:
    """A text cut into tokens, words and sentences; offsets are code points of `text`, arrays read-only."""

    @property
    def text(self) -> str: ...
    @property
    def start(self) -> NDArray[np.uint32]: ...  # per word
    @property
    def end(self) -> NDArray[np.uint32]: ...
    @property
    def token(self) -> NDArray[np.uint32]: ...
    @property
    def token_start(self) -> NDArray[np.uint32]: ...  # per surface token
    @property
    def token_end(self) -> NDArray[np.uint32]: ...
    @property
    def space_after(self) -> NDArray[np.uint8]: ...
    @property
    def sentences(self) -> NDArray[np.uint32]: ...  # S + 1 offsets into words
    @property
    def split(self) -> NDArray[np.uint8]: ...  # per sentence: 1 if cut at the length bound
    def form(self, i: int) -> str: ...
    def forms(self) -> list[str]: ...
    def __len__(self) -> int: ...
    @staticmethod
    def from_sentences(sentences: Sequence[Sequence[str]]) -> Words: ...
    @staticmethod
    def from_tokens(sentences: Sequence[Sequence[tuple[str, Sequence[str], bool]]]) -> Words: ...

# ---- tokeniser ----

_Examples = tuple[NDArray[np.uint32], NDArray[np.uint8]]  # slots [n, features], answers [n]

class Tokenizer:
    """Raw text to Words; immutable, thread-safe."""

    def __init__(self, spec: dict[str, Any], weights: NDArray[np.int8]) -> None: ...
    def __call__(self, text: str | bytes, lines: bool = False) -> Words: ...
    def follow(self, text: str, guide: NDArray[np.uint8]) -> tuple[dict[str, _Examples], NDArray[np.uint32]]: ...

def character(point: int) -> tuple[int, int]: ...

# ---- features ----

class Features:
    """Words to rows of the feature table; immutable, thread-safe."""

    def __init__(self, spec: dict[str, Any], keys: NDArray[np.uint32]) -> None: ...
    def __call__(self, words: Words) -> NDArray[np.int32]: ...
    def ids(self, forms: list[str]) -> NDArray[np.int32]: ...
    @property
    def rows(self) -> int: ...

def form_hashes(form: str) -> tuple[int, int, int, int, int, int]: ...
def word_hash(form: str) -> int: ...

# ---- decoding ----

def decode(scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], search: str = "auto") -> NDArray[np.int32]: ...
def decode_batch(
    scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], lengths: NDArray[np.int64]
) -> NDArray[np.int32]: ...
def count_searches(scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], lengths: NDArray[np.int64]) -> int: ...

# ---- ranked trees and probabilities ----

def k_best(
    scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], k: int
) -> tuple[NDArray[np.int32], NDArray[np.float64]]: ...
def log_partition(scores: NDArray[np.float32], heads: NDArray[np.integer[Any]]) -> float: ...

# ---- the network ----

class Network:
    """A bundle's network; immutable, thread-safe."""

    def __init__(self, shape: dict[str, Any], tensors: dict[str, NDArray[Any]], instruction_set: str = "") -> None: ...
    def columns(
        self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None = None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]: ...
    def scores(
        self, features: NDArray[np.int32], lengths: NDArray[np.int64]
    ) -> tuple[
        NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32], NDArray[np.float32]
    ]: ...
    @property
    def instruction_set(self) -> str: ...

def instruction_set(name: str = "") -> str: ...
