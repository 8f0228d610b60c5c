"""Finished runs as their folders tell of them, and runs that differ in nothing but their seed."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from posmoe_train.errors import CheckpointError

SCORES = ("uas", "las", "upos")
# what a run is scored by, the best that is known of it first: its bundle, its trees, its likeliest heads
MEASURED = {"bundle": "the shipped bundle", "dev_trees": "tree search", "dev_greedy": "greedy"}
_APART = {"seed", "name", "devices", "precision", "kernels"}


@dataclass(frozen=True)
class Run:
    """One run: configuration, log of epochs, scores in percent by what measured them, machine and commit."""

    name: str
    path: Path
    record: Mapping[str, Any]
    log: Sequence[Mapping[str, Any]]
    scores: Mapping[str, Mapping[str, float]]

    @classmethod
    def load(cls, path: Path) -> "Run":
        """Read a run's folder, or `NAME.run.json` with `NAME.jsonl` and `NAME.metrics.json` beside it.

        Raises:
            CheckpointError: there is no record of a run, or a file is no JSON.
        """
        if path.is_dir():
            record, log, metrics = path / "run.json", path / "log.jsonl", path / "metrics.json"
            bundle = path / "bundle" / "metrics.json"
        else:
            stem = path.name.removesuffix(".run.json")
            record, log, metrics = path, path.with_name(f"{stem}.jsonl"), path.with_name(f"{stem}.metrics.json")
            bundle = path.with_name(f"{stem}.bundle.json")
        if not record.is_file():
            raise CheckpointError(f"{path}: expected a run's folder with run.json, or a file NAME.run.json")
        found = _json(record)
        scores = {name: value for name, value in (_json(metrics) or {}).items() if name in MEASURED}
        shipped = (_json(bundle) or {}).get("dev", {}).get("gold_tokens")
        if shipped:
            scores["bundle"] = shipped
        lines = log.read_text(encoding="utf-8").splitlines() if log.is_file() else []
        name = found["config"].get("name") or re.sub(r"[-_]?\d+$", "", path.name.removesuffix(".run.json"))
        return cls(str(name), path, found, [_parsed(line, log) for line in lines], scores)

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings, with dots in the names of inner ones: `parser.k`."""
        return flat(self.record["config"])

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.record["config"]["seed"])

    @property
    def measured(self) -> str:
        """The best measurement that is known, a key of `MEASURED`; empty where the run has no score."""
        return next((name for name in MEASURED if name in self.scores), "dev_greedy" if self.log else "")

    @property
    def best(self) -> Mapping[str, float]:
        """The scores of `measured`; those of the last epoch where nothing else is known."""
        return self.scores.get(self.measured) or {name: self.log[-1][name] for name in SCORES if self.log}

    @property
    def minutes(self) -> float:
        """Minutes of training and scoring dev, summed over the devices."""
        seconds: float = sum(line["seconds"] for line in self.log)
        return seconds / 60 * int(self.record.get("devices", 1))

    @property
    def silver_words(self) -> int | None:
        """Words of silver trees that the run knew; None where its record doesn't tell."""
        words = self.record.get("words")
        return int(words["silver"]) if words else None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings with dots in their names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        found |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return found


def difference(base: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of `other` that `base` doesn't have so; seeds, names and machines don't count."""
    return {
        name: value
        for name, value in other.items()
        if name not in _APART and not name.startswith("parser.features.") and base.get(name, value) != value
    }


@dataclass(frozen=True)
class Group:
    """Runs of one configuration, apart from their seeds."""

    title: str
    runs: Sequence[Run]

    def mean(self, score: str) -> float:
        """The mean over the runs, in percent."""
        return fmean(run.best[score] for run in self.runs)

    def spread(self, score: str) -> tuple[float, float]:
        """The lowest and the highest run."""
        values = [run.best[score] for run in self.runs]
        return min(values), max(values)


def grouped(runs: Iterable[Run]) -> list[Group]:
    """Put runs that differ in nothing but their seed together, in the order of the first of each.

    Groups of one name are told apart by the settings in which they differ from the first of them.
    """
    found: dict[str, list[Run]] = {}
    for run in runs:
        settings = {name: value for name, value in run.config.items() if name not in _APART - {"name"}}
        found.setdefault(json.dumps(settings, sort_keys=True), []).append(run)
    first: dict[str, Run] = {}
    groups = []
    for members in found.values():
        base = first.setdefault(members[0].name, members[0])
        changed = difference(base.config, members[0].config)
        title = " ".join([base.name, *(f"{name.removeprefix('parser.')}={value}" for name, value in changed.items())])
        groups.append(Group(title, sorted(members, key=lambda run: run.seed)))
    return groups


def _json(path: Path) -> Any:
    return _parsed(path.read_text(encoding="utf-8"), path) if path.is_file() else None


def _parsed(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path}: cut short or altered ({error})") from error
