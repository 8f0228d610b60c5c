"""Tables of texts on the workers of an engine for many machines: what `posmoe.ray` and `posmoe.spark` share.

A worker loads its model once. What becomes of a row depends on that row alone, and nothing else is touched: batches may
come in any order, and be parsed again where a worker was lost.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from .arrow import pyarrow
from .arrow import schema_of as words_schema
from .errors import BundleError, InputError
from .limits import MAX_THREADS, whole_number
from .pipeline import Parser, load
from .request import MAX_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

ERRORS = "errors"
LONGEST = 10_000_000


@dataclass(frozen=True)
class Settings:
    """What a worker is told.

    Args:
        model, engine: as `name_or_path` and `backend` of `posmoe.load`.
        text: the column of the texts.
        prefix: begins the names of the new columns.
        on_error: `stop` raises an error at a row that can't be parsed; `skip` leaves its trees null, and a further
            column `errors` says why, null for all other rows.
        longest: bytes of UTF-8; a longer row can't be parsed.
        threads: of every worker.
    Raises:
        InputError: a setting is of another type or out of bounds.
    """

    model: str | None = None
    engine: str = "auto"
    text: str = "text"
    prefix: str = ""
    on_error: str = "stop"
    longest: int = LONGEST
    threads: int = 1

    def __post_init__(self) -> None:
        if self.on_error not in ("stop", "skip"):
            raise InputError(f"expected on_error to be 'stop' or 'skip', got {self.on_error!r:.80}.")
        for name in ("text", "prefix"):
            if not isinstance(getattr(self, name), str):
                raise InputError(f"expected {name} to be a string, got {getattr(self, name)!r:.80}.")
        whole_number(self.longest, "longest", 1, MAX_BYTES)
        whole_number(self.threads, "threads", 1, MAX_THREADS)


def schema_of(schema: pa.Schema, settings: Settings) -> pa.Schema:
    """What `parse` makes of a table's schema.

    Raises:
        InputError: there is no such column, or a name is taken.
    """
    if schema.names.count(settings.text) != 1:
        raise InputError(f"expected one column {settings.text!r}, the table has {', '.join(schema.names) or 'none'}.")
    result = words_schema(schema, settings.prefix)
    if settings.on_error == "stop":
        return result
    name = settings.prefix + ERRORS
    if name in schema.names:
        raise InputError(f"the table has a column {name!r} already. Give another prefix for the new ones.")
    return result.append(pyarrow().field(name, pyarrow().string()))


def parse(data: Any, settings: Settings) -> Any:
    """Parse the texts of a RecordBatch or Table; see `posmoe.Parser.parse_arrow` and `Settings`.

    Raises:
        InputError: it is no table of texts, or, with `stop`, a row can't be parsed; the message has its number.
        BundleError: this worker has no such model.
    """
    pa = pyarrow()
    if not isinstance(data, pa.RecordBatch | pa.Table):
        raise InputError(f"expected a pyarrow RecordBatch or Table, got {type(data).__name__}.")
    schema = schema_of(data.schema, settings)
    given = data.column(settings.text)
    texts, wrong = _texts(given, settings.longest)
    if wrong and settings.on_error == "stop":
        row, why = next(iter(wrong.items()))
        raise InputError(f"column {settings.text!r}, row {row} of a batch of {len(given)}: {why}")
    if not len(data):
        return schema.empty_table() if isinstance(data, pa.Table) else pa.RecordBatch.from_pylist([], schema)
    place, field = data.schema.get_field_index(settings.text), data.schema.field(settings.text)
    clean = data if texts is given else data.set_column(place, settings.text, texts)
    parsed = parser_of(settings.model, settings.engine).parse_arrow(
        clean, settings.text, settings.prefix, threads=settings.threads
    )
    if texts is not given:
        parsed = parsed.set_column(place, field, given)
    if settings.on_error == "skip":
        reasons = pa.array([wrong.get(row) for row in range(len(data))], pa.string())
        parsed = parsed.append_column(schema.field(-1), reasons)
    return parsed


@lru_cache(maxsize=2)
def parser_of(model: str | None, engine: str) -> Parser:
    """This process's parser, loaded when it is first asked for.

    Raises:
        BundleError: there is no such model here.
    """
    try:
        return load(model, engine)
    except BundleError as error:
        raise BundleError(
            f"process {os.getpid()} on {platform.node()}: {error} "
            "Install the model on every worker, or give a path that all of them see."
        ) from error


def _texts(column: Any, longest: int) -> tuple[Any, dict[int, str]]:
    """The column, with null for rows that can't be parsed, and what is wrong with those, in order."""
    pa = pyarrow()
    import pyarrow.compute as pc

    wrong: dict[int, str] = {}
    if isinstance(column.type, pa.BaseExtensionType):  # Ray's columns of any Python objects
        values = column.to_pylist()
        for row, value in enumerate(values):
            if not isinstance(value, str | None):
                wrong[row] = f"expected a string, got {type(value).__name__}."
        column = pa.array([value if isinstance(value, str) else None for value in values], pa.large_string())
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return column, wrong  # parse_arrow refuses what has no strings
    plain = column.cast(kind) if kind != column.type else column
    sizes = pc.binary_length(plain)
    for row in pc.indices_nonzero(pc.greater(sizes, longest)).to_pylist():
        wrong[row] = (
            f"expected a text of at most {longest:,} bytes, got {sizes[row].as_py():,}. "
            "Cut it into documents, or raise `longest`."
        )
    try:
        plain.validate(full=True)
    except pa.ArrowInvalid:
        for row in range(len(plain)):
            try:
                plain[row].as_py()
            except UnicodeDecodeError as error:
                wrong.setdefault(row, f"expected UTF-8: {error}.")
    if wrong:
        bad = pa.array([row in wrong for row in range(len(plain))])
        column = pc.if_else(bad, pa.scalar(None, kind), plain)
    return column, dict(sorted(wrong.items()))
