"""Ranked trees of Docs: the extension attribute `posmoe_trees` of Docs and Spans.

A Doc's value has an item for every one of its sentences, a list of trees, best first (without any for a sentence of
white space). A tree is a dict of plain values, so that Docs can be saved: `probability` (None beyond the length that
can be ranked), `heads` (a token of the Doc for every token of the sentence, a root's its own) and `deps`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from spacy.tokens import Doc, Span

from ..trees import Tree
from .alignment import Alignment

NAME = "posmoe_trees"
Trees = list[dict[str, Any]]


def register() -> None:
    """Make the attribute known, once."""
    if not Doc.has_extension(NAME):
        Doc.set_extension(NAME, default=None)
        Span.set_extension(NAME, getter=_of_span)


def ranked(aligned: Alignment, trees: Sequence[Sequence[Tree]], root: str, white: str) -> Iterator[list[Trees]]:
    """The value of every Doc, from the trees of every sentence that has words."""
    count = int(aligned.sentences[-1]) + 1 if len(aligned.sentences) else 0
    edges = np.searchsorted(aligned.sentences, np.arange(count + 1)).tolist()
    values: list[Trees] = [[] for _ in range(count)]
    for (begin, end), own in zip(pairwise(aligned.words.sentences.tolist()), trees, strict=True):
        places = aligned.places[begin:end]
        sentence = int(aligned.sentences[places[0]])
        first, last = edges[sentence : sentence + 2]
        start = int(aligned.offsets[np.searchsorted(aligned.offsets, first, side="right") - 1])
        for tree in own:
            heads, deps = aligned.hosts[first:last].copy(), [white] * (last - first)
            given = np.array(tree.heads)
            heads[places - first] = np.where(given == 0, places, places[given - 1])
            for place, deprel in zip((places - first).tolist(), tree.deprels, strict=True):
                deps[place] = root if deprel == "root" else deprel
            values[sentence].append({"probability": tree.probability, "heads": (heads - start).tolist(), "deps": deps})
    for tokens in aligned.docs():
        own_sentences = aligned.sentences[tokens]
        yield values[own_sentences[0] : own_sentences[-1] + 1] if len(own_sentences) else []


def _of_span(span: Span) -> Trees | None:
    """The trees of the sentence that a span begins in; None where there are none."""
    trees = getattr(span.doc._, NAME)
    if trees is None:
        return None
    return next((own for sentence, own in zip(span.doc.sents, trees, strict=True) if span.start < sentence.end), None)
