"""A plain twin of the core's tokeniser, for tests: the same decisions, written to be read."""

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tokenizer_twin_atoms import (
    BASE,
    DIGITS,
    MASK,
    PICTURE,
    POINT,
    SIGN,
    Atom,
    addresses,
    char_class,
    fold,
    next_atom,
)
from .tokenizer_twin_features import (
    Features,
    Token,
    boundary_features,
    cut_features,
    look_of,
    multiword_features,
    slot,
)

CLASS_NUMBERS = [
    "space",
    "lower",
    "upper",
    "letter",
    "ideograph",
    "digit",
    "sign",
    "extend",
    "picture",
    "flag",
]


def folded(text: str) -> str:
    """A text with every code point folded."""
    return "".join(chr(fold(ord(c))) for c in text)


@dataclass
class Result:
    """What Words holds, as plain lists: words (start, end, token, form), tokens (start, end, space after)."""

    words: list[tuple[int, int, int, str]] = field(default_factory=list)
    tokens: list[tuple[int, int, bool]] = field(default_factory=list)
    sentences: list[int] = field(default_factory=lambda: [0])
    split: list[bool] = field(default_factory=list)

    def end_sentence(self, split: bool) -> None:
        self.sentences.append(len(self.words))
        self.split.append(split)


class TwinTokenizer:
    """Reads the same specification and weights as the core's Tokenizer."""

    def __init__(self, spec: dict[str, Any], weights: NDArray[np.int8]) -> None:
        self.spec = spec
        self.tables: dict[str, tuple[NDArray[np.int8], int]] = {}
        at = 0
        for name in ("cut", "multiword", "boundary"):
            size = spec["tables"][name]["size"]
            self.tables[name] = weights[at : at + size], spec["tables"][name]["bias"]
            at += size
        self.abbreviations = {folded(form[:-1]) for form in spec["abbreviations"]}
        self.endings = {folded(form) for form in spec["endings"]}
        self.whole = {folded(k): (k, v, True) for k, v in reversed(spec["ambiguous"].items())}
        self.whole |= {folded(k): (k, v, False) for k, v in reversed(spec["multiwords"].items())}
        self.ends = {folded(k): (k, v) for k, v in reversed(spec["suffixes"].items())}
        self.closed = set(spec["closed"])

    def __call__(self, text: str, lines: bool = False) -> Result:
        text = "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text)
        result = Result()
        paragraph: list[Token] = []
        for token in self._tokens(text, lines):
            paragraph.append(token)
            if token.gap == 3:
                self._add_paragraph(text, paragraph, lines, result)
                paragraph = []
        return result

    def _decide(self, name: str, features: Features) -> bool:
        weights, bias = self.tables[name]
        if len(weights) == 0:
            return bias >= 0
        return bias + sum(int(weights[slot(h, len(weights))]) for h in features) >= 0

    def _tokens(self, text: str, lines: bool) -> list[Token]:
        tokens: list[Token] = []
        at, _ = _skip_space(text, 0, lines)
        before = (0, 0)
        while at < len(text):
            atoms = []
            while at < len(text) and char_class(ord(text[at])) != "space":
                atoms.append(next_atom(text, at))
                at = atoms[-1].end
            at, gap = _skip_space(text, at, lines)
            after = 0 if gap == 3 else 1 + CLASS_NUMBERS.index(char_class(ord(text[at])))
            self._cut_chunk(text, atoms, before, after, tokens)
            tokens[-1].gap = gap
            before = (0, 0) if gap == 3 else (tokens[-1].hash, tokens[-1].look)
        return tokens

    def _cut_chunk(
        self, text: str, atoms: list[Atom], before: tuple[int, int], after: int, tokens: list[Token]
    ) -> None:
        joined = addresses(text, atoms)
        first = 0
        for i in range(len(atoms) - 1):
            if i in joined:
                continue
            cut = PICTURE in (atoms[i].look, atoms[i + 1].look)
            if not cut:
                hints = self._hints(text, atoms, first, i)
                cut = self._decide("cut", cut_features(text, atoms, first, i, hints, before, after))
            if cut:
                self._add_token(text, atoms[first : i + 1], first in joined, tokens)
                first = i + 1
        self._add_token(text, atoms[first:], first in joined, tokens)

    def _hints(self, text: str, atoms: list[Atom], first: int, i: int) -> tuple[bool, int]:
        def is_ending(k: int) -> bool:
            if k >= len(atoms) or atoms[k].points > 8 or (k + 1 < len(atoms) and atoms[k + 1].look < SIGN):
                return False
            return folded(text[atoms[k].start : atoms[k].end]) in self.endings

        if atoms[i + 1].look == POINT:
            known = i - first <= 8 and folded(text[atoms[first].start : atoms[i].end]) in self.abbreviations
            return known, 1 if is_ending(i + 2) else 0
        return False, 2 if atoms[i].look == POINT and is_ending(i + 1) else 0

    def _add_token(self, text: str, atoms: list[Atom], is_address: bool, tokens: list[Token]) -> None:
        start, end = atoms[0].start, atoms[-1].end
        value = 0
        for c in text[start:end]:
            value = (value * BASE + fold(ord(c)) + 1) & MASK
        token = Token(start, end, value, look_of(atoms, is_address), min(end - start, 0xFFFF))
        last = tokens[-1] if tokens else None
        if (
            self.spec["grouped_digits"] and token.look == DIGITS and token.points == 3 and last is not None
            and last.look == DIGITS and last.points <= 3 and last.gap == 1 and last.end + 1 == start
        ):  # fmt: skip
            token.start = last.start
            tokens[-1] = token
        else:
            tokens.append(token)

    def _pieces(self, text: str, paragraph: list[Token], i: int) -> list[tuple[int, int, str | None]]:
        """The words of a multiword token: spans, and forms that the text lacks; empty if it is one word."""
        token = paragraph[i]
        form = text[token.start : token.end]
        low = folded(form)
        if low in self.whole:
            key, words, ask = self.whole[low]
            if ask and not self._decide("multiword", multiword_features(text, paragraph, i)):
                return []
            return _cut_words(token, form, 0, key, words)
        for length in sorted({len(k) for k in self.ends}, reverse=True):
            if 0 < length < len(form) and low[-length:] in self.ends:
                key, words = self.ends[low[-length:]]
                return _cut_words(token, form, len(form) - length, key, words)
        return []

    def _add_paragraph(self, text: str, paragraph: list[Token], lines: bool, result: Result) -> None:
        begin = 0
        for i, token in enumerate(paragraph):
            pieces = self._pieces(text, paragraph, i) or [(token.start, token.end, None)]
            length = len(result.words) - result.sentences[-1]
            if length > 0 and length + len(pieces) > self.spec["max_sentence"]:
                result.end_sentence(True)
            for start, end, form in pieces:
                result.words.append((start, end, len(result.tokens), text[start:end] if form is None else form))
            result.tokens.append((token.start, token.end, token.gap > 0))
            if i + 1 == len(paragraph):
                result.end_sentence(False)
            elif not lines and self._ends(text, paragraph, i, begin):
                begin = i + 1
                result.end_sentence(False)

    def _ends(self, text: str, paragraph: list[Token], i: int, begin: int) -> bool:
        place = (paragraph[i].look * 64 + paragraph[i + 1].look) * 4 + paragraph[i].gap
        if place in self.closed:
            return False
        return self._decide("boundary", boundary_features(text, paragraph, i, begin))


