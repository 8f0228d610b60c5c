"""Text of any length in blocks that can be parsed one by one."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

# a block ends at the first good place after AIM characters, and anyhow after LIMIT
AIM = 1 << 16
LIMIT = 1 << 18
CHUNK = 1 << 16
_PARAGRAPH = re.compile(r"(?:\r\n|\n|\r(?!\n))[ \t\f\v]*[\r\n]\s*")
_PARAGRAPH_END = re.compile(r"\n[ \t\f\v]*\r?\n\Z")
_LINE_END = re.compile(r"\n\Z")
_SENTENCE = re.compile(r"[.!?\u2026\u3002][\"')\]\u201d\u2019\u00bb]*\s+")
_REPLACEMENT = "\ufffd".encode()


class Readable(Protocol):
    """A binary file, as `open(path, "rb")`, `sys.stdin.buffer` and `io.BytesIO` give it."""

    def read1(self, size: int, /) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        ...


class Block(NamedTuple):
    """A part of a text, and how many code points come before it."""

    text: str
    start: int


class TextReader:
    """Reads UTF-8, block after block.

    Blocks end at paragraph breaks, which always end a sentence, so that parsing block by block gives what
    parsing the whole would give. Only where no paragraph ends within `limit` characters, the block is cut
    after what looks like the last end of a sentence, else at the last white space, else where it is. With
    `lines`, blocks end at line ends. A byte order mark at the beginning is left out.

    Where `idle` says that no more is to come for now, a block that a paragraph break ends (with `lines`, or where
    the text is `typed`, a line break) is given at once. So the blocks of a slow pipe depend on its pauses, and
    the trees don't; only a person who types sees each line end as the end of a sentence.

    Attributes:
        replaced: invalid byte sequences read so far; each is U+FFFD in the text.
    """

    def __init__(
        self,
        file: Readable,
        lines: bool = False,
        aim: int = AIM,
        limit: int = LIMIT,
        idle: Callable[[], bool] = lambda: False,
        typed: bool = False,
    ) -> None:
        self._file = file
        self._idle = idle
        self._whole = _LINE_END if lines or typed else _PARAGRAPH_END
        self._lines = lines
        self._aim = aim
        self._limit = limit
        self.replaced = 0

    def __iter__(self) -> Iterator[Block]:
        start = 0
        buffer = ""
        for text in self._decoded():
            buffer += text
            begin = 0
            while len(buffer) - begin >= self._aim:
                cut = self._cut(buffer, begin)
                if cut == begin:
                    break
                yield Block(buffer[begin:cut], start + begin)
                begin = cut
            start += begin
            buffer = buffer[begin:]
            if self._whole.search(buffer, max(0, len(buffer) - CHUNK)) and self._idle():
                yield Block(buffer, start)
                start += len(buffer)
                buffer = ""
        if buffer:
            yield Block(buffer, start)

    def _cut(self, buffer: str, begin: int) -> int:
        """Where the block that begins at `begin` ends; `begin` itself where more text has to be seen."""
        size = len(buffer)
        if self._lines:
            end = begin + self._limit
            cut = max(buffer.rfind("\n", begin, end), buffer.rfind("\r", begin, min(end, size - 1))) + 1
        else:
            cut = 0
            for found in _PARAGRAPH.finditer(buffer, begin, begin + self._limit):
                # white space after the break may go on in text that isn't read yet
                if found.end() < size:
                    cut = found.end()
                if cut - begin >= self._aim:
                    break
        if cut > begin:
            return cut
        if size - begin < self._limit:
            return begin
        end = begin + self._limit
        ends = [found.end() for found in _SENTENCE.finditer(buffer, max(begin, end - self._aim), end)]
        if ends:
            return ends[-1]
        cut = end
        while cut > begin and not buffer[cut - 1].isspace():
            cut -= 1
        return cut if cut > begin else end

    def _decoded(self) -> Iterator[str]:
        """Decode chunk by chunk and count what was replaced."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        tail = b""
        first = True
        final = False
        while not final:
            data = self._file.read1(CHUNK)
            final = not data
            text = decoder.decode(data, final)
            if "\ufffd" in text:
                self.replaced += text.count("\ufffd")
            window = tail + data
            self.replaced -= window.count(_REPLACEMENT)
            tail = window[-2:]
            if first and text:
                text = text.removeprefix("\ufeff")
                first = False
            yield text
