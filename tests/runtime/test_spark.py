"""Spark in earnest: several workers, one of them killed in the middle. CONTRIBUTING.md says how to run it."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import posmoe.spark
from posmoe.cluster import Settings, parse
from posmoe.errors import InputError
from tests.paths import ROOT

pa = pytest.importorskip("pyarrow", reason="needs PyArrow, the extra `arrow`")
pytest.importorskip("pyspark", reason="needs PySpark, the extra `spark`, and Java")
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(300)]
ROWS = 400
SCHEMA = "id long, text string"


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    """Spark on this machine: two workers, every task tried up to four times, as on a cluster."""
    from pyspark.sql import SparkSession

    given = {"PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT / "runtime"), "SPARK_LOCAL_IP": "127.0.0.1"}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    builder = SparkSession.builder.master("local[2,4]").config("spark.ui.enabled", "false")
    session = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", "25").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session
    session.stop()
    for name, value in before.items():
        os.environ.pop(name) if value is None else os.environ.update({name: value})


def rows() -> list[tuple[int, str | None]]:
    return [(n, None if n % 50 == 7 else f"I don't see dog {n}. He waved.") for n in range(ROWS)]


def test_a_killed_worker_loses_nothing(spark: Any, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = str(tmp_path / "killed")

    def mortal(batch: Any, settings: Settings) -> Any:
        result = parse(batch, settings)
        if 201 in batch["id"].to_pylist() and not os.path.exists(killed):  # noqa: PTH110 (pickled by value)
            open(killed, "x").close()  # noqa: PTH123
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    monkeypatch.setattr(posmoe.spark, "parse_table", mortal)
    frame = spark.createDataFrame(rows(), SCHEMA).repartition(8)
    found = posmoe.spark.parse(frame, model=str(tiny)).toArrow().combine_chunks().sort_by("id")
    assert Path(killed).exists()
    ids, texts = zip(*rows(), strict=True)
    expected = parse(pa.table({"id": ids, "text": pa.array(texts, pa.string())}), Settings(str(tiny)))
    assert found.to_pylist() == expected.to_pylist()


def test_what_is_wrong_is_said(spark: Any, tiny: Path, tmp_path: Path) -> None:
    frame = spark.createDataFrame(rows(), SCHEMA)
    with pytest.raises(InputError, match="expected one column 'body', the table has id, text"):
        posmoe.spark.parse(frame, text="body")
    with pytest.raises(InputError, match="expected strings in column 'id', it has bigint"):
        posmoe.spark.parse(frame, text="id")
    with pytest.raises(Exception, match=r"row \d+ of a batch of 25: expected a text of at most 29 bytes"):
        posmoe.spark.parse(frame, model=str(tiny), longest=29).count()
    with pytest.raises(Exception, match=r"no bundle at .*gone.*Install the model on every worker"):
        posmoe.spark.parse(frame, model=str(tmp_path / "gone")).count()
    skipped = posmoe.spark.parse(frame, model=str(tiny), longest=29, on_error="skip").where("errors is not null")
    assert skipped.count() == sum(text is not None and len(text) > 29 for _, text in rows())
