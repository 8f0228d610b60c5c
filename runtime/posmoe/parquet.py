"""Sentences as a Parquet file, written bit by bit. Needs PyArrow, the extra `arrow`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arrow import of_sentences, pyarrow, sentences_schema
from .packing import Drained

if TYPE_CHECKING:
    import pyarrow as pa

    from .document import Document

# words of a row group: about 16 MB in memory
GROUP = 1 << 19
COMPRESSION = "zstd"


class ParquetWriter:
    """Documents to the bytes of one Parquet file: columns as `arrow.sentences_schema` has them, a row a sentence."""

    def __init__(self) -> None:
        pyarrow()
        import pyarrow.parquet as pq

        self._sink = Drained()
        self._writer = pq.ParquetWriter(self._sink, sentences_schema(), compression=COMPRESSION)
        self._batches: list[pa.RecordBatch] = []
        self._words = 0

    def add(self, document: Document, first: int = 1, offset: int = 0, source: str | None = None) -> bytes:
        """Take a document as `arrow.of_sentences` does; what of the file is ready."""
        self._batches.append(of_sentences(document, first, offset, source))
        self._words += len(document.analysis.words)
        if self._words >= GROUP:
            self._write()
        return self._sink.take()

    def close(self) -> bytes:
        """The rest of the file."""
        if self._batches:
            self._write()
        self._writer.close()
        return self._sink.take()

    def _write(self) -> None:
        table = pyarrow().Table.from_batches(self._batches, sentences_schema())
        self._writer.write_table(table, row_group_size=max(1, table.num_rows))
        self._batches, self._words = [], 0
