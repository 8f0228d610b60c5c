"""posmoe on Ray Data and Spark: words a second by number of workers, from Parquet files of texts to such of trees.

    pip install -e '.[ray,spark]'
    python -m bench.cluster               # some minutes; appends to results/cluster.csv
    python -m bench readme                # puts the tables into docs/guide/cluster.md

One thread a worker. A turn reads, parses and writes PASSES times the long text of reviews in PARTS files; engines take
turns, ROUNDS times after one that warms up. The engine itself is started before; what it does for every run, such as
starting workers that load the model, counts. `one process` is a loop over the same files with `nlp.parse_arrow`.
Refuses to run where TESTS are red.
"""

import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import posmoe
from bench import ROOT, data, results, verify
from bench.systems import BUNDLES

TESTS = ("tests/runtime/test_cluster.py", "tests/runtime/test_ray.py", "tests/runtime/test_spark.py")
ROUNDS, PASSES, PARTS, BATCH = 5, 2, 16, 256
WORKERS = (1, 2)
ONE = "one process"


def files(folder: Path) -> tuple[Path, int]:
    """Writes the texts; their folder and their bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    texts = data.text("long") * PASSES
    folder.mkdir()
    for part in range(PARTS):
        table = pa.table({"id": range(part, len(texts), PARTS), "text": texts[part::PARTS]})
        pq.write_table(table, folder / f"{part:03}.parquet", row_group_size=BATCH)
    return folder, sum(len(text.encode()) for text in texts)


def one_process(model: str) -> Callable[[Path, Path], None]:
    """A loop over the files."""
    import pyarrow.parquet as pq

    nlp = posmoe.load(model)

    def work(texts: Path, out: Path) -> None:
        out.mkdir()
        for file in sorted(texts.iterdir()):
            pq.write_table(nlp.parse_arrow(pq.read_table(file)), out / file.name)

    return work


def on_ray(model: str, workers: int) -> Callable[[Path, Path], None]:
    """Ray Data with a pool of workers; reading and writing have places of their own."""
    import ray.data

    from posmoe.ray import Parser

    def work(texts: Path, out: Path) -> None:
        pool = ray.data.ActorPoolStrategy(size=workers)
        parsed = ray.data.read_parquet(str(texts)).map_batches(
            Parser, fn_constructor_kwargs={"model": model}, batch_format="pyarrow", batch_size=BATCH, compute=pool
        )
        parsed.write_parquet(str(out))

    return work


def on_spark(model: str, workers: int) -> Callable[[Path, Path], None]:
    """Spark with as many tasks at a time."""
    import posmoe.spark

    def work(texts: Path, out: Path) -> None:
        session = spark(workers)
        posmoe.spark.parse(session.read.parquet(str(texts)), model=model).write.parquet(str(out))

    return work


def spark(workers: int) -> Any:
    """A session with that many places for tasks."""
    from pyspark.sql import SparkSession

    running = SparkSession.getActiveSession()
    if running is not None and running.sparkContext.master == f"local[{workers},4]":
        return running
    if running is not None:
        running.stop()
    builder = SparkSession.builder.master(f"local[{workers},4]").config("spark.ui.enabled", "false")
    builder = builder.config("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH))
    session = builder.config("spark.sql.files.maxPartitionBytes", "1m").getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    session.range(1).count()
    return session


def measure(folder: Path) -> list[dict[str, object]]:
    """A row for every engine and number of workers with the edge model, and for the other models in one process."""
    import pyarrow.parquet as pq

    texts, size = files(folder / "texts")
    models = {name: str(path) for name, path in BUNDLES.items()}
    works = {(ONE, 1, name): one_process(path) for name, path in models.items()}
    for workers in WORKERS:
        works["Ray Data", workers, "en-edge"] = on_ray(models["en-edge"], workers)
        works["Spark", workers, "en-edge"] = on_spark(models["en-edge"], workers)
    times: dict[tuple[str, int, str], list[float]] = {key: [] for key in works}
    words = 0
    for turn in range(ROUNDS + 1):
        for key, work in works.items():
            if key[0] == "Spark":
                spark(key[1])
            out = folder / "out"
            begin = time.perf_counter()
            work(texts, out)
            taken = time.perf_counter() - begin
            if turn > 0:
                times[key].append(taken)
            parsed = pq.read_table(out, columns=["forms"])["forms"]
            assert len(parsed) == len(data.text("long")) * PASSES, key
            words = sum(len(chunk.flatten()) for chunk in parsed.chunks)
            shutil.rmtree(out)
            print(*key, f"{words / taken:,.0f} words/s", flush=True)
    rows: list[dict[str, object]] = []
    for (engine, workers, model), all_taken in times.items():
        rates = [words / one for one in all_taken]
        quantiles = {f"p{p}": round(results.quantile(rates, p / 100)) for p in (20, 50, 80)}
        row = {"engine": engine, "workers": workers, "model": model, "text": data.digest("long"), "words": words}
        rows.append({**row, "bytes": size, "rounds": len(all_taken), **quantiles})
    return rows


def main() -> None:
    """Measure, print and append."""
    paths = [str(ROOT / "runtime"), *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ |= {
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(paths),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }
    data.prepare()
    verify.verify(TESTS, None)
    import ray.data

    ray.init(num_cpus=max(WORKERS) + 2, include_dashboard=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    stamp = results.stamp()
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(Path(folder))
    results.append("cluster", [stamp | row for row in rows])


if __name__ == "__main__":
    main()
