"""`posmoe evaluate`: a model, or trees that any parser has written, against a gold treebank."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from ..errors import InputError, PosmoeError
from ..evaluation.scores import Scores, compare, score
from ..evaluation.tables import Row
from ..evaluation.treebank import Sentence, read_treebank
from ..pipeline import load
from .messages import say
from .output import show

METRICS = ("tokens", "sentences", "words", "upos", "uas", "las")
TABLES = {"genre": "Genres", "relation": "Relations", "length": "Sentence lengths"}


class Job(NamedTuple):
    """The command's options, as they were given."""

    gold: tuple[Path, ...]
    system: Path | None
    model: str | None
    backend: str
    precision: str
    as_json: bool


def run(job: Job) -> int:
    """Write the scores to standard output; returns the exit code."""
    try:
        gold = [sentence for path in job.gold for sentence in _read(path)]
        if job.system is not None:
            found = compare(gold, _read(job.system))
            text = json.dumps(found, indent=1) if job.as_json else _overall({"raw text": found})
        else:
            scores = score(load(job.model, backend=job.backend, precision=job.precision), gold)
            text = json.dumps(scores.to_dict(), indent=1, ensure_ascii=False) if job.as_json else _lines(scores)
        show(text + "\n")
    except PosmoeError as error:
        say(str(error))
        return 1
    return 0


def _read(path: Path) -> list[Sentence]:
    try:
        return read_treebank(path)
    except OSError as error:
        raise InputError(f"{path}: cannot read it: {error.strerror or error}.") from error


def _lines(scores: Scores) -> str:
    """The scores for people."""
    parts = [
        f"{scores.sentences:,} sentences, {scores.words:,} words. F1 in percent by the CoNLL 2018 definitions.",
        _overall({"gold tokens": scores.gold_tokens, "raw text": scores.raw_text}),
    ]
    parts += [f"{title}, on gold tokens\n\n{_table(getattr(scores, name))}" for name, title in TABLES.items()]
    return "\n\n".join(parts)


def _overall(inputs: dict[str, dict[str, float]]) -> str:
    rows = [["input", *METRICS]]
    for name, scores in inputs.items():
        rows.append([name, *(f"{scores[metric]:.2f}" if metric in scores else "" for metric in METRICS)])
    return _columns(rows)


def _table(rows: list[Row]) -> str:
    cells = [[row["name"], f"{row['words']:,}", *(f"{row[key]:.1f}" for key in ("upos", "uas", "las"))] for row in rows]
    return _columns([["", "words", "upos", "uas", "las"], *cells])


def _columns(rows: list[list[str]]) -> str:
    """Rows of cells under each other: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return "\n".join(lines)
