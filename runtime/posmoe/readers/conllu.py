"""A strict CoNLL-U reader that keeps all that a sentence has: comments, ranges, empty nodes, every column."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import ConlluError
from ..request import Surface

COLUMNS = 10
MAX_LINE = 1 << 24
MAX_LINES = 500_000
_ID = re.compile(r"([1-9][0-9]{0,8})(?:-([1-9][0-9]{0,8})|\.([1-9][0-9]{0,8}))?|0\.([1-9][0-9]{0,8})")


class Lines(Protocol):
    """A binary file, read by the line."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or its first `size` bytes; none at the end."""
        ...


@dataclass
class ConlluSentence:
    """A sentence as the file has it; `line` is where it begins."""

    line: int
    comments: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)

    @property
    def words(self) -> list[list[str]]:
        """The rows of the words, without ranges and empty nodes."""
        return [row for row in self.rows if row[0].isdecimal()]

    def surface(self) -> list[Surface]:
        """The surface tokens: form, words, whether white space follows."""
        result: list[Surface] = []
        last = 0
        for row in self.rows:
            name, form, space = row[0], row[1], "SpaceAfter=No" not in row[9].split("|")
            if "-" in name:
                last = int(name.split("-")[1])
                result.append((form, [], space))
            elif name.isdecimal():
                if int(name) > last:
                    result.append((form, [form], space))
                else:
                    result[-1][1].append(form)
        return result


def read_conllu(
    file: Lines, name: str, on_error: Callable[[ConlluError], None] | None = None
) -> Iterator[ConlluSentence]:
    """Read sentence by sentence.

    Args:
        name: what error messages call the file.
        on_error: called for every malformed sentence, which is left out; without it the error is raised.
    Raises:
        ConlluError: file, line, what was expected and what was found.
    """
    sentence = _Builder(name)
    bad = False
    number = 0
    while True:
        data = file.readline(MAX_LINE)
        number += 1
        end = data.rstrip(b"\r\n") == b""
        try:
            if end and not bad:
                done = sentence.finish(number)
                if done is not None:
                    yield done
            elif not bad:
                sentence.add(number, _line(data, name, number))
        except ConlluError as error:
            if on_error is None:
                raise
            on_error(error)
            bad = not end
        if end:
            bad = False
            sentence = _Builder(name)
        if not data:
            return


def _line(data: bytes, name: str, number: int) -> str:
    """One line as text."""
    if number == 1:
        data = data.removeprefix(b"\xef\xbb\xbf")
    if len(data) >= MAX_LINE:
        raise ConlluError(name, number, f"a line of less than {MAX_LINE} bytes", "a longer one")
    try:
        line = data.decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        found = f"byte 0x{data[error.start]:02x} at column {error.start + 1} of the line"
        raise ConlluError(name, number, "UTF-8", found) from None
    if "\r" in line:
        raise ConlluError(name, number, "lines that end in LF or CR LF", "a lone CR inside one")
    return line


class _Builder:
    """A sentence that is being read."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sentence: ConlluSentence | None = None
        self._words = 0
        self._empty = 0
        self._range_end = 0
        self._heads: list[tuple[int, str]] = []

    def add(self, number: int, line: str) -> None:
        """Take the next line."""
        if self._sentence is None:
            self._sentence = ConlluSentence(number)
        sentence = self._sentence
        if line.startswith("#"):
            if sentence.rows:
                raise ConlluError(self._name, number, "comments before a sentence's first word", "one after it")
            sentence.comments.append(line)
            return
        if len(sentence.rows) + len(sentence.comments) >= MAX_LINES:
            raise ConlluError(self._name, number, f"at most {MAX_LINES} lines in a sentence", "more")
        if line.isspace():
            raise ConlluError(self._name, number, "an empty line or a word's columns", "a line of white space alone")
        row = line.split("\t")
        if len(row) != COLUMNS:
            raise ConlluError(self._name, number, f"{COLUMNS} columns between tabs", f"{len(row)} in {line!r:.60}")
        for place, cell in enumerate(row, 1):
            if not cell.strip(" "):
                raise ConlluError(self._name, number, f"something in column {place} (`_` for nothing)", "nothing")
        self._check_id(number, row)
        sentence.rows.append(row)

    def finish(self, number: int) -> ConlluSentence | None:
        """The whole sentence, at the blank line or the end of the file that ends it; None for no lines."""
        sentence = self._sentence
        if sentence is None:
            return None
        if self._words == 0:
            raise ConlluError(self._name, number, "at least one word in the sentence", "its end")
        if self._range_end > self._words:
            raise ConlluError(self._name, number, f"word {self._words + 1} of a range", "the sentence's end")
        for line, head in self._heads:
            if not re.fullmatch(r"[0-9]{1,9}", head) or int(head) > self._words:
                raise ConlluError(self._name, line, f"a HEAD from 0 to {self._words} or `_`", f"{head!r:.40}")
        return sentence

    def _check_id(self, number: int, row: list[str]) -> None:
        """Words count 1, 2, 3 …; a range comes before its words, empty nodes n.1, n.2 … after word n."""
        found = _ID.fullmatch(row[0])
        if found is None:
            raise ConlluError(self._name, number, "an ID such as 1, 1-2 or 1.1", f"{row[0]!r:.40}")
        word, range_end, empty, first_empty = found.groups()
        following = self._words + 1
        if range_end is not None:
            if int(word) != following or int(range_end) <= int(word) or self._range_end >= following:
                expected = f"a range that begins at {following}, ends later and is in no other"
                raise ConlluError(self._name, number, expected, row[0])
            self._range_end = int(range_end)
        elif empty is not None or first_empty is not None:
            expected = f"{self._words}.{self._empty + 1}"
            if row[0] != expected:
                raise ConlluError(self._name, number, f"ID {expected} for an empty node", row[0])
            self._empty += 1
        else:
            if int(word) != following:
                raise ConlluError(self._name, number, f"ID {following}", row[0])
            self._words = following
            self._empty = 0
            if row[6] != "_":
                self._heads.append((number, row[6]))
