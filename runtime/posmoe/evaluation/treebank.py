"""Read and write Universal Dependencies treebanks (CoNLL-U), strictly: what is not a tree is refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

from ..errors import ConlluError
from ..packing import Unpacked, kind_of

UPOS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip
_UPOS = frozenset(UPOS)


class TreebankError(ConlluError):
    """A treebank breaks a rule: file, line (from 1), what was expected and what was found."""


@dataclass(frozen=True, slots=True)
class Token:
    """A surface token: its form, its words [start, end) in the sentence (from 0), whether a space follows."""

    form: str
    start: int
    end: int
    space_after: bool = True


@dataclass(slots=True)
class Sentence:
    """A sentence of syntactic words; heads count from 1 and 0 is the root. Empty nodes are left out."""

    forms: list[str]
    upos: list[str]
    heads: list[int]
    deprels: list[str]
    tokens: list[Token]
    sent_id: str = ""
    text: str = ""
    newdoc: bool = False
    newpar: bool = False

    def __len__(self) -> int:
        return len(self.forms)

    @property
    def space_after(self) -> bool:
        """Whether white space follows the sentence's last token."""
        return self.tokens[-1].space_after


def read_treebank(path: str | Path) -> list[Sentence]:
    """Read a file in CoNLL-U, also one packed by gzip, xz, bzip2 or Zstandard.

    Raises:
        OSError: it cannot be read, or what it is packed in is damaged.
        TreebankError: not UTF-8, not CoNLL-U, an unknown UPOS tag, or heads that are no single-rooted tree.
    """
    path = Path(path)
    with path.open("rb") as file:
        kind = kind_of(file.peek(8))
        data = file.read() if kind is None else Unpacked(file, kind).read()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TreebankError(str(path), line, "UTF-8", f"the byte {data[error.start]:#04x}") from None
    return list(parse_treebank(text.split("\n"), str(path)))


def parse_treebank(lines: Iterable[str], file: str = "<lines>") -> Iterator[Sentence]:
    """Give the sentences of CoNLL-U lines; `file` is the name that errors give."""
    draft = _Draft(file)
    number = 0
    for number, raw in enumerate(lines, 1):
        line = raw.rstrip("\r\n")
        if not line:
            if draft.started:
                yield draft.finish(number)
                draft = _Draft(file)
        elif line[0] == "#":
            draft.comment(line)
        else:
            draft.row(number, line)
    if draft.started:
        yield draft.finish(number)


