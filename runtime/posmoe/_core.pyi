# The compiled core of posmoe.

from typing import Any

import numpy as np
from numpy.typing import NDArray

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

def decode(
    scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], search: str = "auto"
) -> NDArray[np.int32]: ...
def decode_batch(
    scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], lengths: NDArray[np.int64]
) -> NDArray[np.int32]: ...
def count_searches(
    scores: NDArray[np.float32], heads: NDArray[np.integer[Any]], lengths: NDArray[np.int64]
) -> int: ...
