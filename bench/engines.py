"""Words a second of every engine and instruction set, from raw text to columns, on one thread.

    python -m bench.engines TEXT.txt [MORE.txt.xz] [--model NAME|PATH] [--runs 7] [--megabytes 1]

Prints a table and appends its rows to bench/results/engines.csv. The engines take turns, so that a busy minute hits all
of them: trust the ratios to onnxruntime. Refuses to run where TEST, which holds the engines equal, is red.
"""

import argparse
import csv
import lzma
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

import posmoe
from bench.results import cpu
from posmoe import _core
from posmoe.request import Request

TEST = "tests/runtime/test_native.py"
ROOT = Path(__file__).resolve().parent.parent
RESULTS = Path(__file__).parent / "results" / "engines.csv"
CHUNK = 50_000  # characters of one document


def read(path: Path, limit: int) -> list[str]:
    """A file's first `limit` characters, in documents of whole lines."""
    data = lzma.decompress(path.read_bytes()) if path.suffix == ".xz" else path.read_bytes()
    documents, size = [""], 0
    for line in data.decode(errors="replace").splitlines(keepends=True):
        size += len(line)
        if size > limit:
            break
        if len(documents[-1]) + len(line) > CHUNK and documents[-1]:
            documents.append("")
        documents[-1] += line
    return [document for document in documents if document]


def instruction_sets() -> list[str]:
    """Those of this machine and build."""
    found = []
    for name in ("plain", "neon", "avx2", "avxvnni", "avx512"):
        try:
            found.append(_core.instruction_set(name))
        except ValueError:
            continue
    return found


def parsers(model: str | None) -> dict[str, posmoe.Parser]:
    """One for each engine and instruction set."""
    loaded = {}
    given = os.environ.pop("POSMOE_ISA", None)
    for isa in instruction_sets():
        os.environ["POSMOE_ISA"] = isa
        loaded[f"native {isa}"] = posmoe.load(model, backend="native")
    os.environ.pop("POSMOE_ISA", None)
    if given is not None:
        os.environ["POSMOE_ISA"] = given
    return loaded | {"onnxruntime": posmoe.load(model, backend="onnxruntime")}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of a call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def whole(nlp: posmoe.Parser, documents: list[str]) -> int:
    """Raw text to columns; the number of words."""
    return sum(len(nlp(document).arrays().heads) for document in documents)


def stages(nlp: posmoe.Parser, documents: list[str], runs: int) -> dict[str, float]:
    """Median seconds of the stages, one after another over all documents."""
    words = [nlp._words(Request(text=document)) for document in documents]
    features = [nlp._features(one) for one in words]
    offsets = [one.sentences.astype(np.int64) for one in words]
    steps: dict[str, Callable[[], object]] = {
        "tokenise": lambda: [nlp._words(Request(text=document)) for document in documents],
        "features": lambda: [nlp._features(one) for one in words],
        "network": lambda: [nlp._network.columns(f, o) for f, o in zip(features, offsets, strict=True)],
    }
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(runs):
        for name, step in steps.items():
            times[name].append(seconds(step))
    return {name: statistics.median(values) for name, values in times.items()}


def measure(path: Path, model: str | None, runs: int, limit: int) -> list[dict[str, str | float]]:
    """A row for each engine."""
    documents, loaded = read(path, limit), parsers(model)
    words = {name: whole(nlp, documents) for name, nlp in loaded.items()}  # warms up as well
    times: dict[str, list[float]] = {name: [] for name in loaded}
    for _ in range(runs):
        for name, nlp in loaded.items():
            times[name].append(seconds(lambda nlp=nlp: whole(nlp, documents)))  # type: ignore[misc]
    base = statistics.median(times["onnxruntime"])
    rows: list[dict[str, str | float]] = []
    for name, nlp in loaded.items():
        median = statistics.median(times[name])
        row: dict[str, str | float] = {
            "date": datetime.now(UTC).strftime("%Y-%m-%d"),
            "processor": cpu(),
            "model": f"{nlp.bundle.name} {nlp.bundle.version}",
            "text": path.name,
            "words": words[name],
            "runs": runs,
            "engine": name,
            "words_per_second": round(words[name] / median),
            "ratio_to_onnxruntime": round(base / median, 2),
        }
        for stage, value in stages(nlp, documents, runs).items():
            row[f"{stage}_ns_per_word"] = round(1e9 * value / words[name])
        rows.append(row)
    return rows


def save(rows: list[dict[str, str | float]]) -> None:
    """Append to the results."""
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("texts", nargs="+", type=Path)
    parser.add_argument("--model")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--megabytes", type=float, default=1)
    given = parser.parse_args()
    if given.runs < 5:
        parser.error("a median needs at least 5 runs")
    if subprocess.run([sys.executable, "-m", "pytest", "-q", TEST], cwd=ROOT, check=False).returncode:
        print(f"{TEST} is red: nothing was measured.", file=sys.stderr)
        return 1
    for path in given.texts:
        rows = measure(path, given.model, given.runs, int(given.megabytes * 1e6))
        for row in rows:
            print("  ".join(f"{key} {value}" for key, value in row.items() if key not in ("date", "processor")))
        save(rows)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
