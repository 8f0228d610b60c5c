"""A parsed text: documents, sentences and words as views over columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from operator import getitem
from typing import TYPE_CHECKING, Any, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._core import Words
    from .network import Columns


@dataclass(frozen=True, eq=False)
class Arrays:
    """A document's columns, read-only. Offsets are code points into the text; n words, S sentences."""

    upos: NDArray[np.int32]  # [n], indices into `tags`
    heads: NDArray[np.int32]  # [n], 0 is the root, else the head's place in its sentence, from 1
    deprels: NDArray[np.int32]  # [n], indices into `labels`
    start: NDArray[np.uint32]  # [n]
    end: NDArray[np.uint32]  # [n]
    sentences: NDArray[np.uint32]  # [S + 1]; sentence s has the words sentences[s] .. sentences[s + 1]
    tags: tuple[str, ...]
    labels: tuple[str, ...]


class Lists(NamedTuple):
    """A document's columns as Python lists, for those who walk over all words."""

    forms: list[str]  # [n]
    upos: list[str]  # [n]
    heads: list[int]  # [n]
    deprels: list[str]  # [n]
    space_after: list[bool]  # [n]; False between the words of a multiword token
    sentences: list[int]  # [S + 1], offsets into the words
    starts: list[int]  # [S], code points where the sentences begin
    ends: list[int]  # [S]
    multiwords: dict[int, tuple[int, int]]  # first word of a multiword token → its surface token, its words


@dataclass(frozen=True)
class Multiword:
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
        return self.document.lists.starts[self.index]

    @property
    def end(self) -> int:
        """Code point in the document's text where the sentence ends."""
        return self.document.lists.ends[self.index]

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
        words = self.document._words
        found = self.document.lists.multiwords
        result = []
        for place in range(self._first, self._last) if found else ():
            if place in found:
                token, size = found[place]
                start, end = int(words.token_start[token]), int(words.token_end[token])
                first = place - self._first + 1
                space = bool(words.space_after[token])
                text = self.document.text[start:end]
                result.append(Multiword(text, start, end, first, first + size - 1, space))
        return result

    @cached_property
    def tokens(self) -> list[Token]:
        """The sentence's words."""
        lists, arrays, here = self.document.lists, self.document.arrays(), slice(self._first, self._last)
        within: dict[int, Multiword] = {}
        for multiword in self.multiwords:
            within.update(dict.fromkeys(range(multiword.first, multiword.last + 1), multiword))
        rows = zip(
            lists.forms[here],
            zip(arrays.start[here].tolist(), arrays.end[here].tolist(), strict=True),
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


class Document:
    """A parsed text: the sequence of its sentences. `text` is the text, lone surrogates replaced by U+FFFD.

    `cut` counts the sentences that were longer than the model's bound.
    """

    def __init__(
        self, words: Words, columns: Columns, tags: tuple[str, ...], labels: tuple[str, ...], cut: int = 0
    ) -> None:
        for column in columns:
            column.flags.writeable = False
        self.text: str = words.text
        self.cut = cut
        self._words = words
        self._columns = columns
        self._arrays = Arrays(
            columns.upos,
            columns.heads,
            columns.deprels,
            words.start,
            words.end,
            words.sentences,
            tags,
            labels,
        )

    @cached_property
    def lists(self) -> Lists:
        """The document's columns as Python lists."""
        words, arrays = self._words, self._arrays
        token, offsets = words.token, arrays.sentences
        closes = np.append(token[1:] != token[:-1], True)[: len(token)]  # the last word of its token
        opens = np.insert(closes[:-1], 0, True)[: len(token)]
        many = np.flatnonzero(opens & ~closes)
        sizes = np.flatnonzero(closes)[np.cumsum(opens)[many] - 1] - many + 1
        tags, labels = arrays.tags, arrays.labels
        return Lists(
            forms=list(words.forms()),
            upos=[tags[tag] for tag in arrays.upos.tolist()],
            heads=arrays.heads.tolist(),
            deprels=[labels[label] for label in arrays.deprels.tolist()],
            space_after=((words.space_after[token] != 0) & closes).tolist(),
            sentences=offsets.tolist(),
            starts=words.token_start[token[offsets[:-1]]].tolist(),
            ends=words.token_end[token[offsets[1:] - 1]].tolist(),
            multiwords=dict(zip(many.tolist(), zip(token[many].tolist(), sizes.tolist(), strict=True), strict=True)),
        )

    def arrays(self) -> Arrays:
        """The document's columns, without a copy."""
        return self._arrays

    def to_conllu(self) -> str:
        """The document in CoNLL-U; sentences are numbered from 1."""
        from .writers import conllu

        return conllu(self)

    def to_dict(self) -> dict[str, Any]:
        """The document as JSON values."""
        return {"text": self.text, "sentences": [sentence.to_dict() for sentence in self]}

    def __len__(self) -> int:
        return len(self._arrays.sentences) - 1

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
        arrays = self._arrays
        return Document, (self._words, self._columns, arrays.tags, arrays.labels, self.cut)

    def __repr__(self) -> str:
        return f"<Document of {len(self)} sentences, {len(self._arrays.heads)} words>"
