"""Folders of runs that were never trained: what reports and tables are made of."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from posmoe_train.student_config import StudentConfig


def write_run(
    folder: Path, config: StudentConfig, uas: float, *, silver: int | None = None, trees: float | None = None
) -> Path:
    """A run of three epochs that ends at `uas`, 30 seconds an epoch."""
    folder.mkdir(parents=True)
    record: dict[str, Any] = {"config": asdict(config), "machine": "GPU", "commit": "abc", "devices": 2}
    if silver is not None:
        record["words"] = {"gold": 100, "silver": silver}
    (folder / "run.json").write_text(json.dumps(record))
    lines = [{"epoch": e, "step": 10 * e, "loss": 1.0, "seconds": 30.0} | scores(uas - 2 + e) for e in range(3)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    metrics: dict[str, Mapping[str, float]] = {"dev_greedy": scores(uas)}
    if trees is not None:
        metrics["dev_trees"] = scores(trees)
    (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def scores(uas: float) -> dict[str, float]:
    return {"uas": uas, "las": uas - 3, "upos": 95.0}


def seeds(folder: Path, config: StudentConfig, results: list[float], **options: Any) -> list[Path]:
    """A run a result, with seeds from 1."""
    return [
        write_run(folder.with_name(f"{folder.name}-{seed}"), replace(config, seed=seed), uas, **options)
        for seed, uas in enumerate(results, 1)
    ]
