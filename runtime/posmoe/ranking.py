"""The likeliest trees of sentences, by any engine's scores."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray

from .document import Document
from .errors import LongSentenceWarning
from .features import Features
from .network import Network
from .trees import Tree


def rank(
    document: Document, network: Network, features: Features, k: int, longest: int, stacklevel: int | None
) -> list[list[Tree]]:
    """The k likeliest trees of every sentence; of sentences of more than `longest` words the best one alone.

    Warns:
        LongSentenceWarning: there is such a sentence, and `stacklevel` is given; the message names the first one.
    """
    words, arrays, labels = document.analysis.words, document.arrays(), document.labels
    begins: NDArray[np.int64] = words.sentences.astype(np.int64)
    sizes = np.diff(begins)
    short = sizes <= longest
    chosen = np.repeat(short, sizes)
    offsets = np.concatenate([[0], np.cumsum(sizes[short])]).astype(np.int64)
    ranked = iter(network.ranked(features(words)[chosen], offsets, k, arrays.upos[chosen]))
    result = []
    for sentence, rankable in zip(document, short, strict=True):
        if not rankable:
            result.append([Tree(*sentence.tree(), None)])
            continue
        result.append(
            [
                Tree(heads.tolist(), [labels[label] for label in deprels], min(float(probability), 1.0))
                for heads, deprels, probability in zip(*next(ranked), strict=True)
            ]
        )
    if stacklevel is not None and not short.all():
        first = int(np.flatnonzero(~short)[0])
        message = (
            f"{np.count_nonzero(~short)} sentence(s) of more than {longest} words have their best "
            f"tree alone, without a probability; the first is sentence {first} of {sizes[first]} words."
        )
        warnings.warn(message, LongSentenceWarning, stacklevel=stacklevel)
    return result
