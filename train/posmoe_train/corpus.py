"""Tokenised sentences as columns, and soft targets beside them: what students and teachers read.

A corpus of tens of millions of words stays small: each distinct form is stored once, in order of
frequency, and a word is its index. Both files are safetensors.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from posmoe_train.errors import CorpusError

HEADS, LABELS, TAGS = 4, 2, 2
MAX_WORDS = 120


@dataclass(frozen=True)
class Corpus:
    """Sentence s has the words `forms[words[i]]` for i in offsets[s] … offsets[s + 1]."""

    forms: list[str]
    words: NDArray[np.int32]
    offsets: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sentence(self, index: int) -> list[str]:
        """The forms of one sentence."""
        return [self.forms[i] for i in self.words[self.offsets[index] : self.offsets[index + 1]]]

    def select(self, sentences: NDArray[np.int64]) -> "Corpus":
        """The sentences of the given indices, in that order."""
        return Corpus(self.forms, self.words[spans(self.offsets, sentences)], cumulative(self.offsets, sentences))

    @classmethod
    def build(cls, sentences: Iterable[Sequence[str]]) -> "Corpus":
        """Index the forms of the sentences, most frequent first; ties in order of the form."""
        index: dict[str, int] = {}
        words: list[int] = []
        offsets = [0]
        for sentence in sentences:
            words += [index.setdefault(form, len(index)) for form in sentence]
            offsets.append(len(words))
        seen = np.asarray(words, dtype=np.int64)
        forms = list(index)
        counts = np.bincount(seen, minlength=len(forms))
        order = sorted(range(len(forms)), key=lambda i: (-counts[i], forms[i]))
        rank = np.empty(len(forms), np.int32)
        rank[order] = np.arange(len(forms), dtype=np.int32)
        return cls([forms[i] for i in order], rank[seen], np.asarray(offsets, np.int64))

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        if any(not form or "\n" in form for form in self.forms):
            raise CorpusError("a form is empty or holds a line break; tokens of our tokeniser never do")
        text = np.frombuffer("\n".join(self.forms).encode(), np.uint8)
        lengths = np.diff(self.offsets).astype(np.uint16)
        save_file({"forms": text, "words": self.words, "lengths": lengths}, path)

    @classmethod
    def load(cls, path: Path) -> "Corpus":
        """Read what `save` wrote."""
        tensors = _load(path, {"forms", "words", "lengths"})
        lengths = tensors["lengths"].astype(np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        if offsets[-1] != len(tensors["words"]):
            raise CorpusError(f"{path}: lengths add up to {offsets[-1]}, words are {len(tensors['words'])}")
        text = tensors["forms"].tobytes().decode()
        forms = text.split("\n") if text else []
        return cls(forms, tensors["words"], offsets)


@dataclass(frozen=True)
class Targets:
    """Soft targets a word, likeliest first; probabilities are bytes, 255 is one.

    heads [n, 4] (0 = root), labels [n, 2] of the likeliest head, tags [n, 2], and their probabilities.
    """

    heads: NDArray[np.uint8]
    head_p: NDArray[np.uint8]
    labels: NDArray[np.uint8]
    label_p: NDArray[np.uint8]
    tags: NDArray[np.uint8]
    tag_p: NDArray[np.uint8]

    def save(self, path: Path) -> None:
        """Write one safetensors file."""
        save_file(dict(self.__dict__), path)

    @classmethod
    def load(cls, path: Path) -> "Targets":
        """Read what `save` wrote."""
        return cls(**_load(path, {"heads", "head_p", "labels", "label_p", "tags", "tag_p"}))

    def select(self, rows: NDArray[np.int64]) -> "Targets":
        """The targets of the given words."""
        return Targets(**{name: column[rows] for name, column in self.__dict__.items()})

    @classmethod
    def hard(cls, heads: ArrayLike, labels: ArrayLike, tags: ArrayLike) -> "Targets":
        """Certain targets, one a word."""
        columns: dict[str, NDArray[np.uint8]] = {}
        for name, values, width in (("head", heads, HEADS), ("label", labels, LABELS), ("tag", tags, TAGS)):
            first = np.asarray(values)
            column = np.zeros((len(first), width), np.uint8)
            column[:, 0] = first
            probability = np.zeros_like(column)
            probability[:, 0] = 255
            columns |= {f"{name}s": column, f"{name}_p": probability}
        return cls(**columns)

    def hardened(self) -> "Targets":
        """The likeliest answers alone, as certain."""
        return Targets.hard(self.heads[:, 0], self.labels[:, 0], self.tags[:, 0])

    @classmethod
    def join(cls, parts: Sequence["Targets"]) -> "Targets":
        """Targets of corpora set one after another."""
        return cls(**{name: np.concatenate([p.__dict__[name] for p in parts]) for name in parts[0].__dict__})


def _load(path: Path, names: set[str]) -> dict[str, NDArray[Any]]:
    """The tensors of a file, which must have these names."""
    try:
        tensors = load_file(path)
    except (SafetensorError, FileNotFoundError) as error:
        raise CorpusError(f"{path}: missing, cut short or altered ({error})") from error
    if set(tensors) != names:
        raise CorpusError(f"{path}: expected the tensors {sorted(names)}, got {sorted(tensors)}")
    return tensors


def spans(offsets: NDArray[np.int64], sentences: NDArray[np.int64]) -> NDArray[np.int64]:
    """Indices of all words of the given sentences."""
    lengths = offsets[sentences + 1] - offsets[sentences]
    starts = np.repeat(offsets[sentences] - np.concatenate([[0], np.cumsum(lengths)[:-1]]), lengths)
    return starts + np.arange(lengths.sum())


def cumulative(offsets: NDArray[np.int64], sentences: NDArray[np.int64]) -> NDArray[np.int64]:
    """Offsets of the given sentences set one after another."""
    return np.concatenate([[0], np.cumsum(offsets[sentences + 1] - offsets[sentences])])


def batches(
    lengths: NDArray[np.int64], budget: int, generator: np.random.Generator | None, chunk: int = 20_000
) -> Iterator[NDArray[np.int64]]:
    """Batches of sentences of like length whose padded words stay within the budget.

    Args:
        lengths: words a sentence.
        budget: padded words a batch.
        generator: shuffles sentences and batches; none keeps the order of length.
    """
    order = np.flatnonzero((lengths > 0) & (lengths <= MAX_WORDS)) if generator else np.arange(len(lengths))
    if generator:
        generator.shuffle(order)
    found: list[NDArray[np.int64]] = []
    for at in range(0, len(order), chunk if generator else max(1, len(order))):
        part = order[at : at + chunk] if generator else order
        part = part[np.argsort(lengths[part], kind="stable")]
        begin = 0
        for end in range(1, len(part) + 1):
            if end == len(part) or lengths[part[end]] * (end + 1 - begin) > budget:
                found.append(part[begin:end])
                begin = end
    if generator:
        found = [found[i] for i in generator.permutation(len(found))]
    return iter(found)
