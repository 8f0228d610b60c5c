"""Words a second by engine and threads, and the latency of one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from ..document import Document
from ..pipeline import Parser

ROUNDS = 5
SENTENCE = (18, 22)  # words of the sentences that latency is measured with


class Speed(NamedTuple):
    """Words a second of an engine: median, 20th and 80th percentile of the rounds."""

    engine: str
    threads: int
    words: int
    median: float
    low: float
    high: float


class Latency(NamedTuple):
    """Microseconds of a call with one sentence of about 20 words."""

    engine: str
    calls: int
    median: float
    p99: float


def speeds(
    parsers: Sequence[Parser],
    threads: Sequence[int],
    texts: Sequence[str],
    seconds: float,
    told: Callable[[str], object] = str,
) -> list[Speed]:
    """Parse texts over and over; engines and threads take turns, so that a busy moment hits all of them.

    Args:
        seconds: how long a turn lasts at least; every pair has ROUNDS turns.
        told: is told what is being measured.
    """
    pairs = [(parser, count) for parser in parsers for count in threads]
    rates: dict[tuple[str, int], list[float]] = {}
    words = 0
    for parser in parsers:
        words = _words(parser.pipe(texts))  # warms up
    for number in range(ROUNDS):
        for parser, count in pairs:
            told(f"round {number + 1} of {ROUNDS}: {parser.engine.name}, {count} thread(s)")
            done, begin = 0, time.perf_counter()
            while done == 0 or time.perf_counter() - begin < seconds:
                done += _words(parser.pipe(texts, threads=count))
            rates.setdefault((parser.engine.name, count), []).append(done / (time.perf_counter() - begin))
    return [
        Speed(name, count, words, *(quantile(values, share) for share in (0.5, 0.2, 0.8)))
        for (name, count), values in rates.items()
    ]


def latency(parser: Parser, texts: Iterable[str], seconds: float) -> Latency | None:
    """Time calls with single sentences of the texts; None where no sentence has about 20 words."""
    least, most = SENTENCE
    sentences = [s.text for text in texts for s in parser(text) if least <= len(s) <= most]
    if not sentences:
        return None
    times: list[float] = []
    end = time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        for sentence in sentences:
            begin = time.perf_counter_ns()
            parser(sentence)
            times.append((time.perf_counter_ns() - begin) / 1000)
    return Latency(parser.engine.name, len(times), quantile(times, 0.5), quantile(times, 0.99))


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which a share of the sorted values lies."""
    ordered = sorted(values)
    return ordered[round(share * (len(ordered) - 1))]


def _words(documents: Iterable[Document]) -> int:
    return sum(len(document.arrays().heads) for document in documents)
