"""The exported graphs on ONNX Runtime's CUDA provider: the bundle's own, and the one that TensorRT reads.

    python -m bench.gpu.graphs [--dev FILE]     rows go to $OUT/graphs.csv, or to bench/results/visit
    python -m bench.gpu.graphs --write FILE     EWT's dev part as identifiers, for a machine without the treebank

Trees first: the native engine's on all of EWT's dev part, else no speed is measured.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import results
from bench.gpu.report import Report, by_clock, quantiles, where
from posmoe.bundle import Bundle, find
from posmoe.bundle_files import TENSORRT
from posmoe.engines import choose, create, native, onnxruntime
from posmoe.network import Network

SENTENCES = (1, 4, 16, 64, 512, 2048)
LENGTH = 20
EQUAL = 0.999
Columns = Callable[[NDArray[np.int32], NDArray[np.int64], None], Any]


def systems(bundle: Bundle) -> Iterator[tuple[str, Columns]]:
    """By name: identifiers and offsets to columns."""
    engine: Any = create(bundle, choose("onnxruntime-cuda"))
    yield "onnxruntime cuda", Network(bundle, engine).columns
    if TENSORRT in bundle.others:
        yield (
            "onnxruntime cuda, tensorrt.onnx",
            Network(bundle, onnxruntime.load_cuda(bundle, 1, graph=TENSORRT)).columns,
        )


def measure(report: Report, bundle: Bundle, ids: NDArray[np.int32], offsets: NDArray[np.int64]) -> None:
    """Trees against the native engine's, then words a second by batch."""
    expected = native.load(bundle, 1).columns(ids, offsets, None)
    for name, columns in systems(bundle):
        with report.attempt(name):
            shares = [float((a == b).mean()) for a, b in zip(columns(ids, offsets, None), expected, strict=True)]
            report.add("parity", name, len(ids), upos=shares[0], heads=shares[1], deprels=shares[2])
            if min(shares) < EQUAL:
                raise AssertionError("its trees are not the native engine's: no speed is reported")
            for sentences in SENTENCES:
                words = sentences * LENGTH
                batch = np.ascontiguousarray(ids[np.arange(words) % len(ids)]), np.arange(0, words + 1, LENGTH)
                median, _ = quantiles(by_clock(lambda c=columns, b=batch: c(*b, None), seconds=0.05))  # type: ignore[misc]
                report.add("batches", name, words, us=median * 1e6, words_s=words / median)


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.gpu.graphs", description=__doc__)
    parser.add_argument("--dev", type=Path)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    if given.dev is None:
        from bench.gpu.material import Material

        ids, offsets = Material().dev
    else:
        with np.load(given.dev) as kept:
            ids, offsets = kept["ids"], kept["offsets"]
    if given.write is not None:
        np.savez_compressed(given.write, ids=ids, offsets=offsets)
        return 0
    import torch

    stamp = results.stamp()
    commit = os.environ.get("POSMOE_COMMIT") or stamp["commit"]
    card = {"date": stamp["date"], "commit": commit, "card": torch.cuda.get_device_name()}
    report = Report(where() / "graphs.csv", card, time.monotonic() + 120)
    measure(report, Bundle.load(find()), ids, offsets)
    return int(bool(report.failed))


if __name__ == "__main__":
    raise SystemExit(main())
