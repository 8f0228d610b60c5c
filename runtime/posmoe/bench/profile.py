"""Where a word's time goes: by stage, beside what the processor could do at most."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .. import _core
from ..errors import EngineError
from ..pipeline import Parser
from .counters import counted

ROUNDS = 5
BATCH = 64
# layers of the count of FLOPs that are the stage `dense`
DENSE = ("mix", "trunk", "router", "experts", "arc_projections", "label_projections")


class Profile(NamedTuple):
    """Of the round with the median time: nanoseconds a word by stage, of all but writing, and of writing CoNLL-U.

    `counters` are the processor's a word, `missing` says why some are not there. `flops` are those of a word's
    matrix products, in what their stage took a nanosecond `rate`; 0 where the bundle doesn't record them.
    """

    words: int
    stages: dict[str, float]
    total: float
    counters: dict[str, float]
    missing: str
    flops: float
    rate: float


def profile(parser: Parser, texts: Sequence[str]) -> Profile:
    """Parse texts on this thread, ROUNDS times.

    Raises:
        EngineError: the parser runs on another engine than the native one, whose stages alone are timed.
    """
    if parser.engine.name != "native":
        raise EngineError(f"expected the native engine, whose stages are timed, got {parser.engine.name}.")
    _run(parser, texts)  # warms up
    rounds = sorted((_round(parser, texts) for _ in range(ROUNDS)), key=lambda item: item[0])
    words, stages = rounds[ROUNDS // 2][1:]
    counts, missing = counted(lambda: _run(parser, texts))
    flops = _dense_flops(parser.bundle.manifest.get("flops", {}))
    return Profile(
        words=words,
        stages=stages,
        total=sum(stages.values()) - stages["write"],
        counters={name: count / words for name, count in counts.items()},
        missing=missing,
        flops=flops,
        rate=flops / stages["dense"] if stages["dense"] else 0.0,
    )


def _run(parser: Parser, texts: Sequence[str]) -> int:
    return sum(len(document.arrays().heads) for document in parser.pipe(texts, batch_size=BATCH))


def _round(parser: Parser, texts: Sequence[str]) -> tuple[float, int, dict[str, float]]:
    """One pass: nanoseconds without writing, words, nanoseconds a word by stage."""
    _core.stage_times(True)
    begin = time.perf_counter_ns()
    documents = list(parser.pipe(texts, batch_size=BATCH))
    words = sum(len(document.arrays().heads) for document in documents)
    parsed = time.perf_counter_ns()
    times = _core.stage_times(False)
    for document in documents:
        document.to_conllu()
    written = time.perf_counter_ns()
    del times["columns"]  # what hands them over is part of making documents
    times["document"] = parsed - begin - sum(times.values())
    times["write"] = written - parsed
    return parsed - begin, words, {name: value / words for name, value in times.items()}


def _dense_flops(flops: Mapping[str, object]) -> float:
    """FLOPs of a word's matrix products, from a manifest's count for 20 words by layer."""
    layers = flops.get("layers")
    if not isinstance(layers, Mapping):
        return 0.0
    return sum(float(layers.get(name, 0)) for name in DENSE) / 20
