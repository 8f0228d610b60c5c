"""The CoNLL 2018 shared task's scores: tokens, sentences, words, UPOS, UAS, LAS; in percent.

Gold and system may be cut differently. Spans count characters without white space. A word outside every
multiword token is aligned with a word of the same span. Multiword tokens of either side that overlap,
directly or through others, form a region; the words that lie wholly inside it are aligned by the longest
common subsequence of their lower-cased forms. Punctuation counts; subtypes of relations (`nmod:poss`) do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from .treebank import Sentence

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Score:
    """Counts of one metric and the percentages that follow from them."""

    correct: int
    gold: int
    system: int
    aligned: int | None = None

    @property
    def precision(self) -> float:
        return _percent(self.correct, self.system)

    @property
    def recall(self) -> float:
        return _percent(self.correct, self.gold)

    @property
    def f1(self) -> float:
        return _percent(2 * self.correct, self.gold + self.system)

    @property
    def aligned_accuracy(self) -> float | None:
        """Correct among the aligned words; None for tokens, sentences and words, which are not aligned."""
        return None if self.aligned is None else _percent(self.correct, self.aligned)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One `Score` a metric."""

    tokens: Score
    sentences: Score
    words: Score
    upos: Score
    uas: Score
    las: Score

    def f1(self) -> dict[str, float]:
        """The F1 of every metric by name, in percent."""
        return {metric.name: getattr(self, metric.name).f1 for metric in fields(self)}


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0


@dataclass(slots=True)
class _Side:
    """One side's sentences as flat columns over all words; heads are indices of words, -1 the root."""

    characters: str
    tokens: list[Span]
    sentences: list[Span]
    spans: list[Span]
    multi: list[bool]
    forms: list[str]
    upos: list[str]
    heads: list[int]
    deprels: list[str]


def _flatten(sentences: Sequence[Sentence]) -> _Side:
    side = _Side("", [], [], [], [], [], [], [], [])
    characters: list[str] = []
    at = 0
    for sentence in sentences:
        base, first = len(side.spans), at
        for token in sentence.tokens:
            form = "".join(token.form.split())
            characters.append(form)
            span = (at, at + len(form))
            at = span[1]
            side.tokens.append(span)
            count = token.end - token.start
            side.spans += [span] * count
            side.multi += [count > 1 or sentence.forms[token.start] != token.form] * count
        side.sentences.append((first, at))
        side.forms += [form.lower() for form in sentence.forms]
        side.upos += sentence.upos
        side.heads += [base + head - 1 if head else -1 for head in sentence.heads]
        side.deprels += [deprel.partition(":")[0] for deprel in sentence.deprels]
    side.characters = "".join(characters)
    return side


def evaluate(gold: Sequence[Sentence], system: Sequence[Sentence]) -> Evaluation:
    """Score the system's sentences against gold ones over the same text.

    Raises:
        ValueError: the characters without white space differ; the message says where.
    """
    g, s = _flatten(gold), _flatten(system)
    if g.characters != s.characters:
        length = min(len(g.characters), len(s.characters))
        at = next((i for i in range(length) if g.characters[i] != s.characters[i]), length)
        raise ValueError(
            f"the texts differ at character {at} (white space left out): "
            f"expected {g.characters[at : at + 30]!r}, found {s.characters[at : at + 30]!r}"
        )
    pairs = _align(g, s)
    to_gold = {j: i for i, j in pairs}
    to_gold[-1] = -1
    upos = uas = las = 0
    for i, j in pairs:
        upos += g.upos[i] == s.upos[j]
        if to_gold.get(s.heads[j]) == g.heads[i]:
            uas += 1
            las += g.deprels[i] == s.deprels[j]
    n, m = len(g.spans), len(s.spans)
    return Evaluation(
        tokens=_spans(g.tokens, s.tokens),
        sentences=_spans(g.sentences, s.sentences),
        words=Score(len(pairs), n, m),
        upos=Score(upos, n, m, len(pairs)),
        uas=Score(uas, n, m, len(pairs)),
        las=Score(las, n, m, len(pairs)),
    )