@dataclass(slots=True)
class _Draft:
    """The sentence being read."""

    file: str
    started: bool = False
    open_range: tuple[str, int, int, bool, int] | None = None  # form, start, end, space after, line
    lines: list[int] = field(default_factory=list)
    out: Sentence = field(default_factory=lambda: Sentence([], [], [], [], []))

    def fail(self, line: int, expected: str, found: str) -> NoReturn:
        raise TreebankError(self.file, line, expected, found)

    def comment(self, line: str) -> None:
        self.started = True
        key, _, value = line[1:].partition("=")
        match key.strip().split(" ")[0]:
            case "sent_id":
                self.out.sent_id = value.strip()
            case "text" if key.strip() == "text":
                self.out.text = value.strip()
            case "newdoc":
                self.out.newdoc = True
            case "newpar":
                self.out.newpar = True

    def row(self, number: int, line: str) -> None:
        self.started = True
        columns = line.split("\t")
        if len(columns) != 10:
            self.fail(number, "10 columns separated by tabs", f"{len(columns)}: {line[:40]!r}")
        if "" in columns:
            self.fail(number, "no empty column", f"an empty column {columns.index('') + 1}")
        name = columns[0]
        if name.isdecimal():
            self.word(number, columns)
        elif "-" in name:
            self.range(number, columns)
        elif not all(part.isdecimal() for part in name.split(".")) or name.count(".") != 1:
            self.fail(number, "an ID such as 1, 1-2 or 1.1", repr(name))

    def range(self, number: int, columns: Sequence[str]) -> None:
        first, _, last = columns[0].partition("-")
        if not (first.isdecimal() and last.isdecimal()):
            self.fail(number, "a range such as 1-2", repr(columns[0]))
        start, end = int(first) - 1, int(last)
        if self.open_range is not None:
            self.fail(number, f"the words up to {self.open_range[2]} of the range before", repr(columns[0]))
        if start != len(self.out) or end <= start:
            self.fail(number, f"a range that starts at {len(self.out) + 1}", repr(columns[0]))
        self.open_range = (columns[1], start, end, _space_after(columns[9]), number)

    def word(self, number: int, columns: Sequence[str]) -> None:
        out = self.out
        name, form, _, upos, _, _, head, deprel, _, misc = columns
        if int(name) != len(out) + 1:
            self.fail(number, f"the word {len(out) + 1}", repr(name))
        if upos not in _UPOS:
            self.fail(number, "one of the 17 UPOS tags", repr(upos))
        if not head.isdecimal():
            self.fail(number, "a head (0 or the ID of a word)", repr(head))
        if deprel == "_":
            self.fail(number, "a relation", "'_'")
        out.forms.append(form)
        out.upos.append(upos)
        out.heads.append(int(head))
        out.deprels.append(deprel)
        self.lines.append(number)
        n = len(out)
        if self.open_range is None:
            out.tokens.append(Token(form, n - 1, n, _space_after(misc)))
        elif self.open_range[2] == n:
            surface, start, end, space, _ = self.open_range
            out.tokens.append(Token(surface, start, end, space))
            self.open_range = None

    def finish(self, number: int) -> Sentence:
        """Check the sentence that ends before line `number`, and give it."""
        out = self.out
        if not out.forms:
            self.fail(number, "a word", "the end of the sentence")
        if self.open_range is not None:
            _, start, end, _, line = self.open_range
            self.fail(line, f"the words {start + 1} to {end} of the range", f"{len(out)} words in the sentence")
        self.check_tree()
        surface = "".join(token.form + " " * token.space_after for token in out.tokens).rstrip(" ")
        if not out.text:
            out.text = surface
        elif "".join(out.text.split()) != "".join(surface.split()):
            self.fail(self.lines[0], f"the tokens of the text {out.text[:60]!r}", repr(surface[:60]))
        return out

    def check_tree(self) -> None:
        heads, n = self.out.heads, len(self.out)
        for line, head in zip(self.lines, heads, strict=True):
            if head > n:
                self.fail(line, f"a head from 0 to {n}", str(head))
        roots = [i for i, head in enumerate(heads) if head == 0]
        if len(roots) > 1:
            self.fail(self.lines[roots[1]], "one root", f"a second one; the first is the word {roots[0] + 1}")
        safe = [True] + [False] * n  # words that are known to lead to the root
        for word in range(1, n + 1):
            path: dict[int, None] = {}
            at = word
            while not safe[at]:
                if at in path:
                    cycle = [*list(path)[list(path).index(at) :], at]
                    self.fail(self.lines[at - 1], "a tree", "the cycle " + " → ".join(map(str, cycle)))
                path[at] = None
                at = heads[at - 1]
            for at in path:
                safe[at] = True


def _space_after(misc: str) -> bool:
    return "SpaceAfter=No" not in misc or "SpaceAfter=No" not in misc.split("|")


def raw_text(sentences: Iterable[Sentence]) -> str:
    """Give the text that the sentences were cut from, as UD's `.txt` files do, without their line wrapping.

    Sentences of a paragraph are joined by a space, or by nothing after `SpaceAfter=No`; paragraphs and
    documents by a blank line. A text that is not empty ends with a newline.
    """
    parts: list[str] = []
    space = ""
    for sentence in sentences:
        if parts:
            parts.append("\n\n" if sentence.newdoc or sentence.newpar else space)
        parts.append(sentence.text)
        space = " " if sentence.space_after else ""
    return "".join(parts) + "\n" * bool(parts)


def to_conllu(sentence: Sentence) -> str:
    """Write one sentence as a CoNLL-U block that ends with its blank line."""
    lines = ["# newdoc"] * sentence.newdoc + ["# newpar"] * sentence.newpar
    lines += [f"# sent_id = {sentence.sent_id}"] * bool(sentence.sent_id)
    lines += [f"# text = {sentence.text}"] * bool(sentence.text)
    for token in sentence.tokens:
        misc = "_" if token.space_after else "SpaceAfter=No"
        multiword = token.end - token.start > 1 or sentence.forms[token.start] != token.form
        if multiword:
            name = f"{token.start + 1}-{token.end}"
            lines.append("\t".join([name, token.form, *"_______", misc]))
        for i in range(token.start, token.end):
            lines.append(
                f"{i + 1}\t{sentence.forms[i]}\t_\t{sentence.upos[i]}\t_\t_\t{sentence.heads[i]}"
                f"\t{sentence.deprels[i]}\t_\t{'_' if multiword else misc}"
            )
    return "\n".join(lines) + "\n\n"
