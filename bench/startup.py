"""Import time, the command from start to exit, peak memory and sizes, of the installed package.

    python -m bench.startup            # prints a table and appends a row to bench/results/startup.csv

Times are medians of RUNS fresh processes; bare Python is measured beside them, as the floor.
"""

import csv
import os
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

RUNS = 11
RESULTS = Path(__file__).parent / "results" / "startup.csv"
CASES = {
    "python_ms": [sys.executable, "-c", "pass"],
    "numpy_ms": [sys.executable, "-c", "import numpy"],
    "import_ms": [sys.executable, "-c", "import posmoe"],
    "load_ms": [sys.executable, "-c", "import posmoe; posmoe.load()"],
    "command_ms": [sys.executable, "-m", "posmoe", "parse", "I saw the man with a telescope."],
}


def milliseconds(command: list[str]) -> float:
    """Wall time of one fresh process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - begin)


def peak_megabytes(command: list[str]) -> float:
    """Peak resident memory of one fresh process, in MB."""
    child = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, 1, 0)])
    _, status, usage = os.wait4(child, 0)
    if status:
        raise RuntimeError(f"{command} failed with status {status}")
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 1e6


def cpu() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return os.uname().machine
    return next((line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line), "")


def measure() -> dict[str, str | float]:
    """All figures; the cases take turns, so that a busy minute hits all of them."""
    import posmoe

    times: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(RUNS):
        for name, command in CASES.items():
            times[name].append(milliseconds(command))
    package = Path(posmoe.__file__).parent
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=Path(__file__).parent, capture_output=True, text=True, check=False
    )
    row: dict[str, str | float] = {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit.stdout.strip(),
        "cpu": cpu(),
        "python": sys.version.split()[0],
    }
    row |= {name: round(statistics.median(values), 1) for name, values in times.items()}
    row["command_peak_mb"] = round(peak_megabytes(CASES["command_ms"]), 1)
    row["numpy_peak_mb"] = round(peak_megabytes(CASES["numpy_ms"]), 1)
    row["package_mb"] = round(sum(f.stat().st_size for f in package.rglob("*") if f.is_file()) / 1e6, 2)
    return row


def main() -> None:
    """Measure, print and append."""
    row = measure()
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
    for name, value in row.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
