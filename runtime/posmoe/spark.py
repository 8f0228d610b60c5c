"""posmoe on Spark: a DataFrame of texts gets trees, by `mapInArrow`. Needs the extra `spark`.

>>> posmoe.spark.parse(spark.read.parquet("texts"), text="body").write.parquet("trees")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from .cluster import Settings, schema_of
from .cluster import parse as parse_table
from .errors import InputError, MissingExtraError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def parse(frame: DataFrame, **settings: Any) -> DataFrame:
    """The DataFrame with the columns that `posmoe.arrow` describes; texts that are null have null there.

    Args:
        settings: what `posmoe.cluster.Settings` takes.
    Raises:
        InputError: there is no such column of strings, a name is taken, or a setting is out of bounds. What is wrong
            with a row or missing on a worker is raised when Spark runs.
        MissingExtraError: pyspark is not installed.
    """
    try:
        from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
        from pyspark.sql.types import StringType
    except ImportError:
        raise MissingExtraError("PySpark", "spark") from None
    given = Settings(**settings)
    schema = schema_of(to_arrow_schema(frame.schema), given)
    kind = frame.schema[given.text].dataType
    if not isinstance(kind, StringType):
        raise InputError(f"expected strings in column {given.text!r}, it has {kind.simpleString()}.")

    def batches(stream: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in stream:
            yield parse_table(batch, given)

    return frame.mapInArrow(batches, from_arrow_schema(schema))
