"""What the command reads: arguments that are text or files, and standard input."""

from __future__ import annotations

import contextlib
import os
import re
import select
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ..errors import InputError
from .messages import say

# how files begin that are no UTF-8 text
_MAGIC = {
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
    b"\x1f\x8b": "gzip",
    b"\xfd7zXZ\x00": "xz",
    b"BZh91AY&SY": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"PK\x03\x04": "a zip archive",
}
_FILE_NAME = re.compile(r".*[/\\].*|.*\.[A-Za-z][A-Za-z0-9]{0,9}|~.*")


class Source(NamedTuple):
    """Something to parse: a literal text, or a file (None: standard input)."""

    name: str
    text: str | None = None
    path: Path | None = None


def sources(arguments: Sequence[str], texts: Sequence[str]) -> list[Source]:
    """Tell files from text (the rule is in the command's help); standard input where there is neither."""
    result = [_source(argument) for argument in arguments]
    result += [Source("text", text=text) for text in texts]
    return result or [Source("standard input")]


def _source(argument: str) -> Source:
    if argument == "-":
        return Source("standard input")
    is_name = not re.search(r"\s", argument) and _FILE_NAME.fullmatch(argument) is not None
    if is_name or (argument and os.path.exists(argument)):  # noqa: PTH110 (takes names of any length)
        return Source(argument, path=Path(argument))
    if argument and not re.search(r"\s", argument):
        say(f"{argument}: there is no such file, so the word itself is parsed. --text says so without this note.")
    return Source("text", text=argument)


def is_live(source: Source) -> bool:
    """Whether a source is a pipe or a terminal, whose text may come bit by bit."""
    if source.text is not None:
        return False
    try:
        mode = (os.fstat(sys.stdin.fileno()) if source.path is None else source.path.stat()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


class NamedFile:
    """A binary file whose failures of reading name it."""

    def __init__(self, file: BinaryIO, name: str, live: bool) -> None:
        self._file = file
        self._live = live
        self._read: Callable[[int], bytes] = getattr(file, "read1", file.read)
        self._name = name

    def read1(self, size: int) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        return self._named(self._read, size)

    def check(self) -> None:
        """Look at the first bytes.

        Raises:
            InputError: the file is compressed, or UTF-16.
        """
        peek = getattr(self._file, "peek", None)
        if peek is None:
            return
        head = self._named(peek, max(map(len, _MAGIC)))
        for magic, kind in _MAGIC.items():
            if head.startswith(magic):
                raise InputError(f"{self._name}: looks like {kind}, decode it first: what is read is UTF-8 text.")

    def readline(self, size: int) -> bytes:
        """The next line, or its first `size` bytes."""
        return self._named(self._file.readline, size)

    def typed(self) -> bool:
        """Whether this is a terminal."""
        return self._live and self._file.isatty()

    def idle(self, patience: float) -> bool:
        """Whether this is a pipe or a terminal that gives nothing more for so many seconds."""
        try:
            return self._live and not select.select([self._file], [], [], patience)[0]
        except (OSError, ValueError):  # Windows can tell that of sockets alone
            return False

    def position(self) -> int:
        """Bytes read so far, as far as the file can tell."""
        try:
            return self._file.tell()
        except (OSError, ValueError):
            return 0

    def _named(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            raise InputError(f"{self._name}: cannot read it: {error.strerror or error}.") from error


@contextlib.contextmanager
def opened(source: Source) -> Iterator[NamedFile]:
    """The bytes of a file or of standard input.

    Raises:
        InputError: it is missing, a folder, cannot be read, or is no UTF-8 text by its first bytes.
    """
    if source.path is None:
        if sys.stdin is None or sys.stdin.closed:
            raise InputError("standard input is closed. Name a file, or give a text.")
        if sys.stdin.isatty():
            say("reading from the terminal; end with Ctrl-D.")
        yield _checked(sys.stdin.buffer, source)
        return
    if os.path.isdir(source.path):  # noqa: PTH112 (no error where the folder above is closed)
        raise InputError(f"{source.name}: is a folder. Name the files in it.")
    try:
        file = source.path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{source.name}: no such file. Give literal text with --text.") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{source.name}: cannot open it: {getattr(error, 'strerror', None) or error}.") from error
    with file:
        yield _checked(file, source)


def _checked(file: BinaryIO, source: Source) -> NamedFile:
    named = NamedFile(file, source.name, is_live(source))
    named.check()
    return named
