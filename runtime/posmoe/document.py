"""A parsed text: documents, sentences and words as views over columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from operator import getitem
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from ._core import Analysis, Words
    from .trees import Tree


class Arrays:
    """A document's columns, read-only and without a copy. Offsets are code points into the text; n words, S sentences.

    Attributes:
        tags: the names of the tags, by index.
        labels: the names of the relations, by index.
    """

    def __init__(self, analysis: Analysis, tags: tuple[str, ...], labels: tuple[str, ...]) -> None:
        self._analysis = analysis
        self.tags = tags
        self.labels = labels

    @cached_property
    def upos(self) -> NDArray[np.int32]:
        """Indices into `tags`, [n]."""
        return self._analysis.upos

    @cached_property
    def heads(self) -> NDArray[np.int32]:
        """0 is the root, else the head's place in its sentence, from 1, [n]."""
        return self._analysis.heads

    @cached_property
    def deprels(self) -> NDArray[np.int32]:
        """Indices into `labels`, [n]."""
        return self._analysis.deprels

    @cached_property
    def start(self) -> NDArray[np.uint32]:
        """Where words begin, [n]."""
        return self._analysis.words.start

    @cached_property
    def end(self) -> NDArray[np.uint32]:
        """Where words end, [n]."""
        return self._analysis.words.end

    @cached_property
    def sentences(self) -> NDArray[np.uint32]:
        """Sentence s has the words sentences[s] .. sentences[s + 1], [S + 1]."""
        return self._analysis.words.sentences


class Lists(NamedTuple):
    """A document's columns as Python lists, for those who walk over all words."""

    forms: list[str]  # [n]
    upos: list[str]  # [n]
    heads: list[int]  # [n]
    deprels: list[str]  # [n]
    start: list[int]  # [n], code points
    end: list[int]  # [n]
    space_after: list[bool]  # [n]; False between the words of a multiword token
    sentences: list[int]  # [S + 1], offsets into the words
    sentence_starts: list[int]  # [S], code points
    sentence_ends: list[int]  # [S]
    multiwords: dict[int, tuple[int, int, int, bool]]  # first word → number of words, start, end, space after


class Multiword(NamedTuple):
    """A surface token of several words, such as don't: places `first` to `last` of the sentence."""

    text: str
    start: int
    end: int
    first: int
    last: int
    space_after: bool


