"""The READMEs' tables, from what was measured; `python -m bench readme` puts them there."""

import json
import re
from pathlib import Path
from typing import Any

from bench import ROOT, results, tables_meeting
from bench.flops import spacy_flops
from bench.markdown import table
from bench.systems import BUNDLES, EDGE, EDGE_CONLLU, SPACY, SPACY_EWT, SYSTEMS, System

COLUMNS = ("tokens", "sentences", "words", "upos", "uas", "las")
GUIDE = ROOT / "docs" / "guide"
READMES = (
    *(ROOT / "README.md", ROOT / "bundles" / "README.md", ROOT / "bench" / "README.md"),
    *(GUIDE / "spacy.md", GUIDE / "cluster.md", GUIDE / "service.md"),
)


def metrics(model: str, name: str = "metrics.json") -> dict[str, Any]:
    """One of the JSON files of a model's bundle."""
    content: dict[str, Any] = json.loads((BUNDLES[model] / name).read_text(encoding="utf-8"))
    return content


def inputs_table() -> str:
    """Scores of the packaged model: a row for raw text, a row for gold tokens."""
    scores = metrics("en-edge")["dev"]
    rows = []
    for title, key in (("raw text", "raw_text"), ("gold tokens", "gold_tokens")):
        rows.append([title, *(f"{scores[key][name]:.1f}" if name in scores[key] else "" for name in COLUMNS)])
    return table(["input", "tokens", "sentences", "words", "UPOS", "UAS", "LAS"], rows)


def models_table() -> str:
    """FLOPs, size of the weights and scores of each model."""
    rows = []
    for name in BUNDLES:
        measured, files = metrics(name), metrics(name, "manifest.json")["files"]
        gold, raw = measured["dev"]["gold_tokens"], measured["dev"]["raw_text"]
        scores = (f"{value:.1f}" for value in (gold["uas"], gold["las"], gold["upos"], raw["las"]))
        rows.append(
            [name, f"{measured['flops_20']:,}", f"{files['weights.safetensors']['bytes'] / 1e6:.1f} MB", *scores]
        )
    return table(["model", "FLOPs / 20 words", "weights", "UAS", "LAS", "UPOS", "raw text: LAS"], rows)


def systems_table() -> str:
    """Every system of the last comparison: cost, speed, accuracy on gold tokens, latency, memory, size, start."""
    speeds = {row["system"]: row for row in results.latest("throughput", case="systems")}
    feet = {row["system"]: row for row in results.latest("footprint")}
    latencies = {row["system"]: float(row["p50_us"]) / 1000 for row in results.latest("latency")}
    spacy = float(speeds[SPACY.name]["p50"]) if SPACY.name in speeds else None
    rows = []
    for system in SYSTEMS:
        if system.name not in speeds:
            continue
        speed = speeds[system.name]
        foot = feet.get(EDGE.name if system is EDGE_CONLLU else system.name, {})
        ratio = f"{float(speed['p50']) / spacy:.1f}" if spacy else ""
        size = f"{_whole(foot['own_mb'])} / {_whole(foot['install_mb'])}" if foot else ""
        start = _whole(foot["p50_ms"]) if foot else ""
        spread = f"{_whole(speed['p20'])}–{_whole(speed['p80'])}"
        scores = [f"{value:.1f}" if value is not None else "" for value in gold_scores(system)]
        latency = f"{latencies[system.name]:.2f}" if system.name in latencies else ""
        costs = [latency, _whole(speed["peak_mib"]), size, start]
        rows.append([system.name, megaflops(system), _whole(speed["p50"]), spread, ratio, *scores, *costs])
    head = ["system", "MFLOPs", "words/s", "spread", "× spaCy", "UAS", "LAS", "ms", "MiB", "MB on disk", "start, ms"]
    return table(head, rows)


def megaflops(system: System) -> str:
    """Millions of FLOPs for 20 words, of the models that are counted."""
    if system is SPACY:
        return f"{spacy_flops()['total'] / 1e6:.1f}"
    names = [name for name in BUNDLES if system.name.startswith(f"posmoe {name}")]
    return f"{metrics(names[0])['flops_20'] / 1e6:.2f}" if names else ""


def published_table() -> str:
    """What authors state of their own parsers, on EWT's test part."""
    rows = results.latest("published")
    return table(
        ["stated by its authors", "input", "UAS", "LAS"],
        [[row["system"], row["input"], row["uas"], row["las"]] for row in rows],
    )


