"""A parsed text: documents, sentences and words as views over columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from ._core import Words
    from .network import Columns


@dataclass(frozen=True)
class Arrays:
    """A document's columns. Offsets are code points into the text; n words, S sentences."""

    upos: NDArray[np.int32]  # [n], indices into `tags`
    heads: NDArray[np.int32]  # [n], 0 is the root, else the head's place in its sentence, from 1
    deprels: NDArray[np.int32]  # [n], indices into `labels`
    start: NDArray[np.uint32]  # [n]
    end: NDArray[np.uint32]  # [n]
    sentences: NDArray[np.uint32]  # [S + 1]; sentence s has the words sentences[s] .. sentences[s + 1]
    tags: tuple[str, ...]
    labels: tuple[str, ...]


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
        return [token for token in self.sentence if token.head == self.index]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Token):
            return NotImplemented
        return self.sentence == other.sentence and self.index == other.index

    def __hash__(self) -> int:
        return hash((self.sentence, self.index))

    def __repr__(self) -> str:
        return f"<Token {self.index} {self.text!r} {self.upos} {self.deprel} → {self.head}>"


class Sentence:
    """A sentence: the sequence of its words. `index` is its place in the document, from 0."""

    def __init__(self, document: Document, index: int) -> None:
        self.document = document
        self.index = index
        self._first, self._last = (int(at) for at in document.arrays().sentences[index : index + 2])

    @property
    def start(self) -> int:
        """Code point in the document's text where the sentence begins."""
        return int(self.document._words.token_start[self.document._words.token[self._first]])

    @property
    def end(self) -> int:
        """Code point in the document's text where the sentence ends."""
        return int(self.document._words.token_end[self.document._words.token[self._last - 1]])

    @property
    def text(self) -> str:
        """The sentence as the text has it."""
        return self.document.text[self.start : self.end]

    @property
    def root(self) -> Token:
        """The word whose head is the root."""
        return next(token for token in self if token.head == 0)

    @cached_property
    def multiwords(self) -> list[Multiword]:
        """The surface tokens of several words, in order."""
        words = self.document._words
        owner = words.token[self._first : self._last]
        result = []
        for token in np.unique(owner[1:][owner[1:] == owner[:-1]]).tolist():
            first, last = np.searchsorted(owner, [token, token + 1]).tolist()
            start, end = int(words.token_start[token]), int(words.token_end[token])
            space = bool(words.space_after[token])
            result.append(Multiword(self.document.text[start:end], start, end, first + 1, last, space))
        return result

    @cached_property
    def tokens(self) -> list[Token]:
        """The sentence's words."""
        document, here = self.document, slice(self._first, self._last)
        words, columns = document._words, document.arrays()
        owner = words.token[here]
        closes = np.append(owner[1:] != owner[:-1], True)  # the last word of its surface token
        space = (words.space_after[owner] != 0) & closes
        within: dict[int, Multiword] = {}
        for multiword in self.multiwords:
            within.update(dict.fromkeys(range(multiword.first, multiword.last + 1), multiword))
        rows = zip(
            document.forms[here],
            columns.start[here].tolist(),
            columns.end[here].tolist(),
            space.tolist(),
            columns.upos[here].tolist(),
            columns.heads[here].tolist(),
            columns.deprels[here].tolist(),
            strict=True,
        )
        tags, labels = columns.tags, columns.labels
        return [
            Token(self, i, text, (start, end), after, tags[upos], head, labels[deprel], within.get(i))
            for i, (text, start, end, after, upos, head, deprel) in enumerate(rows, 1)
        ]

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
            {"first": m.first, "last": m.last, "text": m.text, "start": m.start, "end": m.end}
            for m in self.multiwords
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
        self.text: str = words.text
        self.cut = cut
        self._words = words
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
    def forms(self) -> list[str]:
        """The forms of all words."""
        return list(self._words.forms())

    def arrays(self) -> Arrays:
        """The document's columns, without a copy. Don't write into them."""
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

    def __repr__(self) -> str:
        return f"<Document of {len(self)} sentences, {len(self._arrays.heads)} words>"