class Token:
    """One syntactic word, with its place in the tree.

    `index` is its place in the sentence, from 1; `head` is the head's index, 0 for the root. `start` and
    `end` are code points into the document's text; words of a multiword token that are no part of the text
    share that token's span. `space_after` tells of the text after the word.
    """

    __slots__ = (
        "deprel",
        "end",
        "head",
        "index",
        "multiword",
        "sentence",
        "space_after",
        "start",
        "text",
        "upos",
    )

    def __init__(
        self, sentence: Sentence, index: int, text: str, span: tuple[int, int], space_after: bool,
        upos: str, head: int, deprel: str, multiword: Multiword | None,
    ) -> None:  # fmt: skip
        self.sentence = sentence
        self.index = index
        self.text = text
        self.start, self.end = span
        self.space_after = space_after
        self.upos = upos
        self.head = head
        self.deprel = deprel
        self.multiword = multiword

    @property
    def children(self) -> list[Token]:
        """The words whose head this is, in order."""
        return list(self.sentence.dependents[self.index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Token):
            return NotImplemented
        return self.sentence == other.sentence and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.sentence, self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return getitem, (self.sentence, self.index - 1)

    def __repr__(self) -> str:
        return f"<Token {self.index} {self.text!r} {self.upos} {self.deprel} → {self.head}>"


class Sentence:
    """A sentence: the sequence of its words. `index` is its place in the document, from 0."""

    def __init__(self, document: Document, index: int) -> None:
        self.document = document
        self.index = index
        self._first, self._last = document.lists.sentences[index : index + 2]

    @property
    def start(self) -> int:
        """Code point in the document's text where the sentence begins."""
        return self.document.lists.sentence_starts[self.index]

    @property
    def end(self) -> int:
        """Code point in the document's text where the sentence ends."""
        return self.document.lists.sentence_ends[self.index]

    @property
    def text(self) -> str:
        """The sentence as the text has it."""
        return self.document.text[self.start : self.end]

    @property
    def root(self) -> Token:
        """The word whose head is the root."""
        return self.dependents[0][0]

    @cached_property
    def dependents(self) -> list[list[Token]]:
        """For the root (0) and every word (from 1) the words whose head it is, in order."""
        result: list[list[Token]] = [[] for _ in range(len(self) + 1)]
        for token in self.tokens:
            result[token.head].append(token)
        return result

    @cached_property
    def multiwords(self) -> list[Multiword]:
        """The surface tokens of several words, in order."""
        found = self.document.lists.multiwords
        result = []
        for place in range(self._first, self._last) if found else ():
            if place in found:
                size, start, end, space = found[place]
                first = place - self._first + 1
                result.append(Multiword(self.document.text[start:end], start, end, first, first + size - 1, space))
        return result

    @cached_property
    def tokens(self) -> list[Token]:
        """The sentence's words."""
        lists, here = self.document.lists, slice(self._first, self._last)
        within: dict[int, Multiword] = {}
        for multiword in self.multiwords:
            within.update(dict.fromkeys(range(multiword.first, multiword.last + 1), multiword))
        rows = zip(
            lists.forms[here],
            zip(lists.start[here], lists.end[here], strict=True),
            lists.space_after[here],
            lists.upos[here],
            lists.heads[here],
            lists.deprels[here],
            strict=True,
        )
        return [
            Token(self, i, text, span, space, upos, head, deprel, within.get(i))
            for i, (text, span, space, upos, head, deprel) in enumerate(rows, 1)
        ]

    def tree(self) -> tuple[list[int], list[str]]:
        """The heads (0 is the root, else from 1) and relations of the words."""
        lists, here = self.document.lists, slice(self._first, self._last)
        return lists.heads[here], lists.deprels[here]

    def __len__(self) -> int:
        return self._last - self._first

    def __iter__(self) -> Iterator[Token]:
        return iter(self.tokens)

    @overload
    def __getitem__(self, at: int) -> Token: ...
    @overload
    def __getitem__(self, at: slice) -> list[Token]: ...
    def __getitem__(self, at: int | slice) -> Token | list[Token]:
        return self.tokens[at]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sentence):
            return NotImplemented
        return self.document is other.document and self.index == other.index

    def __hash__(self) -> int:
        return hash((id(self.document), self.index))

    def __reduce__(self) -> tuple[Any, ...]:
        return Sentence, (self.document, self.index)

    def __repr__(self) -> str:
        return f"<Sentence {self.index} {self.text[:60]!r}>"

    def to_dict(self) -> dict[str, Any]:
        """The sentence as JSON values."""
        tokens = []
        for token in self.tokens:
            value: dict[str, Any] = {
                "id": token.index,
                "text": token.text,
                "start": token.start,
                "end": token.end,
                "upos": token.upos,
                "head": token.head,
                "deprel": token.deprel,
                "space_after": token.space_after,
            }
            tokens.append(value)
        multiwords = [
            {"first": m.first, "last": m.last, "text": m.text, "start": m.start, "end": m.end} for m in self.multiwords
        ]
        return {
            "text": self.text,
            "start": self.start,
            "end": self.end,
            "tokens": tokens,
            "multiwords": multiwords,
        }

    def to_svg(self, trees: Sequence[Tree] | None = None, layout: str = "auto") -> str:
        """The tree as an SVG picture, or ranked trees in its place, side by side.

        Args:
            layout: `line`, `list` (words down the page), or `auto`, a list where the line would be too long.
        Raises:
            InputError: the layout is unknown, or there are more than 500 trees.
        """
        from .pictures.picture import of_sentence
        from .pictures.svg import svg

        return svg([of_sentence(self, trees)], layout)

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        from .pictures.html import fragment
        from .pictures.picture import of_sentence

        return fragment([of_sentence(self)], 1)


