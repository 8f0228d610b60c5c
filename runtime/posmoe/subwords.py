"""Words to the sub-words that a pretrained encoder reads: features of version 2 (docs/bundle.md)."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .bundle_files import SUBWORD_TOKENIZER
from .errors import BundleError, MissingExtraError

if TYPE_CHECKING:
    from . import _core
    from .bundle import Bundle

Integers = NDArray[np.int64]


class SubWords:
    """The first sub-words of every word; immutable, thread-safe. `tokenizer` is one of the package `tokenizers`."""

    def __init__(self, tokenizer: Any, spec: Mapping[str, int]) -> None:
        self._tokenizer, self._spec = tokenizer, spec

    def __call__(self, words: _core.Words) -> NDArray[np.int32]:
        """Identifiers plus 1, zero where a word has no further sub-word, [n, pieces]."""
        return self.ids(words.forms())

    def ids(self, forms: list[str]) -> NDArray[np.int32]:
        """`__call__` of forms. A form that is one of the encoder's own marks, or has no sub-word, is unknown."""
        pieces, unknown = self._spec["pieces"], self._spec["unknown"]
        marks = {self._spec[name] for name in ("start", "padding", "end")}
        rows: dict[str, list[int]] = {}
        for form in forms:
            if form not in rows:
                found = self._tokenizer.encode(form, add_special_tokens=False).ids[:pieces] or [unknown]
                row = [1 + (unknown if piece in marks else piece) for piece in found]
                rows[form] = row + [0] * (pieces - len(row))
        return np.array([rows[form] for form in forms], np.int32).reshape(-1, pieces)


def load_subwords(bundle: Bundle) -> SubWords:
    """The features of a bundle whose words are sub-words: its `features` and its file `tokenizer.json`.

    Raises:
        MissingExtraError: the package `tokenizers` is not installed.
        BundleError: the bundle lacks the file, or it is another encoder's.
    """
    if find_spec("tokenizers") is None:
        raise MissingExtraError("tokenizers (which cuts words into sub-words)", "teacher")
    from tokenizers import Tokenizer

    if SUBWORD_TOKENIZER not in bundle.others:
        raise BundleError(f"bundle {bundle.path}: expected {SUBWORD_TOKENIZER} among its files, it is missing.")
    where, spec = f"bundle {bundle.path}: {SUBWORD_TOKENIZER}", bundle.manifest["features"]
    try:
        tokenizer = Tokenizer.from_str(bundle.others[SUBWORD_TOKENIZER].decode())
        tokenizer.no_padding()
        tokenizer.no_truncation()
    except Exception as error:  # the package raises plain exceptions
        raise BundleError(f"{where} is none that the package tokenizers reads: {error}") from error
    if tokenizer.get_vocab_size() != spec["vocabulary"]:
        raise BundleError(
            f"{where} is another encoder's: expected {spec['vocabulary']} sub-words, got {tokenizer.get_vocab_size()}."
        )
    return SubWords(tokenizer, spec)


def pack(
    features: NDArray[np.int32], lengths: Integers, spec: Mapping[str, int]
) -> tuple[Integers, Integers]:  # fmt: skip
    """A batch of words as the encoder's input.

    A sentence of more sub-words than the encoder has positions keeps fewer of each word, the most that fit; every
    word has its first one.

    Args:
        features: [B, T, pieces], of `SubWords`, zero past a sentence's length.
        lengths: [B], at most positions − 2.
    Returns:
        sub-words [B, P], between a mark of start and one of end, padded; and the place of each word's first one
        [B, T], 0 past a sentence's length.
    """
    batch, time, pieces = features.shape
    real = np.arange(time) < lengths[:, None]
    counts = (features > 0).sum(2) * real
    fewer = np.minimum(counts[..., None], np.arange(1, pieces + 1)).sum(1)  # [B, pieces]: sub-words under each bound
    most = np.maximum((fewer <= spec["positions"] - 2).sum(1), 1)
    counts = np.minimum(counts, most[:, None])
    ends = counts.cumsum(1)
    packed = np.full((batch, 2 + int(ends[:, -1].max(initial=0))), spec["padding"], np.int64)
    packed[:, 0] = spec["start"]
    first = 1 + ends - counts
    row, word, piece = np.nonzero(np.arange(pieces) < counts[..., None])
    packed[row, first[row, word] + piece] = features[row, word, piece] - 1
    packed[np.arange(batch), 1 + ends[:, -1]] = spec["end"]
    return packed, first * real
