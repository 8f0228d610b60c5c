"""Where the command writes: standard output, or a file that appears only when it is whole."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from ..errors import PosmoeError


class OutputError(PosmoeError, OSError):
    """The output cannot be written; no part of it is left behind."""


class ClosedPipe(Exception):
    """Whoever read the output has had enough."""


class Output(Protocol):
    """Takes text in UTF-8; leaving the context without an exception completes the output."""

    def write(self, text: bytes) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def open_output(path: Path | None) -> Output:
    """Standard output for None and `-`; a device or pipe, written directly; a file, whole or not at all.

    Raises:
        OutputError: the path is a folder, or its folder cannot be written to.
    """
    if path is None or str(path) == "-":
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(1, os.O_BINARY)
        return _Stream(1, "standard output", closes=False)
    try:
        status = path.stat()
    except FileNotFoundError:
        return _WholeFile(path, None)
    except (OSError, ValueError) as error:
        raise cannot(str(path), error) from error
    if stat.S_ISDIR(status.st_mode):
        raise OutputError(f"cannot write {path}: it is a folder. Name a file in it.")
    if stat.S_ISREG(status.st_mode):
        return _WholeFile(path, stat.S_IMODE(status.st_mode))
    try:
        return _Stream(os.open(path, os.O_WRONLY), str(path), closes=True)
    except OSError as error:
        raise cannot(str(path), error) from error


class _Stream:
    """An open file descriptor, written without a buffer, so that nothing is left to fail at exit."""

    def __init__(self, descriptor: int, name: str, closes: bool) -> None:
        self._descriptor = descriptor
        self._name = name
        self._closes = closes

    def write(self, text: bytes) -> None:
        rest = memoryview(text)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except BrokenPipeError:
            raise ClosedPipe from None
        except OSError as error:
            raise cannot(self._name, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._closes:
            try:
                os.close(self._descriptor)
            except OSError as failure:
                if error is None:
                    raise cannot(self._name, failure) from failure


class _WholeFile(_Stream):
    """A temporary file beside the target, whose permissions and, at the end, whose name it takes."""

    def __init__(self, path: Path, mode: int | None) -> None:
        self._path = Path(os.path.realpath(path))  # a link stays a link
        self._temporary = self._path.with_name(f".{self._path.name[:100]}.{os.urandom(4).hex()}.tmp")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        try:
            descriptor = os.open(self._temporary, flags, 0o666)
        except (OSError, ValueError) as error:
            raise cannot(str(path), error) from error
        super().__init__(descriptor, str(path), closes=True)
        if mode is not None:
            with contextlib.suppress(OSError):
                self._temporary.chmod(mode)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            try:
                if error is None:
                    os.fsync(self._descriptor)
            finally:
                os.close(self._descriptor)
            if error is None:
                self._temporary.replace(self._path)
        except OSError as failure:
            if error is None:
                raise cannot(self._name, failure) from failure
        finally:
            self._temporary.unlink(missing_ok=True)


def cannot(name: str, error: OSError | ValueError) -> OutputError:
    """The error that names an output and why it cannot be written."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return OutputError(f"cannot write {name}: {reason}.")


def show(text: str) -> None:
    """Write text to standard output, as far as whoever reads it wants it."""
    with contextlib.suppress(ClosedPipe):
        if sys.stdout is not None:
            sys.stdout.flush()
        with open_output(None) as output:
            output.write(text.encode())
