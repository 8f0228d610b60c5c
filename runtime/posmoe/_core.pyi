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
