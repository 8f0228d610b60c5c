"""Texts to trees by an engine that is not the core's: in NumPy, the plain form, and in batches cut by the core."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import _core
from .engines import Compiled
from .features import Features
from .network import Network
from .pieces import apart, count_long, cut_long, in_a_row, join_roots


class PlainAnalyser:
    """A tokeniser, features and a network behind each other; thread-safe. Methods as `engines.Analyser` has them."""

    def __init__(
        self, tokenizer: _core.Tokenizer, features: Features, network: Network, longest: int, joining: int
    ) -> None:
        self._tokenizer = tokenizer
        self._features = features
        self._network = network
        self._longest = longest
        self._joining = joining

    def texts(self, texts: list[str], lines: bool = False) -> list[_core.Analysis]:
        """Cut texts into words and parse them."""
        words = [self._tokenizer(text, lines) for text in texts]
        return self.words(words, [None] * len(words))

    def words(self, words: list[_core.Words], gold: list[list[int] | None]) -> list[_core.Analysis]:
        """Parse words."""
        features = [self._features(part) for part in words]
        offsets = [part.sentences.astype(np.int64) for part in words]
        pieces = [cut_long(offset, self._longest) for offset in offsets]
        known: NDArray[np.int32] | None = None
        if any(tags is not None for tags in gold):
            rows = ([-1] * len(part) if tags is None else tags for part, tags in zip(words, gold, strict=True))
            known = np.concatenate([np.array(row, np.int32) for row in rows])
        columns = self._network.columns(np.concatenate(features), in_a_row(pieces), known)
        analyses = []
        for part, offset, piece, own in zip(words, offsets, pieces, apart(columns, pieces), strict=True):
            join_roots(own, offset, piece, self._joining)
            analyses.append(_core.Analysis(part, *own, count_long(offset, part.split, self._longest)))
        return analyses


class BatchAnalyser:
    """The same for an engine that gives columns: all texts of a call are cut and looked up in the core at once."""

    def __init__(
        self, tokenizer: _core.Tokenizer, features: _core.Features, engine: Compiled, longest: int, joining: int
    ) -> None:
        self._tokenizer, self._features, self._engine = tokenizer, features, engine
        self._longest, self._joining = longest, joining

    def texts(self, texts: list[str], lines: bool = False) -> list[_core.Analysis]:
        """Cut texts into words and parse them."""
        gathered = _core.gather_texts(self._tokenizer, self._features, texts, lines, self._longest)
        return self._parsed(gathered, None)

    def words(self, words: list[_core.Words], gold: list[list[int] | None]) -> list[_core.Analysis]:
        """Parse words."""
        known: NDArray[np.int32] | None = None
        if any(tags is not None for tags in gold):
            rows = ([-1] * len(part) if tags is None else tags for part, tags in zip(words, gold, strict=True))
            known = np.concatenate([np.array(row, np.int32) for row in rows])
        return self._parsed(_core.gather_words(self._features, words, self._longest), known)

    def _parsed(self, gathered: _core.Gathered, gold: NDArray[np.int32] | None) -> list[_core.Analysis]:
        columns = self._engine.columns(gathered.features, gathered.offsets, gold)
        return gathered.analyses(*columns, self._joining)
