"""Words to rows of the feature table: the door to the compiled hashing (docs/features.md specifies it)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Protocol

from . import _core
from .buffers import contiguous
from .errors import BundleError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# the kinds of features that have rows of their own in the table
SIZES: Final = ("words", "remainder", "suffix2", "suffix3", "suffix4", "prefix3", "shape")


class Features(Protocol):
    """Words to what the network reads of them, int32 [n, width]; zero stands for nothing."""

    def __call__(self, words: _core.Words) -> NDArray[np.int32]: ...


def load_features(spec: Mapping[str, object], keys: NDArray[np.uint32] | memoryview) -> _core.Features:
    """The features of a bundle: its manifest's `features` object and its tensor `features.keys`.

    Raises:
        BundleError: another version, a missing, unknown or impossible size, keys that don't match the sizes.
    """
    unknown = sorted(set(spec) - {"version", *SIZES})
    if unknown:
        raise BundleError(f"features: the specification has unknown entries: {', '.join(unknown)}")
    try:
        return _core.Features(dict(spec), contiguous(keys, "I", "features: expected keys uint32 [words]"))
    except ValueError as error:
        raise BundleError(str(error)) from None


def frequent_keys(counts: Mapping[str, int], limit: int) -> NDArray[np.uint32]:
    """The `features.keys` of the forms seen most: at most `limit` distinct hashes, most frequent first.

    Forms that normalise alike ("The", "the") are counted together; ties are broken by the smaller hash.
    """
    import numpy as np

    totals: dict[int, int] = {}
    for form, count in counts.items():
        key = _core.word_hash(form)
        totals[key] = totals.get(key, 0) + count
    order = sorted(totals, key=lambda key: (-totals[key], key))
    return np.array(order[:limit], dtype=np.uint32)
