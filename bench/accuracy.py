"""Tables of accuracy for the READMEs, from the metrics that were measured at export.

python -m bench.accuracy
"""

import csv
import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
BUNDLES = {
    "en-edge": ROOT / "runtime/posmoe/models/en-edge",
    "en-base": ROOT / "bundles/en-base/posmoe_en_base/bundle",
    "en-large": ROOT / "bundles/en-large/posmoe_en_large/bundle",
}
COLUMNS = ("tokens", "sentences", "words", "upos", "uas", "las")


def read(bundle: Path, name: str = "metrics.json") -> dict[str, Any]:
    """One of the JSON files of a bundle."""
    content: dict[str, Any] = json.loads((bundle / name).read_text(encoding="utf-8"))
    return content


def inputs_table() -> str:
    """Scores of the packaged model: a row for raw text, a row for gold tokens."""
    scores = read(BUNDLES["en-edge"])["dev"]
    rows = []
    for title, key in (("raw text", "raw_text"), ("gold tokens", "gold_tokens")):
        cells = [f" {scores[key][name]:.1f} |" if name in scores[key] else " |" for name in COLUMNS]
        rows.append(f"| {title} |" + "".join(cells))
    return "\n".join(rows)


def models_table() -> str:
    """FLOPs, size of the weights and scores of each model."""
    rows = []
    for name, bundle in BUNDLES.items():
        metrics, files = read(bundle), read(bundle, "manifest.json")["files"]
        size = files["weights.safetensors"]["bytes"] / 1e6
        gold, raw = metrics["dev"]["gold_tokens"], metrics["dev"]["raw_text"]
        scores = " | ".join(f"{value:.1f}" for value in (gold["uas"], gold["las"], gold["upos"], raw["las"]))
        rows.append(f"| {name} | {metrics['flops_20']:,} | {size:.1f} MB | {scores} |")
    return "\n".join(rows)


def speeds_table() -> str:
    """Words a second of the last comparison, each system beside spaCy, with the accuracy of posmoe's models."""
    with (ROOT / "bench/results/throughput.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    last = [row for row in rows if (row["commit"], row["text"]) == (rows[-1]["commit"], rows[-1]["text"])]
    lines = []
    for row in last:
        name = row["system"].removeprefix("posmoe ").partition(",")[0]
        gold = read(BUNDLES[name])["dev"]["gold_tokens"] if name in BUNDLES else {}
        scores = [f"{gold[key]:.1f}" if gold else "" for key in ("uas", "las")]
        cells = [row["system"], f"{int(row['words_s']):,}", f"{float(row['to_spacy']):.1f}", row["peak_mib"], *scores]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(line.replace("|  |", "| |").replace("|  |", "| |") for line in lines)


def flops() -> str:
    """FLOPs of the packaged model for a sentence of 20 words, with commas."""
    return f"{read(BUNDLES['en-edge'])['flops_20']:,}"


if __name__ == "__main__":
    print(inputs_table(), models_table(), speeds_table(), f"{flops()} FLOPs", sep="\n\n")
