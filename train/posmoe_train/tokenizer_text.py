"""Raw text with known cuts, made of a treebank: what the tokeniser learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posmoe_train.conllu import Sentence

TOKEN, SENTENCE, MULTIWORD = 1, 2, 4  # bits of a guide

_LISTS = Path(__file__).parent / "lists"
EMOTICONS = (_LISTS / "emoticons.txt").read_text(encoding="ascii").split()
ENDINGS = (_LISTS / "endings.txt").read_text(encoding="ascii").split()  # of names of hosts and files


@dataclass
class Surface:
    """A surface token: its form, its words (just the form, unless multiword), white space behind it."""

    form: str
    words: list[str]
    space_after: bool = True

    @property
    def multiword(self) -> bool:
        """Whether the token is anything but one word that is itself."""
        return self.words != [self.form]


@dataclass
class Block:
    """The tokens of a sentence, and whether a document or a paragraph begins with it."""

    tokens: list[Surface] = field(default_factory=list)
    new_document: bool = False
    new_paragraph: bool = False


def blocks_of(sentences: Sequence[Sentence]) -> list[Block]:
    """The surface of a treebank's sentences."""
    return [
        Block([Surface(t.form, s.forms[t.start : t.end], t.space_after) for t in s.tokens], s.newdoc, s.newpar)
        for s in sentences
    ]


@dataclass
class Raw:
    """A text and its tokens: spans in code points, numbers of sentences, whether they are multiword."""

    text: str
    spans: list[tuple[int, int]]
    sentence: list[int]
    multiword: list[bool]

    def guide(self) -> NDArray[np.uint8]:
        """Mark where tokens and sentences begin, as the core's Tokenizer.follow reads it."""
        guide = np.zeros(len(self.text), np.uint8)
        before = -1
        for (start, _), number, multiword in zip(self.spans, self.sentence, self.multiword, strict=True):
            guide[start] = TOKEN | SENTENCE * (number != before) | MULTIWORD * multiword
            before = number
        return guide

    def lowered(self) -> Raw:
        """The same in lower case, where that keeps the number of characters."""
        text = "".join(c.lower() if len(c.lower()) == 1 else c for c in self.text)
        return Raw(text, self.spans, self.sentence, self.multiword)


def raw_of(blocks: Sequence[Block], rng: np.random.Generator | None = None) -> Raw:
    """Join sentences to raw text as UD's .txt files do: paragraphs by a blank line, sentences by a space.

    With `rng` every document, and some sentences of a long one, get line breaks at random: lines wrapped at a
    width, sentences on lines of their own, or paragraphs parted by a single line break.
    """
    raw = Raw("", [], [], [])
    parts: list[str] = []
    length = column = width = 0
    mode, space = "plain", True
    for number, block in enumerate(blocks):
        if rng is not None and (number == 0 or block.new_document or rng.random() < 0.02):
            mode = str(rng.choice(["wrapped", "lines", "paragraphs"]))
            width = int(rng.integers(40, 110))
        for i, token in enumerate(block.tokens):
            wrapped = mode == "wrapped" and column + 1 + len(token.form) > width
            if i == 0 and number > 0 and (block.new_document or block.new_paragraph):
                gap = "\n" if mode == "paragraphs" and not block.new_document else "\n\n"
            elif not space or not parts:
                gap = ""
            else:
                gap = "\n" if wrapped or (i == 0 and mode == "lines") else " "
            parts += (gap, token.form)
            column = (0 if "\n" in gap else column + len(gap)) + len(token.form)
            start = length + len(gap)
            length = start + len(token.form)
            raw.spans.append((start, length))
            raw.sentence.append(number)
            raw.multiword.append(token.multiword)
            space = token.space_after
    raw.text = "".join(parts)
    return raw


def with_rarities(blocks: Sequence[Block], abbreviations: Sequence[str], rng: np.random.Generator) -> list[Block]:
    """Copies of a third of the sentences with something put in that treebanks hold too little of.

    Emoticons, amounts of money, @mentions, #tags, names of files and hosts; and abbreviations are swapped, so
    that the list of them is learned from and not each of them alone.
    """
    result = []
    known = set(abbreviations)
    for i in rng.permutation(len(blocks))[: -(-len(blocks) // 3)]:
        tokens = [Surface(t.form, t.words, t.space_after) for t in blocks[i].tokens]
        tokens[-1].space_after = True
        for token in tokens:
            if token.form.lower() in known and not token.multiword:
                form = abbreviations[int(rng.integers(len(abbreviations)))]
                token.form = form.capitalize() if token.form[0].isupper() else form
                token.words = [token.form]
        at = int(rng.integers(0, len(tokens) + 1))
        while 0 < at < len(tokens) and not tokens[at - 1].space_after:
            at += 1
        tokens[at:at] = _rarity([t.form for t in tokens if t.form.isalpha()], rng)
        if at > 0 and tokens[at].form in EMOTICONS and not tokens[at].form[0].isalpha():
            tokens[at - 1].space_after = bool(rng.random() < 0.8)
        result.append(Block(tokens, new_paragraph=bool(rng.random() < 0.2)))
    return result


def _rarity(names: Sequence[str], rng: np.random.Generator) -> list[Surface]:
    kind = int(rng.integers(5))
    if kind == 0 or not names:
        form = EMOTICONS[rng.integers(len(EMOTICONS))]
    elif kind == 1:
        sign, number = "$€£¥"[rng.integers(4)], str(rng.integers(1, 1000))
        return [Surface(sign, [sign], False), Surface(number, [number])]
    else:
        form = names[int(rng.integers(len(names)))]
        form = (form, form.lower(), form.capitalize(), form.upper())[rng.integers(4)]
        form = "@#"[rng.integers(2)] + form if kind == 2 else f"{form}.{ENDINGS[rng.integers(len(ENDINGS))]}"
    return [Surface(form, [form])]
