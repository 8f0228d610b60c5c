"""What a picture shows: one tree of one sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from ..draw import printable
from ..errors import ConlluError
from ..trees import Tree

if TYPE_CHECKING:
    from ..document import Document, Sentence
    from ..readers.conllu import ConlluSentence


class Picture(NamedTuple):
    """Words that can be shown safely, their tags, and a tree of them.

    `rank` tells which of the sentence's trees it is, from 1, and of how many; `differs` the words, from 0, whose head
    or relation is another one than in the first of them.
    """

    text: str
    forms: list[str]
    tags: list[str]
    tree: Tree
    rank: tuple[int, int] = (1, 1)
    differs: frozenset[int] = frozenset()

    @property
    def caption(self) -> str:
        """Rank and probability; empty for a tree alone."""
        parts = [f"tree {self.rank[0]} of {self.rank[1]}"] if self.rank[1] > 1 else []
        if self.tree.probability is not None:
            parts.append(f"probability {self.tree.probability:.3g}")
        return ", ".join(parts)

    @property
    def sentences(self) -> list[str]:
        """The tree in words, for those who cannot see it."""
        named = [f"{form} (word {i})" for i, form in enumerate(self.forms, 1)]
        pairs = zip(named, self.tree.heads, self.tree.deprels, strict=True)
        return [
            f"{name}: {deprel}, the root." if head == 0 else f"{name}: {deprel} of {named[head - 1]}."
            for name, head, deprel in pairs
        ]

    @property
    def right_to_left(self) -> bool:
        """Whether most letters of the words are of a script that runs from right to left."""
        kinds = [unicodedata.bidirectional(character) for form in self.forms for character in form]
        return sum(kind in ("R", "AL") for kind in kinds) > kinds.count("L")


def of_sentence(sentence: Sentence, trees: Sequence[Tree] | None = None) -> list[Picture]:
    """The pictures of a parsed sentence: its own tree, or the ranked ones in their place."""
    forms = [printable(token.text) for token in sentence]
    tags = [token.upos for token in sentence]
    drawn = trees if trees is not None else [Tree(*sentence.tree(), None)]
    text = printable(" ".join(sentence.text.split()))
    arcs = [[*zip(tree.heads, tree.deprels, strict=True)] for tree in drawn]
    return [
        Picture(text, forms, tags, tree, (rank, len(drawn)), frozenset(_unlike(arcs[0], arcs[rank - 1])))
        for rank, tree in enumerate(drawn, 1)
    ]


def of_document(document: Document, trees: Sequence[Sequence[Tree]] | None = None) -> Iterator[list[Picture]]:
    """The pictures of every sentence of a document, of the ranked trees if they are given."""
    for sentence in document:
        yield of_sentence(sentence, None if trees is None else trees[sentence.index])


def _unlike(first: list[tuple[int, str]], other: list[tuple[int, str]]) -> Iterator[int]:
    """The words whose arcs are not the same."""
    pairs = enumerate(zip(first, other, strict=True))
    return (word for word, (one, two) in pairs if one != two)


def of_conllu(given: ConlluSentence, file: str) -> Picture:
    """The picture of a sentence's own tree; there may be several roots.

    Raises:
        ConlluError: a word has no head, or is its own ancestor.
    """
    lines = [line for line, row in enumerate(given.rows, given.line + len(given.comments)) if row[0].isdecimal()]
    words = given.words
    heads: list[int] = []
    for line, row in zip(lines, words, strict=True):
        if row[6] == "_":
            raise ConlluError(file, line, "a HEAD to draw (without --given it is parsed)", "`_`")
        heads.append(int(row[6]))
    looped = loop(heads)
    if looped:
        raise ConlluError(
            file, lines[looped - 1], "heads that lead to a root", f"that word {looped} is its own ancestor"
        )
    text = "".join(form + " " * space for form, _, space in given.surface()).strip()
    forms, tags, deprels = ([printable(row[column]) for row in words] for column in (1, 3, 7))
    return Picture(printable(text), forms, tags, Tree(heads, deprels, None))


def loop(heads: Sequence[int]) -> int:
    """A word that is its own ancestor, or 0 where every word's heads lead to a root."""
    seen = [0] * (len(heads) + 1)  # by which word's walk each word was met first
    for start in range(1, len(heads) + 1):
        word = start
        while word and not seen[word]:
            seen[word] = start
            word = heads[word - 1]
        if word and seen[word] == start:
            return word
    return 0