def _spans(gold: list[Span], system: list[Span]) -> Score:
    return Score(len(set(gold) & set(system)), len(gold), len(system))


def _align(gold: _Side, system: _Side) -> list[tuple[int, int]]:
    """Give pairs (gold word, system word), in order."""
    regions = _regions(gold, system)
    single: dict[Span, int] = {}
    inside: dict[int, list[int]] = {}
    for j, region in enumerate(_places(system, regions)):
        if region is None:
            single[system.spans[j]] = j
        else:
            inside.setdefault(region, []).append(j)
    pairs: list[tuple[int, int]] = []
    waiting: dict[int, list[int]] = {}
    for i, region in enumerate(_places(gold, regions)):
        if region is not None:
            waiting.setdefault(region, []).append(i)
        elif gold.spans[i] in single:
            pairs.append((i, single[gold.spans[i]]))
    for region, words in waiting.items():
        others = inside.get(region, [])
        common = _common([gold.forms[i] for i in words], [system.forms[j] for j in others])
        pairs += [(words[a], others[b]) for a, b in common]
    return sorted(pairs)


def _regions(gold: _Side, system: _Side) -> list[Span]:
    """Merge the spans of both sides' multiword tokens that overlap; in order, apart from each other."""
    spans = sorted({span for side in (gold, system) for span, m in zip(side.spans, side.multi, strict=True) if m})
    regions: list[Span] = []
    for start, end in spans:
        if regions and start < regions[-1][1]:
            regions[-1] = (regions[-1][0], max(end, regions[-1][1]))
        else:
            regions.append((start, end))
    return regions


def _places(side: _Side, regions: list[Span]) -> list[int | None]:
    """For each word the region that it lies in, or None."""
    places: list[int | None] = []
    at = 0
    for start, end in side.spans:
        while at < len(regions) and regions[at][1] <= start:
            at += 1
        inside = at < len(regions) and regions[at][0] <= start and end <= regions[at][1]
        places.append(at if inside else None)
    return places


def _common(a: list[str], b: list[str]) -> list[tuple[int, int]]:
    """Give the longest common subsequence of two lists as pairs of indices, the leftmost of `a` first."""
    if a == b:
        return [(i, i) for i in range(len(a))]
    length = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i in reversed(range(len(a))):
        for j in reversed(range(len(b))):
            same = length[i + 1][j + 1] + 1 if a[i] == b[j] else 0
            length[i][j] = max(same, length[i + 1][j], length[i][j + 1])
    pairs: list[tuple[int, int]] = []
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif length[i][j] == length[i + 1][j]:
            i += 1
        else:
            j += 1
    return pairs


def evaluate_words(
    gold: Sequence[Sentence],
    upos: Sequence[Sequence[str]],
    heads: Sequence[Sequence[int]],
    deprels: Sequence[Sequence[str]],
) -> dict[str, float]:
    """Score predictions for gold words: `upos`, `uas` and `las` in percent, each both accuracy and F1.

    Raises:
        ValueError: a column has another number of sentences or words than gold.
    """
    tags = arcs = labelled = words = 0
    for k, (sentence, t, h, d) in enumerate(zip(gold, upos, heads, deprels, strict=True)):
        if not len(sentence) == len(t) == len(h) == len(d):
            raise ValueError(f"sentence {k}: expected {len(sentence)} words, found {len(t)}, {len(h)}, {len(d)}")
        words += len(sentence)
        for i in range(len(sentence)):
            tags += t[i] == sentence.upos[i]
            if h[i] == sentence.heads[i]:
                arcs += 1
                labelled += d[i].partition(":")[0] == sentence.deprels[i].partition(":")[0]
    return {"upos": _percent(tags, words), "uas": _percent(arcs, words), "las": _percent(labelled, words)}
