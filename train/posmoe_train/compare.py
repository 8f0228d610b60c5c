"""A report on runs: accuracy over seeds, learning curves, and how accuracy grows with silver data."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from posmoe_train.figure import Line, line_chart
from posmoe_train.runs import MEASURED, SCORES, Group, Run, difference, grouped

Row = Mapping[str, Any]


def run_rows(runs: Sequence[Run]) -> list[Row]:
    """A row a run: what it was and what it reached."""
    return [
        {
            "run": run.name,
            "seed": run.seed,
            "measured": MEASURED.get(run.measured, ""),
            **{name: round(run.best[name], 3) for name in SCORES if run.best},
            "epochs": len(run.log),
            "minutes": round(run.minutes, 2),
            "silver_words": "" if run.silver_words is None else run.silver_words,
            "machine": run.record.get("machine", ""),
            "commit": run.record.get("commit", ""),
        }
        for run in runs
    ]


def group_rows(groups: Sequence[Group]) -> list[Row]:
    """A row a configuration: number of seeds, mean, lowest and highest score, and minutes a run."""
    rows: list[Row] = []
    for group in groups:
        row: dict[str, Any] = {"model": group.title, "seeds": len(group.runs)}
        for name in SCORES:
            low, high = group.spread(name)
            row |= {name: round(group.mean(name), 2), f"{name}_low": round(low, 2), f"{name}_high": round(high, 2)}
        minutes = sum(run.minutes for run in group.runs) / len(group.runs)
        machines = sorted({str(run.record.get("machine", "")) for run in group.runs})
        rows.append(row | {"minutes": round(minutes, 1), "machine": " and ".join(machines)})
    return rows


def curve_rows(groups: Sequence[Group]) -> list[Row]:
    """A row an epoch of a run: minutes since its beginning and the scores of dev, greedy."""
    rows: list[Row] = []
    for group in groups:
        for run in group.runs:
            spent = 0.0
            for line in run.log:
                spent += line["seconds"] / 60
                row = {"model": group.title, "seed": run.seed, "epoch": line["epoch"], "minutes": round(spent, 3)}
                rows.append(row | {name: line[name] for name in ("loss", *SCORES)})
    return rows


def silver_rows(groups: Sequence[Group]) -> list[Row]:
    """A row a configuration whose record tells how many silver words it knew, fewest first.

    Runs of one name that differ in other settings, too, are told apart by these.
    """
    rows: list[Row] = []
    first: dict[str, Run] = {}
    for group in groups:
        run = group.runs[0]
        if run.silver_words is not None:
            changed = difference(first.setdefault(run.name, run).config, run.config)
            others = [f"{name}={value}" for name, value in changed.items() if not name.startswith("silver_")]
            low, high = group.spread("uas")
            row = {"model": " ".join([run.name, *others]), "silver_words": run.silver_words, "seeds": len(group.runs)}
            scores = {name: round(group.mean(name), 2) for name in SCORES}
            rows.append(row | scores | {"uas_low": round(low, 2), "uas_high": round(high, 2)})
    return sorted(rows, key=lambda row: (row["model"], row["silver_words"]))


def write_report(paths: Sequence[Path], out: Path) -> str:
    """Write tables (CSV), figures (SVG) and `report.md` about runs into a folder; returns the Markdown.

    Args:
        paths: folders of runs, or their `NAME.run.json`.
        out: gets runs.csv, models.csv, curves.csv and .svg; silver.csv and .svg where runs differ in silver data.
    """
    runs = [run for run in map(Run.load, paths) if run.best]
    groups = grouped(runs)
    out.mkdir(parents=True, exist_ok=True)
    tables = {"runs": run_rows(runs), "models": group_rows(groups), "curves": curve_rows(groups)}
    silver = silver_rows(groups)
    several = len({row["silver_words"] for row in silver}) > 1
    if several:
        tables["silver"] = silver
        (out / "silver.svg").write_text(silver_figure(silver), encoding="utf-8")
    for name, rows in tables.items():
        (out / f"{name}.csv").write_text(as_csv(rows), encoding="utf-8")
    if tables["curves"]:
        (out / "curves.svg").write_text(curve_figure(tables["curves"]), encoding="utf-8")
    text = _markdown(tables, several)
    (out / "report.md").write_text(text, encoding="utf-8")
    return text


def curve_figure(rows: Sequence[Row]) -> str:
    """UAS on dev over the minutes of training, a line a run, a colour a configuration."""
    lines = []
    for model, seed in dict.fromkeys((row["model"], row["seed"]) for row in rows):
        own = [row for row in rows if (row["model"], row["seed"]) == (model, seed)]
        lines.append(Line(model, [(row["minutes"], row["uas"]) for row in own]))
    return line_chart(lines, "Accuracy while training", "minutes", "UAS on dev, greedy (%)")


def silver_figure(rows: Sequence[Row]) -> str:
    """UAS by words of silver trees on a logarithmic axis; runs without any are left out."""
    lines = []
    for model in dict.fromkeys(row["model"] for row in rows):
        own = [row for row in rows if row["model"] == model and row["silver_words"]]
        points = [(row["silver_words"], row["uas"]) for row in own]
        if points:
            lines.append(Line(model, points, [(row["uas_low"], row["uas_high"]) for row in own], marked=True))
    return line_chart(lines, "Accuracy by silver data", "words of silver trees", "UAS on dev (%)", log_x=True)


def as_csv(rows: Sequence[Row]) -> str:
    """Rows of the same keys as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def with_spread(mean: float, low: float, high: float) -> str:
    """A mean with its lowest and highest value; alone where all are equal."""
    return f"{mean:.2f}" if low == high else f"{mean:.2f} ({low:.2f}–{high:.2f})"


def as_markdown(rows: Sequence[Row]) -> str:
    """Rows of the same keys as a Markdown table; numbers stand to the right."""
    if not rows:
        return ""
    heads = list(rows[0])
    rule = ["---:" if isinstance(rows[0][head], int | float) else "---" for head in heads]
    lines = [heads, rule, *([str(row[head]).replace("|", "\\|") for head in heads] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _markdown(tables: Mapping[str, Sequence[Row]], silver: bool) -> str:
    shown = []
    for row in tables["models"]:
        scores = {name.upper(): with_spread(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in SCORES}
        shown.append({"model": row["model"], "seeds": row["seeds"], **scores, "minutes": row["minutes"]})
        shown[-1]["machine"] = row["machine"]
    parts = [
        "# Runs",
        "Accuracy on the development part with gold tokens, in percent: mean over the seeds, and the lowest and the "
        "highest. Minutes are those of a run by the clock, times its devices, without exports.",
        as_markdown(shown),
        "## Learning curves",
        "![UAS over minutes](curves.svg)",
    ]
    if silver:
        parts += ["## Silver data", "![UAS by words of silver trees](silver.svg)", as_markdown(tables["silver"])]
    return "\n\n".join([*parts, "## Every run", as_markdown(tables["runs"])]) + "\n"
