"""Run a notebook's code cells in one namespace and keep what they print: `python -m bench notebook`.

A cell's output is what it prints; the last cell of bench/baseline.ipynb writes its figures to results/baseline.json.
"""

import contextlib
import io
import json
from pathlib import Path
from typing import Any

from bench import ROOT

BASELINE = ROOT / "bench" / "baseline.ipynb"


def execute(path: Path = BASELINE) -> dict[str, Any]:
    """Run every code cell in order and put its output into the file; the namespace that they leave.

    Raises:
        Exception: what a cell raises; the file stays as it was.
    """
    notebook = json.loads(path.read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for cell in notebook["cells"]:
        if cell["cell_type"] != "code":
            continue
        count += 1
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile("".join(cell["source"]), f"{path.name}, cell {count}", "exec"), names)
        cell["execution_count"] = count
        lines = printed.getvalue().splitlines(keepends=True)
        cell["outputs"] = [{"name": "stdout", "output_type": "stream", "text": lines}] if lines else []
    path.write_text(json.dumps(notebook, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return names
