"""The README's table of accuracy, from the metrics that were measured at export.

python -m bench.accuracy [METRICS.json]
"""

import json
import sys
from pathlib import Path

BUNDLED = Path(__file__).parent.parent / "runtime" / "posmoe" / "models" / "en-edge" / "metrics.json"
COLUMNS = ("tokens", "sentences", "words", "upos", "uas", "las")


def table(path: Path = BUNDLED) -> str:
    """Markdown rows: raw text, then gold tokens; and the FLOPs of a sentence of 20 words."""
    metrics = json.loads(path.read_text(encoding="utf-8"))
    rows = []
    for title, key in (("raw text", "raw_text"), ("gold tokens", "gold_tokens")):
        scores = metrics["dev"][key]
        cells = [f"{scores[name]:.1f}" if name in scores else "" for name in COLUMNS]
        rows.append(f"| {title} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def flops(path: Path = BUNDLED) -> str:
    """FLOPs of a sentence of 20 words, with commas."""
    return f"{json.loads(path.read_text(encoding='utf-8'))['flops_20']:,}"


if __name__ == "__main__":
    chosen = Path(sys.argv[1]) if len(sys.argv) > 1 else BUNDLED
    print(table(chosen))
    print(f"{flops(chosen)} FLOPs")
