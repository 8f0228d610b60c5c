"""Raw text to words: the door to the compiled tokeniser (docs/tokenizer.md specifies it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from . import _core
from .buffers import contiguous
from .errors import BundleError, InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VERSION: Final = 1
TABLES: Final = ("cut", "multiword", "boundary")
KEYS: Final = (
    "version",
    "max_sentence",
    "grouped_digits",
    "abbreviations",
    "endings",
    "multiwords",
    "ambiguous",
    "suffixes",
    "closed",
    "tables",
)


def load_tokenizer(spec: Mapping[str, Any], weights: NDArray[np.int8] | memoryview) -> _core.Tokenizer:
    """The tokeniser of a bundle: its manifest's `tokenizer` object and its tensor `tokenizer.weights`.

    Raises:
        BundleError: another version, a missing or unknown entry, or weights that don't fit the tables.
    """
    if spec.get("version") != VERSION:
        raise BundleError(
            f"tokenizer: expected version {VERSION}, got {spec.get('version')!r}. Export the bundle again."
        )
    missing = [key for key in KEYS if key not in spec]
    if missing:
        raise BundleError(f"tokenizer: the specification lacks {', '.join(missing)}")
    unknown = sorted(set(spec) - set(KEYS))
    if unknown:
        raise BundleError(f"tokenizer: the specification has unknown entries: {', '.join(unknown)}")
    if not isinstance(spec["tables"], Mapping) or set(spec["tables"]) != set(TABLES):
        raise BundleError(f"tokenizer: expected the tables {', '.join(TABLES)}")
    try:
        return _core.Tokenizer(dict(spec), contiguous(weights, "b", "tokenizer: expected weights int8 [size]"))
    except (ValueError, TypeError) as error:
        raise BundleError(f"tokenizer: {error}") from None


def words_of_tokens(sentences: Sequence[Sequence[tuple[str, Sequence[str], bool]]]) -> _core.Words:
    """The words of sentences of surface tokens: each (form, its words, whether white space follows).

    A token with no words, or with its own form as the only one, is one word.

    Raises:
        InputError: a form is empty, or something isn't such a tuple.
    """
    try:
        return _core.Words.from_tokens(sentences)
    except (ValueError, TypeError) as error:
        raise InputError(str(error)) from None
