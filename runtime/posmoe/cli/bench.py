"""`posmoe bench`: what this machine does, measured."""

from __future__ import annotations

import json
import platform
import sys
from pathlib import Path
from typing import Any, NamedTuple

from .. import __version__
from ..bench.profile import Profile, profile
from ..bench.speed import latency, speeds
from ..bench.texts import documents
from ..engines import ENGINES, instruction_set
from ..errors import InputError, MissingExtraError, PosmoeError
from ..pipeline import Parser, load
from .messages import say
from .output import OutputError, show
from .parse import cores


class Job(NamedTuple):
    """The command's options, as they were given."""

    files: tuple[Path, ...]
    model: str | None
    backend: str
    threads: int
    seconds: float
    profile: bool
    as_json: bool


def run(job: Job) -> int:
    """Measure and write to standard output; returns the exit code."""
    try:
        texts = _texts(job.files)
        parsers = _parsers(job)
        facts = _about(parsers[0], texts)
        if job.profile:
            facts["profile"] = _profile_facts(profile(parsers[0], texts))
        else:
            facts |= _speed_facts(job, parsers, texts)
        lines = _profile_lines(facts) if job.profile else _speed_lines(facts)
        show(json.dumps(facts, indent=2, ensure_ascii=False) + "\n" if job.as_json else "".join(lines))
    except OutputError as error:
        say(str(error))
        return 1
    except PosmoeError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _texts(files: tuple[Path, ...]) -> list[str]:
    """The files' paragraphs as documents, or the bundled text.

    Raises:
        InputError: a file cannot be read, or there is no word in them.
    """
    if not files:
        return documents()
    found: list[str] = []
    for file in files:
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise InputError(f"cannot read {file}: {error.strerror or error}.") from error
        found += [block for block in text.split("\n\n") if block.strip()]
    if not found:
        raise InputError(f"expected text to measure with, found none in {', '.join(map(str, files))}.")
    return found


def _parsers(job: Job) -> list[Parser]:
    """One parser an engine: the one that was named, or all here that `auto` may take; the native one first."""
    if job.backend != "auto" or job.profile:
        return [load(job.model, backend=job.backend)]
    first = load(job.model)
    parsers = [first]
    for name, engine in ENGINES.items():
        if engine.named or name == first.engine.name:
            continue
        try:
            parsers.append(load(job.model, backend=name))
        except MissingExtraError:
            continue  # not installed: nothing to measure
        except PosmoeError as error:
            say(f"{name} is left out: {error}")
    return parsers


def _about(parser: Parser, texts: list[str]) -> dict[str, Any]:
    return {
        "version": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cores": cores(),
        "model": f"{parser.bundle.name} {parser.bundle.version}",
        "instruction_set": instruction_set(parser.engine),
        "documents": len(texts),
    }


def _speed_facts(job: Job, parsers: list[Parser], texts: list[str]) -> dict[str, Any]:
    most = job.threads or cores()
    counts = sorted({*(1 << power for power in range(most.bit_length()) if 1 << power <= most), most})
    found = speeds(parsers, counts, texts, job.seconds, _told)
    times = [one for parser in parsers if (one := latency(parser, texts, job.seconds)) is not None]
    _told("")
    return {
        "words": found[0].words,
        "speed": [one._asdict() for one in found],
        "latency": [one._asdict() for one in times],
    }


def _told(text: str) -> None:
    """Progress on a terminal's standard error."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


def _head(facts: dict[str, Any]) -> str:
    where = f" on {facts['instruction_set']}" if facts["instruction_set"] else ""
    return f"posmoe {facts['version']}, {facts['model']}{where}, {facts['cores']} core(s)\n"


def _speed_lines(facts: dict[str, Any]) -> list[str]:
    lines = [_head(facts), f"\n{'engine':<12} {'threads':>7} {'words/s':>12}   20th to 80th percentile\n"]
    for one in facts["speed"]:
        spread = f"{one['low']:,.0f}–{one['high']:,.0f}"
        lines.append(f"{one['engine']:<12} {one['threads']:>7} {one['median']:>12,.0f}   {spread}\n")
    if facts["latency"]:
        lines.append("\none sentence of about 20 words, microseconds\n")
        lines.append(f"{'engine':<12} {'median':>10} {'99 % within':>13}\n")
    lines += [f"{one['engine']:<12} {one['median']:>10,.0f} {one['p99']:>13,.0f}\n" for one in facts["latency"]]
    return lines


def _profile_facts(found: Profile) -> dict[str, Any]:
    return {
        "words": found.words,
        "ns_per_word": found.stages | {"total": found.total},
        "per_word": found.counters,
        "missing": found.missing,
        "dense": {"operations_per_word": found.flops, "operations_per_ns": found.rate},
    }


def _profile_lines(facts: dict[str, Any]) -> list[str]:
    found = facts["profile"]
    times = dict(found["ns_per_word"])
    total = times.pop("total")
    lines = [_head(facts), f"\n{'stage':<12} {'ns a word':>10} {'share':>7}\n"]
    for name, value in times.items():
        share = "" if name == "write" else f"{value / total:>7.1%}"
        lines.append(f"{name:<12} {value:>10.1f} {share}\n")
    lines.append(f"{'all':<12} {total:>10.1f}   {1e9 / total:,.0f} words a second; writing CoNLL-U comes on top\n")
    dense = found["dense"]
    if dense["operations_per_word"]:
        count, rate = dense["operations_per_word"], dense["operations_per_ns"]
        lines.append(f"\ndense: {count:,.0f} operations a word, {rate:.1f} a nanosecond\n")
    counters = ", ".join(f"{value:,.1f} {name}" for name, value in found["per_word"].items())
    lines.append(f"a word: {counters}\n" if counters else "")
    lines.append(f"{found['missing']}\n" if found["missing"] else "")
    return lines
