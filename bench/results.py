"""The results: a CSV a kind of figure; every run appends rows under its own date and commit."""

import csv
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bench import ROOT

FOLDER = ROOT / "bench" / "results"
Row = dict[str, str]


def stamp() -> dict[str, str]:
    """What every row of a run begins with: when, of which commit (`+`: with changes besides), on which processor."""
    commit = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", ".", ":!bench", ":!README.md")
    commit += "+" if changed else ""
    return {"date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"), "commit": commit, "cpu": cpu()}


def _git(*arguments: str) -> str:
    run = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)
    return run.stdout.strip()


def cpu() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def append(name: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Add rows to a CSV; all have the same columns.

    Raises:
        ValueError: the file has other columns.
    """
    path = FOLDER / f"{name}.csv"
    columns = list(rows[0])
    if path.exists():
        with path.open(encoding="utf-8", newline="") as file:
            found = next(csv.reader(file), None)
        if found != columns:
            raise ValueError(f"{path.name}: expected the columns {columns}, found {found}.")
    new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        if new:
            writer.writeheader()
        writer.writerows(rows)


def latest(name: str, **values: str) -> list[Row]:
    """The rows of a CSV's last run that have given values; none where there is no file."""
    path = FOLDER / f"{name}.csv"
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if all(row[key] == value for key, value in values.items())]
    return [row for row in rows if row["date"] == rows[-1]["date"]]


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which a share of the sorted values lies, interpolated."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])