class Document:
    """A parsed text: the sequence of its sentences.

    Args:
        analysis: its words and trees, as the core holds them.
        tags: the names of the tags, by index.
        labels: the names of the relations, by index.
    """

    def __init__(self, analysis: Analysis, tags: tuple[str, ...], labels: tuple[str, ...]) -> None:
        self.analysis = analysis
        self.tags = tags
        self.labels = labels

    @cached_property
    def text(self) -> str:
        """The text, lone surrogates replaced by U+FFFD."""
        return self.analysis.words.text

    @property
    def cut(self) -> int:
        """How many sentences were longer than the model's bound."""
        return self.analysis.cut

    @cached_property
    def lists(self) -> Lists:
        """The document's columns as Python lists."""
        return Lists(*self.analysis.lists(self.tags, self.labels))

    def arrays(self) -> Arrays:
        """The document's columns, without a copy."""
        return self._arrays

    @cached_property
    def _arrays(self) -> Arrays:
        return Arrays(self.analysis, self.tags, self.labels)

    def to_conllu(self) -> str:
        """The document in CoNLL-U; sentences are numbered from 1."""
        return self.analysis.conllu(self.tags, self.labels).decode()

    def to_arrow(self) -> pa.RecordBatch:
        """The document as a pyarrow RecordBatch, a row for every sentence; `posmoe.arrow` describes the columns.

        Raises:
            MissingExtraError: PyArrow is not installed; the message names the line that installs it.
        """
        from .arrow import of_sentences

        return of_sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON values."""
        return {"text": self.text, "sentences": [sentence.to_dict() for sentence in self]}

    def to_html(self, trees: Sequence[Sequence[Tree]] | None = None, layout: str = "auto") -> str:
        """A page of its own with a picture and a table of every sentence's tree, or of its ranked trees.

        Args:
            trees: what `Parser.rank` gives for this document.
            layout: as for `Sentence.to_svg`.
        Raises:
            InputError: the layout is unknown.
        """
        from .pictures.html import page
        from .pictures.picture import of_document

        return page(of_document(self, trees), layout)

    def _repr_html_(self) -> str:
        """What a notebook shows: the first 20 sentences."""
        from .pictures.html import fragment
        from .pictures.picture import of_document

        return fragment(of_document(self), len(self))

    def __len__(self) -> int:
        return len(self.analysis)

    def __iter__(self) -> Iterator[Sentence]:
        return (Sentence(self, index) for index in range(len(self)))

    @overload
    def __getitem__(self, at: int) -> Sentence: ...
    @overload
    def __getitem__(self, at: slice) -> list[Sentence]: ...
    def __getitem__(self, at: int | slice) -> Sentence | list[Sentence]:
        if isinstance(at, slice):
            return [Sentence(self, index) for index in range(len(self))[at]]
        return Sentence(self, range(len(self))[at])

    def __reduce__(self) -> tuple[Any, ...]:
        analysis = self.analysis
        columns = (analysis.words, analysis.upos, analysis.heads, analysis.deprels, analysis.cut)
        return _restored, (*columns, self.tags, self.labels)

    def __repr__(self) -> str:
        return f"<Document of {len(self)} sentences, {len(self.analysis.words)} words>"


def _restored(
    words: Words, upos: NDArray[np.int32], heads: NDArray[np.int32], deprels: NDArray[np.int32], cut: int,
    tags: tuple[str, ...], labels: tuple[str, ...],
) -> Document:  # fmt: skip
    """A document from its pickled columns."""
    from ._core import Analysis

    return Document(Analysis(words, upos, heads, deprels, cut), tags, labels)
