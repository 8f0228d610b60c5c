"""The tokeniser's word lists, learned from a treebank: abbreviations, multiword tokens, closed places."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from posmoe_train.tokenizer_text import Block

Rules = dict[str, list[str]]
_APOSTROPHES = {ord(c): "'" for c in "\u2018\u2019\u0060\u00b4"}


def fold(text: str) -> str:
    """Fold a form about as the core does: lower case, and one kind of apostrophe."""
    return text.lower().translate(_APOSTROPHES)


def learn_abbreviations(blocks: Iterable[Block]) -> list[str]:
    """Forms of letters that end in a point, seen twice or more."""
    counts = Counter(fold(t.form) for b in blocks for t in b.tokens if t.form.endswith(".") and len(t.form) <= 12)
    return sorted(form for form, n in counts.items() if n >= 2 and " " not in form and any(c.isalpha() for c in form))


def learn_grouped_digits(blocks: Iterable[Block]) -> bool:
    """Whether numbers such as 10 000 are one token more often than two."""
    one = two = 0
    for block in blocks:
        forms = [t.form for t in block.tokens]
        one += sum(re.fullmatch(r"\d{1,3}([ \u00a0\u202f]\d{3})+", form) is not None for form in forms)
        for token, behind in zip(block.tokens, forms[1:], strict=False):
            parts = re.fullmatch(r"\d{1,3}", token.form) and re.fullmatch(r"\d{3}", behind)
            two += token.space_after and parts is not None
    return one > two


def learn_multiwords(blocks: Iterable[Block]) -> tuple[Rules, Rules, Rules]:
    """Learn (always, ambiguous, suffixes): forms of several words always or sometimes, productive ends."""
    splits: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for block in blocks:
        for token in block.tokens:
            form = fold(token.form)
            totals[form] += 1
            if len(token.words) > 1:
                splits[form][tuple(map(fold, token.words))] += 1
    suffixes = _learn_suffixes(splits, totals)
    always: Rules = {}
    ambiguous: Rules = {}
    for form, counts in sorted(splits.items()):
        words, n = counts.most_common(1)[0]
        if " " in form or "" in words:
            continue
        if n >= 0.5 * totals[form] and list(words) == _by_suffix(form, suffixes):
            continue
        if n >= 0.97 * totals[form]:
            always[form] = list(words)
        elif n >= 0.01 * totals[form]:
            ambiguous[form] = list(words)
    return always, ambiguous, suffixes


def _by_suffix(form: str, suffixes: Rules) -> list[str] | None:
    """The words that the longest suffix makes of a form."""
    end = next((form[k:] for k in range(1, len(form)) if form[k:] in suffixes), None)
    return None if end is None else [form[: -len(end)], end]


def _learn_suffixes(splits: dict[str, Counter[tuple[str, ...]]], totals: Counter[str]) -> Rules:
    """Ends that are the second word of nearly every form that has them (five forms, three for a sign)."""
    makes: dict[str, set[str]] = defaultdict(set)
    for form, counts in splits.items():
        words = counts.most_common(1)[0][0]
        if len(words) == 2 and "".join(words) == form:
            makes[words[1]].add(form)
    suffixes: Rules = {}
    for end, forms in sorted(makes.items()):
        if end and len(forms) >= (5 if end.isalpha() else 3):
            having = sum(form.endswith(end) and len(form) > len(end) for form in totals)
            if len(forms) >= 0.85 * having:
                suffixes[end] = ["", end]
    return suffixes


def learn_closed(lessons: Sequence[tuple[NDArray[np.uint32], NDArray[np.uint8]]], rate: float = 0.001) -> list[int]:
    """Kinds of places, seen 200 times or more, where hardly a sentence ends: there the splitter doesn't ask.

    Args:
        lessons: pairs (kinds, whether a sentence ended there).
    """
    places = np.concatenate([kinds for kinds, _ in lessons])
    seen = np.bincount(places)
    ends = np.bincount(places, np.concatenate([answers for _, answers in lessons]), len(seen))
    return [int(place) for place in np.flatnonzero((seen >= 200) & (ends <= rate * seen))]
