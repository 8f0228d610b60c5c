"""Two engines that give the same trees: small batches to the one, large batches to the other, which has a GPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from . import Analyser, Compiled, Engine, Scores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from .. import _core

# words from which on a batch is large: docs/engines.md has the figures
LARGE = 4096
# characters of raw text a word, about
CHARACTERS = 5


class Both(Engine, Compiled, Protocol):
    """An engine that is both; see `Engine` and `Compiled`."""


class ByBatch:
    """Takes each call to the engine that is faster for its size."""

    def __init__(self, small: Both, large: Both) -> None:
        self.name = small.name
        self._small, self._large = small, large

    def scores(self, features: NDArray[np.int32], lengths: NDArray[np.int64]) -> Scores:
        """See `Engine.scores`."""
        return self._small.scores(features, lengths)

    def columns(
        self, features: NDArray[np.int32], offsets: NDArray[np.int64], gold: NDArray[np.int32] | None
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
        """See `Compiled.columns`."""
        engine = self._large if len(features) >= LARGE else self._small
        return engine.columns(features, offsets, gold)

    def analyser(self, tokenizer: _core.Tokenizer, features: _core.Features, longest: int, joining: int) -> Analyser:
        """See `Compiled.analyser`."""
        small, large = (one.analyser(tokenizer, features, longest, joining) for one in (self._small, self._large))
        return _AnalyserByBatch(small, large)


class _AnalyserByBatch:
    """Methods as `engines.Analyser` has them."""

    def __init__(self, small: Analyser, large: Analyser) -> None:
        self._small, self._large = small, large

    def texts(self, texts: list[str], lines: bool = False) -> list[_core.Analysis]:
        large = sum(map(len, texts)) >= LARGE * CHARACTERS
        return (self._large if large else self._small).texts(texts, lines)

    def words(self, words: list[_core.Words], gold: list[list[int] | None]) -> list[_core.Analysis]:
        large = sum(map(len, words)) >= LARGE
        return (self._large if large else self._small).words(words, gold)
