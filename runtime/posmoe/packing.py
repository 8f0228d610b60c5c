"""Packed data: gzip, xz and bzip2 by the standard library, Zstandard by PyArrow, the extra `arrow`."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

# how packed data begin, and how files that hold them are called
MAGIC = {b"\x1f\x8b": "gzip", b"\xfd7zXZ\x00": "xz", b"BZh": "bzip2", b"\x28\xb5\x2f\xfd": "zstd"}
SUFFIXES = (".gz", ".xz", ".bz2", ".zst")
# speed before size: a parser writes megabytes a second
GZIP_LEVEL, XZ_LEVEL = 1, 0


def kind_of(head: bytes) -> str | None:
    """What packed a file, by its first bytes."""
    return next((kind for magic, kind in MAGIC.items() if head.startswith(magic)), None)


class Unpacked:
    """Reads packed data as if they weren't; damage is an OSError that says so."""

    def __init__(self, file: BinaryIO, kind: str) -> None:
        """`kind` is one of MAGIC's. Raises MissingExtraError where zstd needs PyArrow."""
        self._kind = kind
        self._file, damage = _OPENERS[kind](file)
        self._damage: tuple[type[Exception], ...] = (OSError, *damage)

    def read1(self, size: int) -> bytes:
        """Some bytes, at most `size`; none at the end."""
        return self._safe(self._file.read1, size)

    def read(self) -> bytes:
        """All the rest."""
        return b"".join(iter(lambda: self.read1(1 << 20), b""))

    def readline(self, size: int) -> bytes:
        """The next line, or its first `size` bytes."""
        return self._safe(self._file.readline, size)

    def peek(self, size: int) -> bytes:
        """Some bytes that are still to be read."""
        return self._safe(self._file.peek, size)

    def _safe(self, read: Callable[[int], bytes], size: int) -> bytes:
        try:
            return read(size)
        except EOFError:
            raise OSError(f"its {self._kind} data end too early") from None
        except self._damage as error:
            if getattr(error, "errno", None):
                raise
            how = "end too early" if "truncated" in str(error).lower() else f"are damaged ({error})"
            raise OSError(f"its {self._kind} data {how}") from None


# a reader, and what it raises where the data are damaged, besides EOFError and OSError
_Opened = tuple[Any, tuple[type[Exception], ...]]


def _gunzip(file: BinaryIO) -> _Opened:
    import gzip
    import zlib

    return gzip.GzipFile(fileobj=file, mode="rb"), (zlib.error,)


def _unxz(file: BinaryIO) -> _Opened:
    import lzma

    return lzma.LZMAFile(file), (lzma.LZMAError,)


def _bunzip2(file: BinaryIO) -> _Opened:
    import bz2

    return bz2.BZ2File(file), (ValueError,)


def _unzstd(file: BinaryIO) -> _Opened:
    from .arrow import pyarrow

    pa = pyarrow()
    stream: Any = pa.CompressedInputStream(pa.PythonFile(file, "r"), "zstd")
    return io.BufferedReader(stream, 1 << 16), (pa.ArrowException,)


_OPENERS: dict[str, Callable[[BinaryIO], _Opened]] = {
    "gzip": _gunzip,
    "xz": _unxz,
    "bzip2": _bunzip2,
    "zstd": _unzstd,
}


class Packer(Protocol):
    """Packs data bit by bit; the same data in the same pieces give the same bytes."""

    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


class Plain:
    """Packs nothing."""

    def compress(self, data: bytes) -> bytes:
        return data

    def flush(self) -> bytes:
        return b""


def packer(suffix: str) -> Packer:
    """What writes a file with this suffix; one that packs nothing for an empty suffix.

    Raises:
        MissingExtraError: zstd needs PyArrow; the message names the line that installs it.
    """
    return _PACKERS[suffix]()


class Drained:
    """A binary file that whoever writes through it empties again."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def tell(self) -> int:
        return self._size

    def flush(self) -> None:
        """There is nothing to wait for."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        """What was written since the last call."""
        parts, self._parts = self._parts, []
        return b"".join(parts)


class _Zstd:
    def __init__(self) -> None:
        from .arrow import pyarrow

        pa = pyarrow()
        self._sink = Drained()
        self._stream = pa.CompressedOutputStream(pa.PythonFile(self._sink, "w"), "zstd")

    def compress(self, data: bytes) -> bytes:
        self._stream.write(data)
        return self._sink.take()

    def flush(self) -> bytes:
        self._stream.close()
        return self._sink.take()


def _gzip() -> Packer:
    import zlib

    return zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, zlib.MAX_WBITS | 16)  # no name and time of day in its header


def _xz() -> Packer:
    import lzma

    return lzma.LZMACompressor(preset=XZ_LEVEL)


def _bzip2() -> Packer:
    import bz2

    return bz2.BZ2Compressor()


_PACKERS: dict[str, Callable[[], Packer]] = {"": Plain, ".gz": _gzip, ".xz": _xz, ".bz2": _bzip2, ".zst": _Zstd}
