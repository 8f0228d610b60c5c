"""Results of visits into the repository: rows kept, tables and charts of docs/gpu.md renewed from them."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from bench import ROOT, results
from bench.gpu.report import COLUMNS
from bench.svg import Axis, Chart, decades

PAGE = ROOT / "docs" / "gpu.md"
Row = dict[str, str]
Values = dict[str, float]
NAMES = {"context_kernel": "context", "words_kernel": "words", "trees_kernel": "trees"}


def keep(folder: Path) -> int:
    """Take a visit's rows (all CSV files of a folder) as bench/results/gpu.csv, and renew the page and its charts.

    A later row replaces an earlier one of the same section, system, words and metric.
    """
    kept: dict[tuple[str, ...], Row] = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                if tuple(row) != COLUMNS:
                    raise SystemExit(f"{path}: expected the columns {', '.join(COLUMNS)}, got {', '.join(row)}")
                key = tuple(row[name] for name in ("section", "system", "words", "metric"))
                if row["section"] != "traffic" or float(row["value"]) > float(kept.get(key, {"value": "-1"})["value"]):
                    kept[key] = row
    with (results.FOLDER / "gpu.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept.values())
    for name, chart in charts().items():
        (results.FOLDER / name).write_text(chart, encoding="utf-8")
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


def rows(section: str) -> dict[tuple[str, int], Values]:
    """A section's metrics by system and words; those that are no numbers are left out."""
    found: dict[tuple[str, int], Values] = {}
    with (results.FOLDER / "gpu.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["section"] == section and row["metric"] != "summary":
                found.setdefault((row["system"], int(row["words"])), {})[row["metric"]] = float(row["value"])
    return found


def table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    names = list(head)
    return "\n".join(f"| {' | '.join(line)} |" for line in (names, ["---"] * len(names), *lines))


def millions(value: float | None) -> str:
    """Words a second, in millions."""
    return "" if value is None else f"{value / 1e6:.2f}" if value < 1e8 else f"{value / 1e6:.0f}"


def card() -> str:
    """What the card gives at best, as it was measured in the visit."""
    values = rows("ceilings")["card", 0]
    lines = [
        ("copy, bytes read and written", f"{values['copy_tb_s']:.2f} TB/s"),
        ("INT8 products of 8192 x 8192", f"{values['int8_top_s']:.0f} TOP/s"),
        ("float32 products of 4096 x 4096", f"{values['float32_tflop_s']:.0f} TFLOP/s"),
        ("a kernel in a graph, doing nothing", f"{values['graph_launch_us']:.1f} µs"),
    ]
    return table(("ceiling", "measured"), lines)


def kernels() -> str:
    """Time, bytes and operations of every kernel, and its share of the roofline."""
    ceilings = rows("ceilings")["card", 0]
    traffic = {(NAMES.get(name, name), words): values for (name, words), values in rows("traffic").items()}
    lines = []
    for (name, words), values in sorted(rows("kernels").items(), key=lambda item: item[0][1]):
        moved = traffic.get((name, words), {})
        counted = sum(moved.get(f"dram__bytes_{way}", 0) for way in ("read", "write"))
        by_bytes = values["bytes"] / ceilings["copy_tb_s"] / 1e6
        by_operations = values["flops"] / ceilings["int8_top_s"] / 1e6
        lines.append((
            name, f"{words:,}", f"{values['us']:.1f}", f"{values['bytes'] / 1e6:.2f}",
            f"{counted / 1e6:.2f}" if counted else "", f"{values['flops'] / 1e6:.1f}",
            f"{100 * max(by_bytes, by_operations) / values['us']:.0f} %",
        ))  # fmt: skip
    head = ("kernel", "words", "µs", "MB that must move", "MB to device memory", "MFLOP", "share of the roofline")
    return table(head, lines)


def devices() -> str:
    """Words a second on the device, by batch."""
    found = rows("network")
    systems = list(dict.fromkeys(system for system, _ in found))
    lines = []
    for words in sorted({words for _, words in found}):
        speeds = [found.get((system, words), {}).get("words_s") for system in systems]
        lines.append((f"{words // 20:,} x 20", *map(millions, speeds)))
    return table(("batch", *systems), lines)


def hosts() -> str:
    """Words a second from identifiers in host memory to trees in host memory, by batch."""
    found = rows("batches")
    systems = list(dict.fromkeys(system for system, _ in found))
    lines = []
    for words in sorted({words for _, words in found}):
        speeds = [found.get((system, words), {}).get("words_s") for system in systems]
        lines.append((f"{words // 20:,} x 20", *map(millions, speeds)))
    return table(("batch", *(f"{system}, one caller" for system in systems)), lines)


def threads() -> str:
    """Words a second by callers and threads."""
    lines: dict[int, dict[str, float]] = {}
    for section in ("callers", "raw"):
        for (system, _), values in rows(section).items():
            name, count = system.removesuffix(" threads").rsplit(" ", 1)
            lines.setdefault(int(count), {})[f"{section} {name}"] = values["words_s"]
    columns = {
        "identifiers, triton": "callers triton", "identifiers, native": "callers native",
        "reviews, triton": "raw triton reviews", "reviews, native": "raw native reviews",
        "long documents, triton": "raw triton long documents", "long documents, native": "raw native long documents",
    }  # fmt: skip
    body = [(str(count), *(millions(lines[count].get(key)) for key in columns.values())) for count in sorted(lines)]
    return table(("threads", *columns), body)


def trained() -> str:
    """Operations that train, and the whole step."""
    found = rows("training")
    lines = []
    for (name, _), values in found.items():
        if "both_us" in values:
            lines.append((name, f"{values['forward_us'] / 1e3:.2f}", f"{values['both_us'] / 1e3:.2f}", ""))
        else:
            lines.append((f"whole step, {name}", "", f"{values['ms']:.1f}", f"{values['peak_mib']:.0f}"))
    return table(("32,768 words", "forward, ms", "forward and backward, ms", "peak MiB"), lines)


def profile() -> str:
    """The device's time in one steady-state second."""
    found = rows("profile")
    (whole,) = [values for (name, _), values in found.items() if name == "all"]
    lines = [
        (name, f"{values['ms']:.1f}", f"{100 * values['ms'] / whole['wall_ms']:.1f} %")
        for (name, _), values in found.items()
        if name != "all"
    ]
    idle = whole["wall_ms"] - whole["busy_ms"]
    lines.append(("idle", f"{idle:.1f}", f"{100 * idle / whole['wall_ms']:.1f} %"))
    return table((f"of {whole['wall_ms']:.0f} ms at {millions(whole['words_s'])} M words/s", "ms", "share"), lines)


def tables() -> dict[str, str]:
    """The tables of docs/gpu.md by the names of their marks."""
    return {
        "card": card(), "kernels": kernels(), "devices": devices(), "hosts": hosts(), "threads": threads(),
        "training": trained(), "profile": profile(),
    }  # fmt: skip


def renewed(text: str) -> str:
    """The page with its tables as they were measured last."""
    for name, content in tables().items():
        mark = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text = re.sub(mark, lambda found, c=content: f"{found[1]}{c}\n{found[2]}", text, flags=re.S)  # type: ignore[misc]
    return text


def charts() -> dict[str, str]:
    """Words a second by batch: on the device, and from host memory to host memory."""
    drawn = {}
    for name, title in (
        ("network", "Identifiers to relations on the device"),
        ("batches", "Host memory to host memory"),
    ):
        found = rows(name)
        points = sorted({words for _, words in found})
        speeds = [values["words_s"] for values in found.values()]
        axis = Axis("words a batch, sentences of 20", tuple(map(float, points)), log=True)
        chart = Chart(title, axis, Axis("words a second", decades(speeds), log=True))
        for system in dict.fromkeys(system for system, _ in found):
            line = [(float(words), values["words_s"]) for (one, words), values in found.items() if one == system]
            chart.line(system, sorted(line))
        drawn[f"gpu_{name}.svg"] = chart.text()
    return drawn