def gold_scores(system: System) -> tuple[float | None, float | None]:
    """UAS and LAS on gold tokens as measured, None where labels or trees are of another kind."""
    name = EDGE.name if system.name.startswith(EDGE.name) else system.name
    rows = [row for row in results.latest("accuracy") if (row["system"], row["input"]) == (name, "gold tokens")]
    return (float(rows[0]["uas"]), float(rows[0]["las"])) if rows else (None, None)


def points_table(case: str, column: str) -> str:
    """Median words a second of a case's systems by batch, threads or length."""
    rows = results.latest("throughput", case=case)
    systems = list(dict.fromkeys(row["system"] for row in rows))
    points = sorted({int(row[column]) for row in rows})
    speeds = {(row["system"], int(row[column])): _whole(row["p50"]) for row in rows}
    body = [[str(point), *(speeds.get((system, point), "") for system in systems)] for point in points]
    return table([column, *systems], body)


def latency_table() -> str:
    """Microseconds of one call with one sentence."""
    shares = ("p20_us", "p50_us", "p80_us", "p99_us")
    rows = [[row["system"], *(f"{float(row[share]):,.0f}" for share in shares)] for row in results.latest("latency")]
    return table(["system", "p20", "median", "p80", "p99"], rows)


def stages_table() -> str:
    """Nanoseconds a word by stage and model."""
    rows = results.latest("profile", unit="ns")
    systems, names = (list(dict.fromkeys(row[key] for row in rows)) for key in ("system", "stage"))
    times = {(row["stage"], row["system"]): _whole(row["per_word"]) for row in rows}
    return table(
        ["stage, ns a word", *systems], [[name, *(times[name, system] for system in systems)] for name in names]
    )


def service_table() -> str:
    """Requests a second and latency of the service by open connections."""
    rows = []
    for row in results.latest("service_load"):
        speed, spread = _whole(row["p50"]), f"{_whole(row['p20'])}–{_whole(row['p80'])}"
        rows.append([row["path"], row["connections"], speed, spread, row["p50_ms"], row["p99_ms"]])
    return table(["path", "connections", "requests/s", "spread", "median, ms", "99 % within, ms"], rows)


def flops() -> str:
    """FLOPs of the packaged model for a sentence of 20 words, with commas."""
    return f"{metrics('en-edge')['flops_20']:,}"


def speed_up() -> int:
    """How many times as many words a second as spaCy's small model en-edge parses, in the last run of both."""
    speeds = {row["system"]: float(row["p50"]) for row in results.latest("throughput", case="systems")}
    return round(speeds[EDGE.name] / speeds[SPACY.name])


def claims() -> list[tuple[str, str]]:
    """Sentences of the README that hold a figure: a pattern, and what has to stand there."""
    found = [(r"costs [\d,]+ floating-point operations", f"costs {flops()} floating-point operations")]
    found.append((r"parses [\d,]+ times as many words", f"parses {speed_up():,} times as many words"))
    uas, las = gold_scores(SPACY_EWT)
    if uas is not None and las is not None:
        found.append((r"reaches [\d.]+ UAS and [\d.]+ LAS", f"reaches {uas:.1f} UAS and {las:.1f} LAS"))
    return found


def tables() -> list[str]:
    """All tables with a heading of their own."""
    return [
        inputs_table(),
        models_table(),
        systems_table(),
        published_table(),
        points_table("batch", "batch"),
        points_table("threads", "threads"),
        points_table("length", "length"),
        latency_table(),
        stages_table(),
        *tables_meeting.tables(),
        service_table(),
    ]


def renewed(text: str) -> str:
    """A README with its tables and claims as they were measured last."""
    for one in tables():
        head = one.partition("\n")[0]
        text = re.sub(rf"^{re.escape(head)}\n(\|.*\n?)*", lambda _, one=one: one + "\n", text, flags=re.M)  # type: ignore[misc]
    for pattern, claim in claims():
        text = re.sub(pattern.replace(" ", r"\s"), lambda found, claim=claim: _as_broken(found[0], claim), text)  # type: ignore[misc]
    return text


def _as_broken(old: str, claim: str) -> str:
    """A claim with its line break where the old one had it, counted in words."""
    words = re.split(r"\s", claim)
    breaks = [part == "\n" for part in re.findall(r"\s", old)]
    return words[0] + "".join(("\n" if end else " ") + word for end, word in zip(breaks, words[1:], strict=True))


def write(paths: tuple[Path, ...] = READMES) -> None:
    """Put the tables and claims into the READMEs."""
    for path in paths:
        text = path.read_text(encoding="utf-8")
        path.write_text(renewed(text), encoding="utf-8")


def _whole(value: str) -> str:
    return f"{round(float(value)):,}"
