"""From feature rows to tags, heads and relations: batches of like length, engine, decoder, labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .bundle import Bundle
from .decode import decode_batch, k_best
from .engines import Compiled, Engine, Scores
from .errors import EngineError

# padded words in a batch, unless an engine asks for more; one sentence may exceed it, two may not
BUDGET = 1024
Integers = NDArray[np.int64]


class Columns(NamedTuple):
    """Per word: index of its tag, head (0 the root, else from 1 in its sentence), index of its relation."""

    upos: NDArray[np.int32]
    heads: NDArray[np.int32]
    deprels: NDArray[np.int32]


class Ranked(NamedTuple):
    """A sentence's best trees, best first: heads and relations [n] of each, probabilities."""

    heads: NDArray[np.int32]
    deprels: list[NDArray[np.int32]]
    probabilities: NDArray[np.float64]


class Batch(NamedTuple):
    """Some sentences, padded to the longest: which words of the flat columns stand where."""

    sentences: Integers  # [B]
    lengths: Integers  # [B]
    words: Integers  # [B, T], index of the word in the flat columns; meaningless where not `real`
    real: NDArray[np.bool_]  # [B, T]

    def sentence(self, row: int) -> Batch:
        """One row as a batch of its own."""
        one = slice(row, row + 1)
        return Batch(self.sentences[one], self.lengths[one], self.words[one], self.real[one])


class Network:
    """The network of a bundle behind one engine; thread-safe."""

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self.engine = engine
        self._budget = getattr(engine, "budget", None) or BUDGET
        self._labels: Labeller | ArcLabels = ArcLabels(bundle) if bundle.subwords else Labeller(bundle)

    def columns(self, features: NDArray[np.int32], offsets: Integers, gold: NDArray[np.int32] | None = None) -> Columns:
        """Analyse sentences.

        Args:
            features: what the network reads of every word, [n, 6] or [n, pieces].
            offsets: sentence s has the words offsets[s] .. offsets[s + 1]; every sentence has one at least.
            gold: per word the index of a tag that is known, or -1, [n].
        """
        if isinstance(self.engine, Compiled):
            return Columns(*self.engine.columns(features, offsets, gold))
        size = len(features)
        result = Columns(np.zeros(size, np.int32), np.zeros(size, np.int32), np.zeros(size, np.int32))
        for batch in batches(offsets, self._budget):
            scores = self.run(features, batch)
            words = batch.words[batch.real]
            tags = known_tags(scores, batch, gold)
            heads = decode_batch(scores.arcs, scores.heads, batch.lengths)
            result.upos[words] = tags[batch.real]
            result.heads[words] = heads[batch.real]
            result.deprels[words] = self._labels(scores, batch, tags, heads)
        return result

    def run(self, features: NDArray[np.int32], batch: Batch) -> Scores:
        """The engine's scores of one batch."""
        padded = np.zeros((*batch.words.shape, features.shape[1]), np.int32)
        padded[batch.real] = features[batch.words[batch.real]]
        return self.engine.scores(padded, batch.lengths)

    def ranked(
        self, features: NDArray[np.int32], offsets: Integers, k: int, gold: NDArray[np.int32] | None = None
    ) -> list[Ranked]:
        """The k best trees of every sentence; arguments as for `columns`."""
        result: list[Ranked | None] = [None] * (len(offsets) - 1)
        for batch in batches(offsets, self._budget):
            scores = self.run(features, batch)
            tags = known_tags(scores, batch, gold)
            for row, (sentence, length) in enumerate(zip(batch.sentences, batch.lengths, strict=True)):
                own = scores.sentence(row)
                trees = k_best(own.arcs[0, :length], own.heads[0, :length], k)
                one = batch.sentence(row)
                padded = np.zeros((1, batch.real.shape[1]), np.int32)
                deprels = []
                for heads in trees.heads:
                    padded[0, :length] = heads
                    deprels.append(self._labels(own, one, tags[row : row + 1], padded))
                result[sentence] = Ranked(trees.heads, deprels, np.exp(trees.log_probabilities))
        return [ranked for ranked in result if ranked is not None]


class ArcLabels:
    """The relations of a graph that names every candidate arc itself; called as `Labeller`, tags play no part."""

    def __init__(self, bundle: Bundle) -> None:
        self._count = len(bundle.labels)

    def __call__(
        self, scores: Scores, batch: Batch, tags: NDArray[np.int32], heads: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Indices of the relations of the batch's real words, in order.

        Raises:
            EngineError: the graph gives something that is no relation.
        """
        assert scores.labels is not None
        row, position = np.nonzero(batch.real)
        candidate = (scores.heads[row, position] == heads[row, position][:, None]).argmax(1)
        named = scores.labels[row, position, candidate]
        if named.size and not 0 <= named.min() <= named.max() < self._count:
            raise EngineError(f"expected arc_labels to be one of {self._count} relations, got {named.max()}.")
        relations: NDArray[np.int32] = named.astype(np.int32)
        return relations


class Labeller:
    """Names arcs once the tree is known. Relation `root` goes to the root's child and to no other word."""

    def __init__(self, bundle: Bundle) -> None:
        tensors = bundle.tensors
        self._weight = tensors["label.weight"]
        self._bias = tensors["label.bias"]
        self._tags = len(bundle.tags)
        pair = np.array(tensors["label.pair"], np.float32)
        if "root" in bundle.labels and len(bundle.labels) > 1:
            root = bundle.labels.index("root")
            shaped = pair.reshape(self._tags + 1, self._tags + 1, 2, -1)
            shaped[:, : self._tags, :, root] = -np.inf
            shaped[:, self._tags, :, np.arange(len(bundle.labels)) != root] = -np.inf
        self._pair = pair

    def __call__(
        self, scores: Scores, batch: Batch, tags: NDArray[np.int32], heads: NDArray[np.int32]
    ) -> NDArray[np.int32]:
        """Indices of the relations of the batch's real words, in order."""
        row, position = np.nonzero(batch.real)
        head = heads[row, position]
        hidden = scores.dependents[row, position] + scores.label_heads[row, head]
        np.maximum(hidden, 0, out=hidden)
        head_tag = np.where(head > 0, tags[row, np.maximum(head - 1, 0)], self._tags)
        pair = (tags[row, position] * (self._tags + 1) + head_tag) * 2 + (head > position + 1)
        total = hidden @ self._weight
        total += self._bias
        total += self._pair[pair]
        best: NDArray[np.int32] = total.argmax(1).astype(np.int32)
        return best


def known_tags(scores: Scores, batch: Batch, gold: NDArray[np.int32] | None) -> NDArray[np.int32]:
    """Best tags [B, T], or the given ones where there are any."""
    tags: NDArray[np.int32] = scores.tags.argmax(2).astype(np.int32)
    if gold is not None:
        given = gold[np.where(batch.real, batch.words, 0)]
        tags = np.where(batch.real & (given >= 0), given, tags)
    return tags


def batches(offsets: Integers, budget: int = BUDGET) -> Iterator[Batch]:
    """Group sentences of like length; a batch holds at most `budget` padded words, or one sentence."""
    lengths = np.diff(offsets)
    order = np.argsort(lengths, kind="stable")
    begin = 0
    for end in range(1, len(order) + 1):
        if end < len(order) and (end + 1 - begin) * lengths[order[end]] <= budget:
            continue
        chosen = order[begin:end]
        begin = end
        inside = np.arange(lengths[chosen[-1]])
        yield Batch(chosen, lengths[chosen], offsets[chosen][:, None] + inside, inside < lengths[chosen][:, None])
