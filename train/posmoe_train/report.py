"""A model on a treebank: scores by genre, relation and sentence length, calibration, and what it gets wrong."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import posmoe
from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe.features import load_features
from posmoe_train.conllu import Sentence

LENGTHS = (5, 10, 20, 40)
BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)
Row = dict[str, Any]


@dataclass(frozen=True)
class Word:
    """One word of the treebank beside what the model says of it."""

    genre: str
    length: int
    gold: tuple[int, str]
    found: tuple[int, str]
    tag: tuple[str, str]
    forms: tuple[str, str, str]
    context: str

    @property
    def attached(self) -> bool:
        """Whether the head is right."""
        return self.gold[0] == self.found[0]

    @property
    def labelled(self) -> bool:
        """Whether head and universal relation are right."""
        return self.attached and _universal(self.gold[1]) == _universal(self.found[1])


@dataclass(frozen=True)
class Report:
    """Tables as lists of rows.

    `sure` is about the arcs of 90 % confidence or more: `words`, their `share` of all, how many are `right` and their
    mean `confidence`, in percent; and `error`, the expected calibration error of all arcs in points.
    """

    genre: list[Row]
    relation: list[Row]
    length: list[Row]
    calibration: list[Row]
    sure: Row
    tag_errors: list[Row]
    label_errors: list[Row]
    head_errors: list[Row]


def report(bundle: Path, gold: Sequence[Sentence], most: int = 15) -> Report:
    """Analyse a bundle on a treebank's gold tokens.

    Args:
        bundle: the model.
        gold: sentences; a genre is what stands before the first hyphen of `sent_id`.
        most: rows of the lists of errors.
    """
    words = list(_words(bundle, gold))
    confidence, right = confidences(bundle, gold)
    table = calibration(confidence, right)
    return Report(
        genre=_table(words, lambda w: w.genre),
        relation=_table(words, lambda w: _universal(w.gold[1])),
        length=_table(words, _length, by_count=False),
        calibration=table,
        sure=_sure(confidence, right, table),
        tag_errors=_tag_errors(words, most),
        label_errors=_label_errors(words, most),
        head_errors=_head_errors(words, most),
    )


def confidences(bundle: Path, gold: Sequence[Sentence]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The probability of each word's likeliest head by a softmax of its scores, and whether that head is right."""
    loaded = Bundle.load(bundle)
    engine = create(loaded, choose("auto"))
    features = load_features(loaded.manifest["features"], loaded.tensors["features.keys"])
    probabilities: list[np.ndarray[Any, Any]] = []
    right: list[np.ndarray[Any, Any]] = []
    for sentence in gold:
        scores = engine.scores(features.ids(sentence.forms)[None], np.array([len(sentence)], np.int64))
        arcs = np.where(scores.heads[0] >= 0, scores.arcs[0], -np.inf).astype(np.float64)
        p = np.exp(arcs - arcs.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        best = p.argmax(1)
        rows = np.arange(len(sentence))
        probabilities.append(p[rows, best])
        right.append(scores.heads[0][rows, best] == np.asarray(sentence.heads))
    return np.concatenate(probabilities), np.concatenate(right)


def calibration(confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> list[Row]:
    """How often arcs are right, by their confidence, in percent."""
    bins = np.clip(np.digitize(confidence, BINS) - 1, 0, len(BINS) - 2)
    table = []
    for i, (low, high) in enumerate(pairwise(BINS)):
        inside = bins == i
        if inside.any():
            row = {"confidence": f"{100 * low:g}–{100 * high:g} %", "words": int(inside.sum())}
            mean, share = 100 * confidence[inside].mean(), 100 * right[inside].mean()
            table.append(row | {"mean confidence": round(float(mean), 1), "right": round(float(share), 1)})
    return table


def _sure(confidence: NDArray[np.float64], right: NDArray[np.bool_], table: Sequence[Row]) -> Row:
    sure = confidence >= 0.9
    error = sum(row["words"] * abs(row["mean confidence"] - row["right"]) for row in table) / max(1, len(right))
    return {
        "words": int(sure.sum()),
        "share": 100 * float(sure.mean()),
        "right": 100 * float(right[sure].mean()) if sure.any() else 0.0,
        "confidence": 100 * float(confidence[sure].mean()) if sure.any() else 0.0,
        "error": float(error),
    }


def _words(bundle: Path, gold: Sequence[Sentence]) -> Iterator[Word]:
    nlp = posmoe.load(bundle)
    for sentence, parsed in zip(gold, nlp.parse_tokens([s.forms for s in gold]), strict=True):
        forms = ["ROOT", *sentence.forms]
        genre = sentence.sent_id.partition("-")[0]
        heads = zip(sentence.heads, sentence.deprels, parsed, strict=True)
        for i, (head, deprel, word) in enumerate(heads):
            yield Word(
                genre,
                len(sentence),
                (head, deprel),
                (word.head, word.deprel),
                (sentence.upos[i], word.upos),
                (forms[i + 1], forms[head], forms[word.head]),
                _context(sentence.forms, i),
            )


def _context(forms: Sequence[str], place: int, around: int = 4) -> str:
    """A word in bold among its neighbours, as Markdown."""
    shown = [_plain(form) for form in forms]
    shown[place] = f"**{shown[place]}**"
    start, end = max(0, place - around), min(len(forms), place + around + 1)
    return "… " * (start > 0) + " ".join(shown[start:end]) + " …" * (end < len(forms))


def _plain(form: str) -> str:
    """A word without the signs that Markdown would read."""
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", form)


def _universal(deprel: str) -> str:
    return deprel.partition(":")[0]


def _length(word: Word) -> str:
    low = 1
    for high in LENGTHS:
        if word.length <= high:
            return f"{low}–{high}"
        low = high + 1
    return f"over {LENGTHS[-1]}"


def _table(words: Sequence[Word], key: Callable[[Word], Hashable], by_count: bool = True) -> list[Row]:
    groups: dict[Hashable, list[Word]] = {}
    for word in sorted(words, key=lambda w: w.length):
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


def _examples(words: Sequence[Word], key: Callable[[Word], Hashable]) -> dict[Any, Word]:
    """The first word of each kind; one beside an address or a telephone number only if there is no other."""
    found = {key(w): w for w in reversed(words)}
    return found | {key(w): w for w in reversed(words) if not re.search(r"@|\d{3}", w.context)}


def _tag_errors(words: Sequence[Word], most: int) -> list[Row]:
    """The commonest confusions of tags."""
    wrong = [w for w in words if w.tag[0] != w.tag[1]]
    examples = _examples(wrong, lambda w: w.tag)
    return [
        {"gold": g, "found": f, "words": n, "example": examples[g, f].context}
        for (g, f), n in Counter(w.tag for w in wrong).most_common(most)
    ]


def _label_errors(words: Sequence[Word], most: int) -> list[Row]:
    """The commonest wrong relations of rightly attached words."""
    wrong = [w for w in words if w.attached and not w.labelled]
    pairs = Counter((_universal(w.gold[1]), _universal(w.found[1])) for w in wrong)
    examples = _examples(wrong, lambda w: (_universal(w.gold[1]), _universal(w.found[1])))
    rows = []
    for (gold, found), count in pairs.most_common(most):
        word = examples[gold, found]
        row = {"gold": gold, "found": found, "words": count, "head": _plain(word.forms[1])}
        rows.append(row | {"example": word.context})
    return rows


def _head_errors(words: Sequence[Word], most: int) -> list[Row]:
    """The relations whose words are attached wrongly most often, with an example each."""
    wrong = [w for w in words if not w.attached]
    all_of = Counter(_universal(w.gold[1]) for w in words)
    examples = _examples(wrong, lambda w: _universal(w.gold[1]))
    rows = []
    for name, count in Counter(_universal(w.gold[1]) for w in wrong).most_common(most):
        word = examples[name]
        _, right, found = (_plain(form) for form in word.forms)
        row = {"relation": name, "words": count, "of": all_of[name], "head": right, "found": found}
        rows.append(row | {"example": word.context})
    return rows
