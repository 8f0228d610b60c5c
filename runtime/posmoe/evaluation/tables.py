"""Scores by genre, relation and sentence length, on gold tokens."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..document import Document
    from .treebank import Sentence

LENGTHS = (5, 10, 20, 40)
GENRES = 20  # rows; a treebank whose identifiers name no genre has one a document, or one a sentence
Row = dict[str, Any]


@dataclass(frozen=True)
class Word:
    """One word of the treebank beside what the model says of it; `gold` and `found` are heads and relations."""

    genre: str
    length: int
    gold: tuple[int, str]
    found: tuple[int, str]
    tag: tuple[str, str]

    @property
    def attached(self) -> bool:
        """Whether the head is right."""
        return self.gold[0] == self.found[0]

    @property
    def labelled(self) -> bool:
        """Whether head and universal relation are right."""
        return self.attached and universal(self.gold[1]) == universal(self.found[1])


def universal(deprel: str) -> str:
    """A relation without its subtype."""
    return deprel.partition(":")[0]


def genre(sentence: Sentence) -> str:
    """What stands before the first hyphen of a sentence's identifier."""
    return sentence.sent_id.partition("-")[0]


def words(gold: Sequence[Sentence], parsed: Document) -> Iterator[Word]:
    """Every word of gold sentences, with what was found for their tokens."""
    for sentence, trees in zip(gold, parsed, strict=True):
        name, length = genre(sentence), len(sentence)
        rows = zip(sentence.heads, sentence.deprels, sentence.upos, trees, strict=True)
        for head, deprel, upos, word in rows:
            yield Word(name, length, (head, deprel), (word.head, word.deprel), (upos, word.upos))


def by_genre(found: Sequence[Word]) -> list[Row]:
    """Rows of genres, the largest first; beyond GENRES of them the rest is one row, `others`."""
    sizes: dict[str, int] = {}
    for word in found:
        sizes[word.genre] = sizes.get(word.genre, 0) + 1
    if len(sizes) <= GENRES:
        return _table(found, lambda w: w.genre)
    largest = sorted(sizes, key=lambda name: -sizes[name])[:GENRES]
    rows = _table(found, lambda w: w.genre if w.genre in largest else None)
    rest = next(row for row in rows if row["name"] is None)
    return [*(row for row in rows if row is not rest), rest | {"name": "others"}]


def by_relation(found: Sequence[Word]) -> list[Row]:
    """Rows of gold relations without subtypes, the commonest first."""
    return _table(found, lambda w: universal(w.gold[1]))


def by_length(found: Sequence[Word]) -> list[Row]:
    """Rows of sentence lengths in words, shortest first."""
    return _table(found, _length, by_count=False)


def _length(word: Word) -> str:
    low = 1
    for high in LENGTHS:
        if word.length <= high:
            return f"{low}–{high}"
        low = high + 1
    return f"over {LENGTHS[-1]}"


def _table(found: Sequence[Word], key: Callable[[Word], Hashable], by_count: bool = True) -> list[Row]:
    groups: dict[Hashable, list[Word]] = {}
    for word in sorted(found, key=lambda w: w.length):
        groups.setdefault(key(word), []).append(word)
    order = sorted(groups, key=lambda k: -len(groups[k])) if by_count else list(groups)
    rows = []
    for name in order:
        group = groups[name]
        scores = {
            "uas": sum(w.attached for w in group),
            "las": sum(w.labelled for w in group),
            "upos": sum(w.tag[0] == w.tag[1] for w in group),
        }
        rows.append(
            {"name": name, "words": len(group)} | {k: round(100 * v / len(group), 1) for k, v in scores.items()}
        )
    return rows