def _skip_space(text: str, at: int, lines: bool) -> tuple[int, int]:
    end = at
    while end < len(text) and char_class(ord(text[end])) == "space":
        end += 1
    breaks = len(re.findall(r"\r\n|\r|\n", text[at:end]))
    if end == len(text) or breaks > 1 or (lines and breaks):
        return end, 3
    return end, 2 if breaks else int(end > at)


def _cut_words(token: Token, form: str, stem: int, key: str, words: list[str]) -> list[tuple[int, int, str | None]]:
    if folded("".join(words)) == folded(key):
        pieces: list[tuple[int, int, str | None]] = []
        at = start = token.start
        at += stem
        for word in words:
            at += len(word)
            pieces.append((start, at, None))
            start = at
        return pieces
    cases = [c for c in (char_class(ord(c)) for c in form) if c in ("upper", "lower")]
    everything = len(cases) > 1 and set(cases) == {"upper"}
    first = char_class(ord(form[0])) == "upper"
    forms = []
    for i, word in enumerate(words):
        if everything:
            word = "".join(map(_raised, word))
        elif first and i == 0 and stem == 0:
            word = _raised(word[0]) + word[1:]
        forms.append(form[:stem] + word if i == 0 else word)
    return [(token.start, token.end, word) for word in forms]


def _raised(c: str) -> str:
    upper = c.upper()
    return upper if len(upper) == 1 and fold(ord(upper)) == ord(c) and char_class(ord(upper)) == "upper" else c
