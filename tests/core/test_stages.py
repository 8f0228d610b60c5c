"""The clock of stages: off it counts nothing, on it counts every stage of this thread and changes no result."""

import time
from threading import Thread

import posmoe
from posmoe import _core
from posmoe.bench.texts import documents

STAGES = ["tokenise", "features", "lookup", "recurrences", "dense", "arcs", "decode", "labels", "columns"]


def parsed(nlp: posmoe.Parser, texts: list[str]) -> list[str]:
    return [document.to_conllu() for document in nlp.pipe(texts)]


def test_the_clock_counts_while_it_is_on_and_changes_nothing() -> None:
    nlp, texts = posmoe.load(backend="native"), documents(600)
    _core.stage_times(False)
    plain = parsed(nlp, texts)
    assert _core.stage_times(True) == dict.fromkeys(STAGES, 0)
    begin = time.perf_counter_ns()
    assert parsed(nlp, texts) == plain
    elapsed = time.perf_counter_ns() - begin
    times = _core.stage_times(False)
    assert list(times) == STAGES
    assert all(count > 0 for count in times.values())
    assert sum(times.values()) <= elapsed
    parsed(nlp, texts)
    assert sum(_core.stage_times(False).values()) == 0


def test_every_thread_has_its_own_clock() -> None:
    nlp, texts = posmoe.load(backend="native"), documents(300)
    _core.stage_times(True)
    other = Thread(target=parsed, args=(nlp, texts))
    other.start()
    other.join()
    assert sum(_core.stage_times(False).values()) == 0
