"""A model on a treebank: scores by genre, relation and sentence length, calibration, and what it gets wrong."""

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import posmoe
from posmoe.bundle import Bundle
from posmoe.engines import choose, create
from posmoe.evaluation import tables
from posmoe.evaluation.tables import Row, universal
from posmoe.features import load_features
from posmoe_train.conllu import Sentence

BINS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class Example(tables.Word):
    """A word with its form, those of its gold head and of the head found, and its neighbours."""

    forms: tuple[str, str, str]
    context: str


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
        genre=tables.by_genre(words),
        relation=tables.by_relation(words),
        length=tables.by_length(words),
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


def _words(bundle: Path, gold: Sequence[Sentence]) -> Iterator[Example]:
    parsed = posmoe.load(bundle).parse_tokens([sentence.forms for sentence in gold])
    found = tables.words(gold, parsed)
    for sentence in gold:
        forms = ["ROOT", *sentence.forms]
        for i, word in enumerate(islice(found, len(sentence))):
            shown = (forms[i + 1], forms[word.gold[0]], forms[word.found[0]])
            yield Example(**vars(word), forms=shown, context=_context(sentence.forms, i))


def _context(forms: Sequence[str], place: int, around: int = 4) -> str:
    """A word in bold among its neighbours, as Markdown."""
    shown = [_plain(form) for form in forms]
    shown[place] = f"**{shown[place]}**"
    start, end = max(0, place - around), min(len(forms), place + around + 1)
    return "… " * (start > 0) + " ".join(shown[start:end]) + " …" * (end < len(forms))


def _plain(form: str) -> str:
    """A word without the signs that Markdown would read."""
    return re.sub(r"([\\`*_<>\[\]#|])", r"\\\1", form)


def _examples(words: Sequence[Example], key: Callable[[Example], Hashable]) -> dict[Any, Example]:
    """The first word of each kind; one beside an address or a telephone number only if there is no other."""
    found = {key(w): w for w in reversed(words)}
    return found | {key(w): w for w in reversed(words) if not re.search(r"@|\d{3}", w.context)}


def _tag_errors(words: Sequence[Example], most: int) -> list[Row]:
    """The commonest confusions of tags."""
    wrong = [w for w in words if w.tag[0] != w.tag[1]]
    examples = _examples(wrong, lambda w: w.tag)
    return [
        {"gold": g, "found": f, "words": n, "example": examples[g, f].context}
        for (g, f), n in Counter(w.tag for w in wrong).most_common(most)
    ]


def _label_errors(words: Sequence[Example], most: int) -> list[Row]:
    """The commonest wrong relations of rightly attached words."""
    wrong = [w for w in words if w.attached and not w.labelled]
    pairs = Counter((universal(w.gold[1]), universal(w.found[1])) for w in wrong)
    examples = _examples(wrong, lambda w: (universal(w.gold[1]), universal(w.found[1])))
    rows = []
    for (gold, found), count in pairs.most_common(most):
        word = examples[gold, found]
        row = {"gold": gold, "found": found, "words": count, "head": _plain(word.forms[1])}
        rows.append(row | {"example": word.context})
    return rows


def _head_errors(words: Sequence[Example], most: int) -> list[Row]:
    """The relations whose words are attached wrongly most often, with an example each."""
    wrong = [w for w in words if not w.attached]
    all_of = Counter(universal(w.gold[1]) for w in words)
    examples = _examples(wrong, lambda w: universal(w.gold[1]))
    rows = []
    for name, count in Counter(universal(w.gold[1]) for w in wrong).most_common(most):
        word = examples[name]
        _, right, found = (_plain(form) for form in word.forms)
        row = {"relation": name, "words": count, "of": all_of[name], "head": right, "found": found}
        rows.append(row | {"example": word.context})
    return rows
