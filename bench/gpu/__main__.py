"""A whole visit to a GPU in one command; the rows go to $OUT, or to bench/results/visit.

    python -m bench.gpu [--only SECTION ...] [--seconds 500]
    POSMOE_COMMIT=1234567 python -m bench.gpu    where there is no .git
    python -m bench.gpu --keep FOLDER            CSV files of a visit into bench/results, docs/gpu.md and charts

Sections run in the order of SECTIONS. The first ones are the correctness: where they fail, no speed is measured. Each
section writes what it finds at once; one that fails is named at the end, and the others run.
"""

import argparse
import csv
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bench import ROOT, results
from bench.gpu.report import Report, where

GATE = ("tests", "parity")
TESTS = ("tests/kernels", "tests/runtime/test_triton.py", "--ignore", "tests/kernels/test_ahead.py")
# what a profiler counts: bytes to and from device memory, from a cold cache, and bytes through the second-level cache
METRICS = ("dram__bytes_read.sum", "dram__bytes_write.sum", "lts__t_bytes.sum")


def tests(report: Report, _: Any) -> None:
    """The kernels' tests, on this GPU."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:benchmark", *TESTS]
    command += ["-n", "8"] if find_spec("xdist") else []
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    print(run.stdout[-3000:] + run.stderr[-1000:], flush=True)
    report.add("tests", "kernels", 0, summary=run.stdout.strip().splitlines()[-1].replace(",", ";"))
    if run.returncode:
        raise AssertionError("the kernels' tests are red")


def sanitizer(report: Report, _: Any) -> None:
    """compute-sanitizer over every kernel on small shapes: memory accesses, then races in shared memory."""
    for tool in ("memcheck", "racecheck"):
        command = [
            "compute-sanitizer",
            "--tool",
            tool,
            "--error-exitcode",
            "9",
            sys.executable,
            "-m",
            "bench.gpu.small",
        ]
        environment = os.environ | {"PYTORCH_NO_CUDA_MEMORY_CACHING": "1", "POSMOE_TUNING": "0"}
        run = subprocess.run(
            command, cwd=ROOT, check=False, capture_output=True, text=True, env=environment, timeout=150
        )
        lines = [line for line in run.stdout.splitlines() if "SUMMARY" in line] or run.stdout.splitlines()[-3:]
        report.add("sanitizer", tool, 0, exit=run.returncode, summary=" ".join(lines).replace(",", ";")[-200:])
        if run.returncode:
            print(run.stdout[-3000:], run.stderr[-1500:])


def traffic(report: Report, _: Any) -> None:
    """Bytes that each inference kernel moves, by Nsight Compute's counters."""
    for sentences in (512, 16384):
        command = ["ncu", "--csv", "--clock-control", "none", "--metrics", ",".join(METRICS), "--launch-skip", "3"]
        command += ["--kernel-name", "regex:context_kernel|words_kernel|trees_kernel", sys.executable]
        environment = os.environ | {"POSMOE_TUNING": "1"}
        run = subprocess.run(
            [*command, "-m", "bench.gpu.once", str(sentences)],
            cwd=ROOT, check=False, capture_output=True, text=True, env=environment, timeout=120,
        )  # fmt: skip
        lines = [line for line in run.stdout.splitlines() if line.startswith('"')]
        for row in csv.DictReader(lines):
            metric, unit = row["Metric Name"].replace(".sum", ""), row["Metric Unit"]
            scale = {"byte": 1, "Kbyte": 1e3, "Mbyte": 1e6, "Gbyte": 1e9}.get(unit, 0)
            value = float(row["Metric Value"].replace(",", "")) * scale
            report.add("traffic", row["Kernel Name"].split("(")[0], sentences * 20, **{metric: value})
        if not lines:
            raise RuntimeError(run.stdout[-800:] + run.stderr[-800:])


def sections() -> dict[str, Callable[[Report, Any], None]]:
    """All of them, in the order in which they run."""
    from bench.gpu import device, host, training

    return {
        "tests": tests,
        "parity": device.integers,
        "ceilings": device.ceilings,
        "network": device.network,
        "kernels": device.kernels,
        "batches": host.batches,
        "callers": host.callers,
        "latency": host.latency,
        "raw": host.raw_text,
        "profile": host.profile,
        "operations": training.operations,
        "training": training.step,
        "traffic": traffic,
        "sanitizer": sanitizer,
        "others": device.others,
    }


def visit(only: list[str], seconds: float) -> int:
    """Run sections; the exit status is 1 where one failed."""
    import torch

    from bench.gpu.material import Material

    stamp = results.stamp()
    stamp["commit"] = os.environ.get("POSMOE_COMMIT") or stamp["commit"]
    card = {"date": stamp["date"], "commit": stamp["commit"], "card": torch.cuda.get_device_name()}
    report = Report(where() / "gpu.csv", card, time.monotonic() + seconds)
    material = Material()
    for name, section in sections().items():
        if only and name not in only:
            continue
        if report.late:
            print(f"no time for {name}", flush=True)
            continue
        with report.attempt(name):
            section(report, material)
        if name in GATE and name in report.failed:
            print("red: no speed is measured.", flush=True)
            return 1
    print(f"failed: {', '.join(report.failed) or 'nothing'}", flush=True)
    return int(bool(report.failed))


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--seconds", type=float, default=500)
    parser.add_argument("--keep", type=Path, metavar="FOLDER")
    given = parser.parse_args()
    if given.keep is not None:
        from bench.gpu.tables import keep

        return keep(given.keep)
    return visit(given.only, given.seconds)


if __name__ == "__main__":
    raise SystemExit(main())
