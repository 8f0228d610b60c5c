"""Tables of Apache Arrow: texts in, trees out, without a Python object a word. Needs PyArrow, the extra `arrow`.

Trees come as list columns with an item a word, so that all of them can be exploded together:

    sentences  int32   the word's sentence in its text, from 0
    ids        int32   its place in the sentence, from 1
    forms      string
    starts     int64   code points of the text
    ends       int64
    upos       string
    heads      int32   0 is the root, else the head's place in the sentence
    deprels    string
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from . import _core
from .errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa

    from .document import Document
    from .pipeline import Parser

_SENTENCE = ("sentences", "ids")


def pyarrow() -> Any:
    """PyArrow.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError("PyArrow", "arrow") from None
    return pyarrow


def is_text(kind: Any) -> bool:
    """Whether a column of this type holds strings."""
    pa = pyarrow()
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or str(kind) in ("string_view", "null")


def schema_of(schema: pa.Schema, prefix: str = "") -> pa.Schema:
    """What `parse` makes of a table's schema: its columns and those of the words.

    Raises:
        InputError: a name is there already.
    """
    for field in _words(pyarrow(), prefix):
        if field.name in schema.names:
            raise InputError(f"the table has a column {field.name!r} already. Give another prefix for the new ones.")
        schema = schema.append(field)
    return schema


def parse(parser: Parser, data: Any, text: str, prefix: str, batch_size: int, threads: int) -> Any:
    """Parse the texts of a record batch or table; see `Parser.parse_arrow`."""
    pa = pyarrow()
    if not isinstance(data, pa.RecordBatch | pa.Table):
        raise InputError(f"expected a pyarrow RecordBatch or Table, got {type(data).__name__}.")
    if data.schema.names.count(text) != 1:
        raise InputError(f"expected one column {text!r}, the table has {', '.join(data.schema.names) or 'none'}.")
    texts = data.column(text)
    if not is_text(texts.type):
        raise InputError(f"expected strings in column {text!r}, it has {texts.type}.")
    schema = schema_of(data.schema, prefix)
    documents = parser.pipe((row for row in _rows(texts) if row is not None), batch_size, threads)
    if isinstance(data, pa.RecordBatch):
        return _extended(pa, data, text, schema, documents)
    batches = [_extended(pa, batch, text, schema, documents) for batch in data.to_batches()]
    return pa.Table.from_batches(batches, schema)


def of_sentences(document: Document, first: int = 1, offset: int = 0, source: str | None = None) -> pa.RecordBatch:
    """A row for every sentence of a document: columns as `sentences_schema` has them.

    Args:
        first: the number of the first sentence.
        offset: code points before the document in its source.
        source: the name of that, if it has one.
    """
    pa = pyarrow()
    flat = _core.flat([document.analysis], True, offset)
    count = len(flat["rows"]) - 1
    columns = [
        pa.array(range(first, first + count), pa.int64()),
        pa.array([source] * count, pa.string()),
        _strings(pa, flat["text_ends_in_bytes"], flat["texts"]),
        _numbers(pa, pa.int64(), flat["text_starts"]),
        _numbers(pa, pa.int64(), flat["text_ends"]),
        *_lists(pa, flat, document.tags, document.labels, None)[len(_SENTENCE) :],
    ]
    return pa.record_batch(columns, schema=sentences_schema())


def sentences_schema() -> pa.Schema:
    """The columns of `of_sentences`; `start` and `end` are the sentence's."""
    pa = pyarrow()
    place = [("id", pa.int64()), ("source", pa.string()), ("text", pa.string())]
    place += [("start", pa.int64()), ("end", pa.int64())]
    return pa.schema([*place, *_words(pa, "")[len(_SENTENCE) :]])


def _words(pa: Any, prefix: str) -> list[Any]:
    """The fields of the words' columns."""
    number, offset, string = pa.int32(), pa.int64(), pa.string()
    kinds = {"sentences": number, "ids": number, "forms": string, "starts": offset, "ends": offset}
    kinds |= {"upos": string, "heads": number, "deprels": string}
    return [pa.field(prefix + name, pa.list_(kind)) for name, kind in kinds.items()]


def _rows(texts: Any) -> Iterator[str | None]:
    """The strings of a column, some at a time."""
    for begin in range(0, len(texts), 1024):
        yield from texts.slice(begin, 1024).to_pylist()


def _extended(pa: Any, batch: Any, text: str, schema: Any, documents: Iterator[Document]) -> Any:
    """A record batch with the columns of its texts' documents."""
    missing = batch.column(text).is_null()
    own = [None if gap else next(documents) for gap in missing.to_pylist()]
    known = next((document for document in own if document is not None), None)
    flat = _core.flat([None if document is None else document.analysis for document in own])
    names = ((), ()) if known is None else (known.tags, known.labels)
    return pa.record_batch([*batch.columns, *_lists(pa, flat, *names, missing)], schema=schema)


def _lists(pa: Any, flat: dict[str, Any], tags: Sequence[str], labels: Sequence[str], missing: Any) -> list[Any]:
    """The words' columns, in the order of their fields."""
    rows = _numbers(pa, pa.int32(), flat["rows"])
    columns = [
        _numbers(pa, pa.int32(), flat["sentences"]),
        _numbers(pa, pa.int32(), flat["ids"]),
        _strings(pa, flat["form_ends"], flat["forms"]),
        _numbers(pa, pa.int64(), flat["starts"]),
        _numbers(pa, pa.int64(), flat["ends"]),
        pa.array(tags, pa.string()).take(_numbers(pa, pa.int32(), flat["upos"])),
        _numbers(pa, pa.int32(), flat["heads"]),
        pa.array(labels, pa.string()).take(_numbers(pa, pa.int32(), flat["deprels"])),
    ]
    return [pa.ListArray.from_arrays(rows, values, mask=missing) for values in columns]


def _numbers(pa: Any, kind: Any, values: memoryview) -> Any:
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(values)])


def _strings(pa: Any, ends: memoryview, values: bytes) -> Any:
    return pa.Array.from_buffers(pa.string(), len(ends) - 1, [None, pa.py_buffer(ends), pa.py_buffer(values)])
