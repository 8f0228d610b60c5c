"""Rows of a visit: written as they come, so that what was measured is kept whatever comes after."""

import csv
import os
import statistics
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

COLUMNS = ("date", "commit", "card", "section", "system", "words", "metric", "value")


@dataclass
class Report:
    """Where rows go, and until when there is time.

    Attributes:
        deadline: `time.monotonic()` after which no further measurement begins.
    """

    path: Path
    stamp: dict[str, str]
    deadline: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def add(self, section: str, system: str, words: int, **metrics: float | str) -> None:
        """Append a row a metric, and print them on one line."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            if new:
                writer.writeheader()
            for metric, value in metrics.items():
                shown = f"{value:.6g}" if isinstance(value, float) else value
                row = {"section": section, "system": system, "words": words, "metric": metric, "value": shown}
                self.rows.append(row)
                writer.writerow(self.stamp | row)
        print(f"{section:9} {system:34} {words:8}  " + "  ".join(f"{m} {v:.6g}" if isinstance(v, float) else f"{m} {v}"
              for m, v in metrics.items()), flush=True)  # fmt: skip

    @property
    def late(self) -> bool:
        """Whether the time is over."""
        return time.monotonic() > self.deadline

    @contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """A part that may fail without ending the visit; its error is printed and kept."""
        begin = time.monotonic()
        try:
            yield
        except Exception as error:
            self.failed.append(what)
            print(f"FAILED {what}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
        print(f"-- {what}: {time.monotonic() - begin:.1f} s", flush=True)


def where() -> Path:
    """The folder of new results: $OUT, else bench/results/visit."""
    folder = Path(os.environ.get("OUT") or Path(__file__).parent.parent / "results" / "visit")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def on_device(work: Callable[[], object], repeats: int = 7, seconds: float = 0.02) -> float:
    """Median microseconds of `work` on the device, by events around as many calls as fill `seconds`."""
    import torch

    for _ in range(3):
        work()
    torch.cuda.synchronize()
    begin = time.perf_counter()
    work()
    torch.cuda.synchronize()
    count = max(1, min(200, int(seconds / max(time.perf_counter() - begin, 1e-6))))
    times: list[float] = []
    event: Any = torch.cuda.Event
    for _ in range(repeats):
        first, last = event(enable_timing=True), event(enable_timing=True)
        first.record()
        for _ in range(count):
            work()
        last.record()
        last.synchronize()
        times.append(first.elapsed_time(last) * 1000 / count)
    return statistics.median(times)


def graphed(work: Callable[[], object], times: int = 10) -> Callable[[], object]:
    """A graph of some runs of `work`, whose replay costs no launches of Python's."""
    import torch

    make: Any = torch.cuda.Stream
    stream = make()
    with torch.cuda.stream(stream):
        work()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(times):
            work()
    return graph.replay


def by_clock(work: Callable[[], object], repeats: int = 7, seconds: float = 0.1) -> list[float]:
    """Seconds of a call by the wall clock: `repeats` means of as many calls as fill `seconds`."""
    work()
    begin = time.perf_counter()
    work()
    count = max(1, int(seconds / max(time.perf_counter() - begin, 1e-6)))
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        for _ in range(count):
            work()
        times.append((time.perf_counter() - begin) / count)
    return times


def quantiles(values: Sequence[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))]
