"""Whole corpora through the command: words a second into a file and into a folder, by format, packing and threads.

    python -m bench.corpora            # prints a table and appends its rows to bench/results/corpora.csv

The corpus is the text `long` of reviews, as one file, as FILES files, and as packed files, JSON Lines and Parquet. The
cases take turns, ROUNDS times, a fresh process each. Columns:

    case       input and output: `file` is one file into one, `folder` a folder into a folder
    threads    --threads
    words_s    median words a second; left out is the start of the command and its exit, by one sentence in that format
    low, high  the slowest and the fastest round
    ratio      to `file conllu` with as many threads
    mb         size of what is written
    peak_mb    peak memory of the command
"""

import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench import ROOT, data, results
from posmoe.packing import packer

ROUNDS = 5
FILES = 200
PARSE = [sys.executable, "-m", "posmoe", "parse"]
PEAK = (
    "import sys; from bench.worker import peak_mib\nsys.argv[0] = 'posmoe'\nfrom posmoe.cli import main\n"
    "try: main()\nfinally: print(peak_mib() * 1.048576)"
)
# name, input, output, options
CASES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("file conllu", "one.txt", "one.conllu", ()),
    ("folder conllu", "folder", "out/", ()),
    ("folder conllu, shards of 10,000 words", "folder", "out/", ("--shard-words", "10000")),
    ("folder conllu.gz", "folder", "out/", ("--compress", "gz")),
    ("folder conllu.zst", "folder", "out/", ("--compress", "zst")),
    ("folder jsonl", "folder", "out/", ("--format", "jsonl")),
    ("folder arrow", "folder", "out/", ("--format", "arrow")),
    ("folder parquet", "folder", "out/", ("--format", "parquet")),
    ("folder of .gz, conllu", "gz", "out/", ()),
    ("folder of .zst, conllu", "zst", "out/", ()),
    ("jsonl conllu", "rows.jsonl", "rows.conllu", ()),
    ("parquet parquet", "rows.parquet", "rows.parquet.out", ("--format", "parquet")),
)


def corpus(folder: Path) -> int:
    """Writes the corpus in all its forms; its words."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    import posmoe

    documents = data.text("long")
    texts = ["\n\n".join(documents[i::FILES]) for i in range(FILES)]
    for name in ("folder", "gz", "zst"):
        (folder / name).mkdir(parents=True)
    for number, text in enumerate(texts):
        packing = packer(".zst")
        content = text.encode()
        (folder / "folder" / f"{number:03}.txt").write_bytes(content)
        (folder / "gz" / f"{number:03}.txt.gz").write_bytes(gzip.compress(content, mtime=0))
        (folder / "zst" / f"{number:03}.txt.zst").write_bytes(packing.compress(content) + packing.flush())
    (folder / "one.txt").write_text("\n\n".join(texts), encoding="utf-8")
    lines = [json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(documents)]
    (folder / "rows.jsonl").write_text("".join(lines), encoding="utf-8")
    pq.write_table(pa.table({"text": documents}), folder / "rows.parquet")
    return sum(len(document.analysis.words) for document in posmoe.load().pipe(texts))


def seconds(folder: Path, arguments: Sequence[str]) -> float:
    """Wall time of one fresh process; what an earlier one wrote is removed."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    begin = time.perf_counter()
    subprocess.run([*PARSE, *arguments], check=True, cwd=folder, capture_output=True)
    return time.perf_counter() - begin


def peak(folder: Path, arguments: Sequence[str]) -> float:
    """Peak memory of one fresh process, in MB."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    command = [sys.executable, "-c", PEAK, "parse", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    run = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True, env=environment)
    return float(run.stdout.split()[-1])


def measure() -> list[dict[str, object]]:
    """The rows of a run."""
    data.prepare()
    folder = data.path_of("corpora")
    shutil.rmtree(folder, ignore_errors=True)
    words = corpus(folder)
    runs = [(case, threads) for case in CASES for threads in (1, 2)]
    times: dict[tuple[str, int], list[float]] = {(case[0], threads): [] for case, threads in runs}
    starts: dict[str, list[float]] = {}
    sizes: dict[str, float] = {}
    peaks: dict[tuple[str, int], float] = {}
    for _ in range(ROUNDS):
        for form in sorted({_format(options) for _, _, _, options in CASES}):
            arguments = ["He waved.", "-o", "start.out", "--format", form]
            starts.setdefault(form, []).append(seconds(folder, arguments))
        for (name, given, output, options), threads in runs:
            arguments = [given, "-o", output, *options, "--threads", str(threads)]
            times[name, threads].append(seconds(folder, arguments))
            sizes[name] = _size(folder / output)
    for (name, given, output, options), threads in runs:
        peaks[name, threads] = peak(folder, [given, "-o", output, *options, "--threads", str(threads)])
    start = {name: statistics.median(starts[_format(options)]) for name, _, _, options in CASES}
    speeds = {key: sorted(words / (value - start[key[0]]) for value in values) for key, values in times.items()}
    stamp = results.stamp()
    rows: list[dict[str, object]] = []
    for (name, threads), values in speeds.items():
        speed = statistics.median(values)
        row = {"case": name, "threads": threads, "words": words, "words_s": round(speed)}
        row |= {"low": round(values[0]), "high": round(values[-1])}
        row |= {"ratio": round(speed / statistics.median(speeds["file conllu", threads]), 2)}
        rows.append({**stamp, **row, "mb": round(sizes[name], 1), "peak_mb": round(peaks[name, threads], 1)})
    shutil.rmtree(folder)
    return rows


def _format(options: Sequence[str]) -> str:
    return options[1] if "--format" in options else "conllu"


def _size(path: Path) -> float:
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files) / 1e6


def main() -> None:
    """Measure, print and append."""
    rows = measure()
    results.append("corpora", rows)
    for row in rows:
        print("  ".join(f"{row[name]}" for name in ("case", "threads", "words_s", "low", "high", "ratio", "peak_mb")))


if __name__ == "__main__":
    main()
