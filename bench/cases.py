"""The registry: what is measured, on which text, of which systems, at which points, and the test that must be green."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

from bench.data import LENGTHS
from bench.systems import (
    BASE,
    EDGE,
    EDGE_CONLLU,
    EDGE_ONNX,
    LARGE,
    NUMPY,
    PYTHON,
    SPACY,
    SPACY_EWT,
    SYSTEMS,
    UDPIPE,
    System,
)

BATCHES = (1, 8, 32, 128, 512)


@dataclass(frozen=True)
class Point:
    """A setting; batch 0 is the one that is best for a system, length 0 running text."""

    batch: int = 0
    threads: int = 1
    length: int = 0


@dataclass(frozen=True)
class Case:
    """A question to the clock.

    Attributes:
        kind: how it is measured: a function of run.py by this name.
        tests: pytest node ids that show the timed work to be right; on red nothing is measured.
        text: a text of data.py.
        rounds: turns of every system at every point; the systems take turns within a round.
        seconds: how long a turn lasts at least.
    """

    name: str
    kind: str
    question: str
    tests: tuple[str, ...]
    systems: tuple[System, ...]
    points: tuple[Point, ...] = (Point(),)
    text: str = "heldout"
    rounds: int = 7
    seconds: float = 0.3


def threads(cores: int = os.cpu_count() or 1) -> tuple[Point, ...]:
    """1, 2, 4 … and as many as there are cores."""
    powers = [1 << i for i in range(cores.bit_length())]
    return tuple(Point(threads=n) for n in sorted({*(n for n in powers if n <= cores), cores}))


WORKERS = "tests/bench/test_worker.py"
SAME_TREES = "tests/runtime/test_native.py"
CASES = (
    Case(
        "systems",
        "throughput",
        "Words a second from raw text to trees in memory, one thread.",
        (SAME_TREES, WORKERS),
        SYSTEMS,
        rounds=5,
    ),
    Case(
        "batch",
        "throughput",
        "The same by the number of texts that are given at once.",
        ("tests/runtime/test_pipeline.py::test_pipe_keeps_order_and_boundaries", WORKERS),
        (EDGE, EDGE_ONNX, SPACY),
        tuple(Point(batch=batch) for batch in BATCHES),
        text="sentences",
        rounds=5,
    ),
    Case(
        "threads",
        "throughput",
        "The same by threads.",
        ("tests/runtime/test_native.py::test_threads_and_batches_change_nothing",),
        (EDGE, EDGE_CONLLU, BASE, LARGE),
        threads(),
        text="long",
    ),
    Case(
        "length",
        "throughput",
        "The same by the words of a sentence.",
        ("tests/core/test_network.py::test_short_and_long_sentences",),
        (EDGE, BASE),
        tuple(Point(length=length) for length in LENGTHS),
        text="length",
        rounds=5,
        seconds=0.15,
    ),
    Case(
        "latency",
        "latency",
        "Microseconds of nlp(text) with one sentence of about 20 words.",
        (SAME_TREES, WORKERS),
        (EDGE, EDGE_ONNX, BASE, LARGE, SPACY, SPACY_EWT, UDPIPE),
        text="twenty",
        rounds=5,
        seconds=0.5,
    ),
    Case(
        "footprint",
        "footprint",
        "A fresh process that loads, parses one sentence and exits: time and memory; size on disk.",
        ("tests/runtime/test_import.py", WORKERS),
        (PYTHON, NUMPY, *(system for system in SYSTEMS if system is not EDGE_CONLLU)),
        rounds=5,
    ),
    Case(
        "stages",
        "profile",
        "Where a word's time goes on one thread of the native engine, by stage.",
        ("tests/core/test_stages.py",),
        (EDGE, BASE, LARGE),
        rounds=5,
    ),
    Case(
        "accuracy",
        "accuracy",
        "CoNLL 2018 scores on EWT dev, from raw text and from gold tokens; one scorer for all.",
        ("tests/runtime/test_metrics.py", WORKERS),
        (EDGE, BASE, LARGE, SPACY_EWT, UDPIPE),
    ),
)


def chosen(names: list[str], rivals: bool) -> list[Case]:
    """The cases of these names, or all; without rivals' systems where there is no Python for them.

    Raises:
        SystemExit: there is no case of a name.
    """
    known = {case.name: case for case in CASES}
    for name in names:
        if name not in known:
            raise SystemExit(f"expected one of the cases {', '.join(known)}, got {name!r}.")
    keep: Callable[[System], bool] = lambda system: rivals or not system.rival  # noqa: E731
    return [replace(case, systems=tuple(filter(keep, case.systems))) for case in map(known.get, names or known) if case]
