"""From host memory to trees in host memory, and from raw text: engines side by side, by batch and by cores."""

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

import posmoe
from bench.gpu import graphs
from bench.gpu.material import LENGTH, Material
from bench.gpu.report import Report, by_clock, quantiles

BATCHES = (1, 4, 16, 64, 512, 2048, 16384)
Columns = Callable[[NDArray[np.int32], NDArray[np.int64], None], Any]


def engines(report: Report, material: Material) -> Iterator[tuple[str, Columns]]:
    """Engines that are there, by name: identifiers and offsets to columns. Further engines are added here."""
    yield "native", material.native._engine.columns  # type: ignore[attr-defined]
    with report.attempt("load triton"):
        yield "triton", posmoe.load(backend="triton")._engine.columns  # type: ignore[attr-defined]
    with report.attempt("load onnxruntime on CUDA"):
        yield from graphs.systems(material.bundle)


def batches(report: Report, material: Material) -> None:
    """Words a second and latency of `columns` by batch of 20-word sentences; also dev's sentences as they are."""
    ids, offsets = material.dev
    expected = material.native._engine.columns(ids, offsets, None)  # type: ignore[attr-defined]
    for name, columns in engines(report, material):
        with report.attempt(f"batches {name}"):
            found = columns(ids, offsets, None)
            shares = [float((a == b).mean()) for a, b in zip(found, expected, strict=True)]
            report.add("parity", name, len(ids), upos=shares[0], heads=shares[1], deprels=shares[2])
            if min(shares) < 0.999:
                raise AssertionError("its trees are not the native engine's: no speed is reported")
            for sentences in BATCHES:
                if report.late or (name.startswith("onnxruntime cuda") and sentences > 512):
                    break
                batch = material.batch(sentences)
                times = by_clock(lambda c=columns, b=batch: c(*b, None), seconds=0.05)  # type: ignore[misc]
                words = sentences * LENGTH
                median, _ = quantiles(times)
                report.add("batches", name, words, us=median * 1e6, words_s=words / median)
            if name.startswith("onnxruntime cuda"):
                continue
            running = material.running
            median, _ = quantiles(by_clock(lambda c=columns, r=running: c(*r, None), repeats=5))  # type: ignore[misc]
            report.add("running", name, len(running[0]), us=median * 1e6, words_s=len(running[0]) / median)


def callers(report: Report, material: Material) -> None:
    """Several threads that bring batches to one engine: identifiers in host memory to trees in host memory."""
    ids, offsets = material.running
    for name in ("triton", "native"):
        parser = material.native if name == "native" else posmoe.load(backend=name)
        columns = parser._engine.columns  # type: ignore[attr-defined]
        for threads in (1, 2, 4, 8, 16) if name == "triton" else (1, 16):
            if report.late or threads > (os.cpu_count() or 1):
                return
            with ThreadPoolExecutor(threads) as pool, report.attempt(f"callers {name} {threads}"):
                work = lambda: list(pool.map(lambda _: columns(ids, offsets, None), range(threads)))  # noqa: B023, E731
                median, _ = quantiles(by_clock(work, repeats=5, seconds=0.2))
                report.add("callers", f"{name} {threads} threads", len(ids), words_s=threads * len(ids) / median)


def raw_text(report: Report, material: Material) -> None:
    """Raw text to trees by `pipe`, by threads that tokenise."""
    documents = ["\n\n".join(material.texts[i : i + 40]) for i in range(0, len(material.texts), 40)]
    words = len(material.running[0])
    for name in ("triton", "native"):
        parser = posmoe.load(backend=name)
        for kind, texts in (("reviews", material.texts), ("long documents", documents)):
            for threads in (1, 2, 4, 8, 16):
                if report.late or threads > (os.cpu_count() or 1):
                    return
                with report.attempt(f"raw text {name} {threads}"):
                    times = []
                    for _ in range(5):
                        begin = time.perf_counter()
                        for _ in parser.pipe(texts, batch_size=512, threads=threads):
                            pass
                        times.append(time.perf_counter() - begin)
                    report.add("raw", f"{name} {kind} {threads} threads", words, words_s=words / quantiles(times)[0])


def latency(report: Report, material: Material) -> None:
    """One sentence of 20 words at a time: median and 99th percentile of a steady state; GPU memory."""
    import torch

    for name in ("native", "triton"):
        parser = posmoe.load(backend=name)
        columns = parser._engine.columns  # type: ignore[attr-defined]
        rows = [material.batch(1, seed) for seed in range(200)]
        times = []
        for row in [*rows, *rows * 5]:
            begin = time.perf_counter()
            columns(*row, None)
            times.append(time.perf_counter() - begin)
        median, tail = quantiles(times[len(rows) :])
        report.add("latency", name, LENGTH, first_ms=times[0] * 1e3, p50_us=median * 1e6, p99_us=tail * 1e6)
    free, total = torch.cuda.mem_get_info()
    report.add(
        "memory", "triton", 0, torch_peak_mib=torch.cuda.max_memory_reserved() / 2**20, used_mib=(total - free) / 2**20
    )


def profile(report: Report, material: Material) -> None:
    """One steady-state second of the engine: the device's time by kernel and copy, and how much of it is idle."""
    import torch
    from torch.profiler import ProfilerActivity

    columns = posmoe.load(backend="triton")._engine.columns  # type: ignore[attr-defined]
    ids, offsets = material.running
    columns(ids, offsets, None)
    words = 0
    with torch.profiler.profile(activities=[ProfilerActivity.CUDA]) as found:
        begin = time.perf_counter()
        while time.perf_counter() - begin < 1:
            columns(ids, offsets, None)
            words += len(ids)
        torch.cuda.synchronize()
        wall = time.perf_counter() - begin
    spans = [(e.time_range.start, e.time_range.end) for e in found.events() if e.device_type.name == "CUDA"]
    busy, reached = 0.0, 0.0
    for first, last in sorted(spans):
        busy += max(0.0, last - max(first, reached))
        reached = max(reached, last)
    report.add("profile", "all", words, wall_ms=wall * 1e3, busy_ms=busy / 1e3, words_s=words / wall)
    for row in sorted(found.key_averages(), key=lambda row: -row.device_time_total)[:12]:
        if row.device_time_total:
            report.add(
                "profile", row.key[:60].replace(",", ";"), words, ms=row.device_time_total / 1e3, count=row.count
            )
