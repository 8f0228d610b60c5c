"""A model's card: its scores by genre, relation and sentence length, its calibration, and what it gets wrong."""

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

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

    @property
    def attached(self) -> bool:
        """Whether the head is right."""
        return self.gold[0] == self.found[0]

    @property
    def labelled(self) -> bool:
        """Whether head and universal relation are right."""
        return self.attached and _universal(self.gold[1]) == _universal(self.found[1])


def report(bundle: Path, gold: Sequence[Sentence], most: int = 15) -> dict[str, Any]:
    """Analyse a bundle on a treebank's gold tokens.

    Args:
        bundle: the model.
        gold: sentences; a genre is what stands before the first hyphen of `sent_id`.
        most: rows of the lists of errors.
    Returns:
        tables as lists of rows: `genre`, `relation`, `length`, `calibration`, `label_errors`, `head_errors`.
    """
    words = list(_words(bundle, gold))
    return {
        "genre": _table(words, lambda w: w.genre),
        "relation": _table(words, lambda w: _universal(w.gold[1])),
        "length": _table(words, _length, by_count=False),
        "calibration": calibration(bundle, gold),
        "label_errors": _label_errors(words, most),
        "head_errors": _head_errors(words, most),
    }


def calibration(bundle: Path, gold: Sequence[Sentence]) -> list[Row]:
    """How often the likeliest head is right, by the probability that the scores give it (a softmax a word)."""
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
    confidence, correct = np.concatenate(probabilities), np.concatenate(right)
    bins = np.clip(np.digitize(confidence, BINS) - 1, 0, len(BINS) - 2)
    table = []
    for i, (low, high) in enumerate(pairwise(BINS)):
        inside = bins == i
        if inside.any():
            mean, share = 100 * confidence[inside].mean(), 100 * correct[inside].mean()
            row = {"from": low, "to": high, "words": int(inside.sum())}
            table.append(row | {"confidence": round(float(mean), 1), "right": round(float(share), 1)})
    return table


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
            )


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


def _label_errors(words: Sequence[Word], most: int) -> list[Row]:
    """The commonest wrong relations of rightly attached words."""
    wrong = [w for w in words if w.attached and not w.labelled]
    pairs = Counter((_universal(w.gold[1]), _universal(w.found[1])) for w in wrong)
    examples = {(_universal(w.gold[1]), _universal(w.found[1])): w for w in reversed(wrong)}
    return [
        {"gold": g, "found": f, "words": n, "example": f"{examples[g, f].forms[0]} ← {examples[g, f].forms[1]}"}
        for (g, f), n in pairs.most_common(most)
    ]


def _head_errors(words: Sequence[Word], most: int) -> list[Row]:
    """The relations whose words are attached wrongly most often, with an example each."""
    wrong = [w for w in words if not w.attached]
    counts = Counter(_universal(w.gold[1]) for w in wrong)
    examples = {_universal(w.gold[1]): w for w in reversed(wrong)}
    rows = []
    for name, count in counts.most_common(most):
        form, right, found = examples[name].forms
        rows.append({"relation": name, "words": count, "example": f"{form} ← {right}, found {found}"})
    return rows


def model_card(bundle: Path, gold: Sequence[Sentence]) -> str:
    """A bundle's card in Markdown: what it is, what it was trained on, and its report on a treebank's gold tokens."""
    manifest = Bundle.load(bundle).manifest
    scores = manifest["metrics"]
    data = [
        f"- {d['name']}: {d['words']:,} words, {d['licence']}; {d.get('use', '')}" for d in manifest["training_data"]
    ]
    lines = [
        f"# {manifest['name']} {manifest['version']}",
        "",
        f"A dependency parser for `{manifest['language']}`: tokens, sentences, parts of speech, heads and relations",
        f"after Universal Dependencies. Licence: {manifest['licence']}. A sentence of 20 words costs",
        f"{manifest['flops']['total_20']:,} FLOPs. On the development treebank: UAS {scores['uas']:.1f}, LAS",
        f"{scores['las']:.1f} and UPOS {scores['upos']:.1f} on gold tokens; from raw text, words",
        f"{scores['raw_words']:.1f}, sentences {scores['raw_sentences']:.1f} and LAS {scores['raw_las']:.1f}.",
        "",
        "## Training data",
        "",
        *data,
        "",
        "## Use",
        "",
        "Meant for running text like that of its treebank. Its trees are predictions: the tables below say where they",
        "are least to be trusted. Confidence is the softmax of a word's arc scores.",
        "",
    ]
    return "\n".join(lines) + "\n" + markdown(report(bundle, gold))


def markdown(tables: dict[str, list[Row]]) -> str:
    """The tables of a report as Markdown, a heading each."""
    parts = []
    for title, rows in tables.items():
        if not rows:
            continue
        heads = list(rows[0])
        lines = [f"## {title.replace('_', ' ').capitalize()}", "", "| " + " | ".join(heads) + " |"]
        lines.append("|" + "---|" * len(heads))
        lines += ["| " + " | ".join(str(row[h]).replace("|", "\\|") for h in heads) + " |" for row in rows]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
