"""Documents as CoNLL-U, JSON lines or drawings, as strings that can be written one after another."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence

from .document import Document, Sentence
from .draw import draw
from .trees import Tree

# a document's ranked trees, a list for every sentence
Trees = Sequence[Sequence[Tree]]
_BREAKS = re.compile(r"[\t\n\r]+")
_SPACES = re.compile(r"\s+")


def conllu(document: Document, first: int = 1, trees: Trees | None = None) -> str:
    """CoNLL-U; sentences are numbered from `first`. With `trees`, every sentence comes once for each tree."""
    blocks = []
    for number, sentence in enumerate(document, first):
        for tree, name, extra in _variants(sentence, number, trees):
            blocks.append("\n".join([f"# sent_id = {name}", *extra, f"# text = {_text(sentence)}", *_rows(tree)]))
    return "".join(f"{block}\n\n" for block in blocks)
