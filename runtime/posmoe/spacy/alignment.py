"""spaCy's Docs as the parser's words, and trees of words as columns of Docs: many Docs at a time, as one long text.

Every token that is not white space is one word, as spaCy cut it. White space hangs on the word before it in its
sentence, at a sentence's beginning on the word behind it, by the relation `dep` that spaCy's own parsers give it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import IDX, IS_SPACE, LENGTH, POS, SENT_START
from spacy.tokens import Doc

from .._core import Words

Numbers = NDArray[np.int64]
BETWEEN = "\n\n"  # what is put between the texts of two Docs: no sentence goes over it, nor what one depends on


class Alignment(NamedTuple):
    """Which of n tokens, those of some Docs one after another, are the parser's w words.

    Attributes:
        words: the words, in the Docs' texts joined by BETWEEN.
        offsets: Doc d has the tokens offsets[d] .. offsets[d + 1].
        places: the token of every word, [w].
        sentences: the sentence of every token, from 0, [n]; some may have no words.
        hosts: for white space the token that it hangs on, for words themselves, [n].
        pos: the tags that tokens have, 0 for none, [n].
    """

    words: Words
    offsets: Numbers
    places: Numbers
    sentences: Numbers
    hosts: Numbers
    pos: Numbers

    def docs(self) -> Iterator[slice]:
        """The tokens of each Doc."""
        return (slice(*pair) for pair in pairwise(self.offsets.tolist()))

    def heads(self, heads: NDArray[np.int32]) -> Numbers:
        """Tokens' heads, a root's its own, [n], from words' heads as `Document.arrays` has them, [w]."""
        places, sentences = self.places, self.words.sentences.astype(np.int64)
        firsts = np.repeat(sentences[:-1], np.diff(sentences))
        result = self.hosts.copy()
        result[places] = places[np.where(heads == 0, np.arange(len(heads)), firsts + heads - 1)]
        return result


def align(docs: Sequence[Doc], tokenizer: Callable[[str], Words]) -> Alignment:
    """The words and sentences of Docs.

    Where spaCy says that a sentence begins at a token or does not, that holds; where it says neither, the tokeniser
    decides: a sentence of its begins at the first word that begins there or behind.
    """
    texts = [doc.text for doc in docs]
    text = BETWEEN.join(texts)
    rows = [doc.to_array([IDX, LENGTH, IS_SPACE, SENT_START, POS]).reshape(-1, 5) for doc in docs]
    begins, sizes, space, known, pos = np.ascontiguousarray(np.concatenate(rows).view(np.int64).T)
    counts = [len(row) for row in rows]
    offsets = np.cumsum([0, *counts])
    begins += np.repeat(np.cumsum([0, *(len(own) + len(BETWEEN) for own in texts[:-1])]), counts)
    word = (space == 0) & (sizes > 0)
    places = np.flatnonzero(word)
    starts = known > 0
    first = offsets[:-1][np.diff(offsets) > 0]
    starts[first] = True
    known[first] = 1
    if not known.all():
        found = tokenizer(text)
        at = np.searchsorted(begins[places], found.start[found.sentences[:-1]])
        at = places[at[at < len(places)]]
        starts[at[known[at] == 0]] = True
    sentences = np.cumsum(starts) - 1
    inner = np.flatnonzero(np.diff(sentences[places])) + 1
    edges = np.concatenate([[0], inner, [len(places)] if len(places) else []])
    spans = (begins[places], (begins + sizes)[places], edges)
    words = Words.from_spans(text, *(np.ascontiguousarray(span, np.uint32) for span in spans))
    return Alignment(words, offsets, places, sentences, _hosts(word, places, sentences), pos)


def _hosts(word: NDArray[np.bool_], places: Numbers, sentences: Numbers) -> Numbers:
    """For white space the token that it hangs on, for words themselves, [n]."""
    result = np.arange(len(word))
    gaps = result[~word]
    result[gaps] = np.searchsorted(sentences, sentences[gaps])  # the sentence's first token, where it has no words
    behind = np.searchsorted(places, gaps)
    for near in (behind, behind - 1):
        there = (near >= 0) & (near < len(places))
        space, host = gaps[there], places[near[there]]
        same = sentences[space] == sentences[host]
        result[space[same]] = host[same]
    return result
