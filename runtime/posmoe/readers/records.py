"""Documents that are records of a file, a text column among others: JSON Lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, NamedTuple

from ..errors import InputError, LineError
from ..request import whole
from .conllu import Lines

MAX_LINE = 1 << 26
ROWS = 1024


class Record(NamedTuple):
    """A document, and the number of its line or row in the file, from 1."""

    number: int
    text: str


class JsonLines:
    """Reads JSON Lines: every line an object whose `column` is a string or null. Null has no document.

    Args:
        name: what error messages call the file.
        on_error: called for every line that is something else, which is left out; without it the error is raised.
        max_line: longest line in bytes; a longer one is an error and never in memory as a whole.
    Attributes:
        replaced: invalid byte sequences read so far; each is U+FFFD in the text.
    """

    def __init__(
        self,
        file: Lines,
        name: str,
        column: str,
        on_error: Callable[[LineError], None] | None = None,
        max_line: int | None = None,
    ) -> None:
        self._file = file
        self._name = name
        self._column = column
        self._on_error = on_error
        self._max_line = MAX_LINE if max_line is None else max_line
        self.replaced = 0

    def __iter__(self) -> Iterator[Record]:
        number = 0
        while line := self._file.readline(self._max_line):
            number += 1
            try:
                text = self._text(line, number)
            except LineError as error:
                if self._on_error is None:
                    raise
                self._on_error(error)
                continue
            if text is not None:
                yield Record(number, text)

    def _text(self, line: bytes, number: int) -> str | None:
        if len(line) >= self._max_line and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = self._file.readline(1 << 20)
            raise LineError(self._name, number, f"a line of less than {self._max_line} bytes", "a longer one")
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.isspace():
            return None
        try:
            value = json.loads(self._decoded(line))
        except (ValueError, RecursionError) as error:
            raise LineError(self._name, number, "a JSON object", f"no JSON ({error})") from None
        if not isinstance(value, dict):
            raise LineError(self._name, number, "a JSON object", f"{line.decode(errors='replace')!r:.60}")
        if self._column not in value:
            names = ", ".join(map(repr, value)) or "none"
            raise LineError(self._name, number, f"a text under {self._column!r}", f"the keys {names:.200}")
        text = value[self._column]
        if text is not None and not isinstance(text, str):
            raise LineError(self._name, number, f"a string or null under {self._column!r}", f"{text!r:.60}")
        return text if text is None else whole(text)

    def _decoded(self, line: bytes) -> str:
        try:
            return line.decode()
        except UnicodeDecodeError:
            text = line.decode(errors="replace")
            self.replaced += text.count("\ufffd") - line.count("\ufffd".encode())
            return text


def read_parquet(file: BinaryIO, name: str, column: str) -> Iterator[Record]:
    """Read a Parquet file some rows at a time: the column holds strings, and null has no document.

    Raises:
        InputError: it is damaged, or has no such column of strings.
        MissingExtraError: PyArrow is not installed; the message names the line that installs it.
    """
    from ..arrow import is_text, pyarrow

    pa = pyarrow()
    import pyarrow.parquet as pq

    if not file.seekable():
        raise InputError(f"{name}: Parquet is read from its end, so not from a pipe. Name the file.")

    try:
        table = pq.ParquetFile(file)
        schema = table.schema_arrow
        if schema.names.count(column) != 1:
            names = ", ".join(map(repr, schema.names)) or "none"
            raise InputError(f"{name}: expected one column {column!r}, found {names:.400}. Name it: --text-column.")
        if not is_text(schema.field(column).type):
            kind = schema.field(column).type
            raise InputError(f"{name}: expected strings in column {column!r}, found {kind}. Name it: --text-column.")
        number = 0
        for batch in table.iter_batches(ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                number += 1
                if value is not None:
                    yield Record(number, value)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot read it as Parquet: {_first_line(error)}.") from None


def _first_line(error: Any) -> str:
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
