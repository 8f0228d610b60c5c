"""Files and standard input as the readers take them: unpacked, checked, with failures that name them."""

from __future__ import annotations

import contextlib
import select
import stat
import sys
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from ..errors import InputError
from ..packing import Unpacked, kind_of
from .inputs import Source, is_live
from .messages import say

# how files begin that are no UTF-8 text
_MAGIC = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16", b"PK\x03\x04": "a zip archive", b"PAR1": "Parquet"}
HEAD = 1024


class NamedFile:
    """A binary file whose failures of reading name it; what is packed is unpacked."""

    def __init__(self, file: BinaryIO, name: str, live: bool = False, found: bool = False) -> None:
        """`found`: in a folder, where anything may lie.

        Raises:
            InputError: it is no UTF-8 text by its first bytes.
            MissingExtraError: what it is packed by needs PyArrow.
        """
        self._raw = file
        self._live = live
        self._name = name
        self._reader: Any = file
        head = self._head()
        kind = kind_of(head)
        if kind is not None:
            self._reader = Unpacked(file, kind)
            head = self._head()
        for magic, what in _MAGIC.items():
            if head.startswith(magic):
                raise InputError(f"{name}: looks like {what}, decode it first: what is read is UTF-8 text.")
        if found and b"\0" in head[:HEAD]:
            raise InputError(f"{name}: looks like no text: there are bytes 0. To parse it, name the file itself.")
        self._read: Callable[[int], bytes] = self._reader.read1 if hasattr(self._reader, "read1") else self._reader.read

    def _head(self) -> bytes:
        peek = getattr(self._reader, "peek", None)
        return b"" if peek is None else self._named(peek, HEAD)

    def read1(self, size: int) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        return self._named(self._read, size)

    def readline(self, size: int) -> bytes:
        """The next line, or its first `size` bytes."""
        return self._named(self._reader.readline, size)

    def typed(self) -> bool:
        """Whether this is a terminal."""
        return self._live and self._raw.isatty()

    def idle(self, patience: float) -> bool:
        """Whether this is a pipe or a terminal that gives nothing more for so many seconds."""
        try:
            return self._live and not select.select([self._raw], [], [], patience)[0]
        except (OSError, ValueError):  # Windows can tell that of sockets alone
            return False

    def position(self) -> int:
        """Bytes of the file read so far, as far as it can tell; of packed files the packed ones."""
        try:
            return self._raw.tell()
        except (OSError, ValueError):
            return 0

    def _named(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except OSError as error:
            raise InputError(f"{self._name}: cannot read it: {error.strerror or error}.") from error


@contextlib.contextmanager
def opened(source: Source) -> Iterator[BinaryIO]:
    """The bytes of a file or of standard input, as they are.

    Raises:
        InputError: it is missing, a folder, or cannot be opened.
    """
    if source.problem is not None:
        raise InputError(source.problem)
    if source.path is None:
        if sys.stdin is None or sys.stdin.closed:
            raise InputError("standard input is closed. Name a file, or give a text.")
        if sys.stdin.isatty():
            say("reading from the terminal; end with Ctrl-D.")
        yield sys.stdin.buffer
        return
    try:
        if source.found and not stat.S_ISREG(source.path.stat().st_mode):
            raise InputError(f"{source.name}: is no regular file. To read it, name it itself.")
        file = source.path.open("rb")
    except FileNotFoundError:
        raise InputError(f"{source.name}: no such file. Give literal text with --text.") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{source.name}: cannot open it: {getattr(error, 'strerror', None) or error}.") from error
    with file:
        yield file


def named(file: BinaryIO, source: Source) -> NamedFile:
    """A file that was opened, to be read as text."""
    return NamedFile(file, source.name, is_live(source), found=source.found)
