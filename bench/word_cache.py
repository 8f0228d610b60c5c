"""How often rows of frequent words are there and what that saves, by the table's size; how often trees are searched.

    python -m bench.word_cache [--model NAME|PATH] [--text heldout] [--runs 15]

Networks with tables of all sizes take turns, one thread, raw text to trees in the core; a group of texts counts with
its fastest turn, as the machine is shared. Appends to bench/results/word_cache.csv; refuses where TEST is red.
"""

import argparse
import time

import numpy as np

import posmoe
from bench import data
from bench.results import append, stamp
from bench.verify import verify
from posmoe import _core
from posmoe.engines import native

TEST = "tests/core/test_word_cache.py"
KIB = (0, 64, 128, 256, 512, 1024, 2048, 4096)
GROUP = 64  # texts


def analyser(nlp: posmoe.Parser, kib: int) -> _core.Analyser:
    """The parser's model with a table of another size."""
    shape, tensors = native.contents(nlp.bundle)
    network = _core.Network(shape, tensors, native.instruction_set(), kib << 10)
    assert isinstance(nlp._features, _core.Features)
    return _core.Analyser(nlp._tokenizer, nlp._features, network, nlp.bundle.max_sentence, nlp.bundle.joining)


def seconds(one: _core.Analyser, groups: list[list[str]]) -> list[float]:
    """Time of this thread for every group."""
    times = []
    for group in groups:
        begin = time.thread_time()
        one.texts(group)
        times.append(time.thread_time() - begin)
    return times


def measure(model: str | None, text: str, runs: int) -> list[dict[str, object]]:
    """A row for each size."""
    nlp, texts = posmoe.load(model, backend="native"), data.text(text)
    groups = [texts[i : i + GROUP] for i in range(0, len(texts), GROUP)]
    analysers = {kib: analyser(nlp, kib) for kib in KIB}
    best = {kib: np.full(len(groups), np.inf) for kib in KIB}
    found: dict[int, tuple[int, ...]] = {}
    for _ in range(runs):
        for kib, one in analysers.items():
            seconds(one, groups)  # fills the table, which the one before has emptied
            before = _core.counts()
            best[kib] = np.minimum(best[kib], seconds(one, groups))
            found[kib] = tuple(after - old for after, old in zip(_core.counts(), before, strict=True))
    rows: list[dict[str, object]] = []
    for kib in KIB:
        words, cached, sentences, searched = found[kib]
        each = {size: 1e9 * best[size].sum() / words for size in (0, kib)}
        row: dict[str, object] = {
            **stamp(),
            "model": f"{nlp.bundle.name} {nlp.bundle.version}",
            "text": data.digest(text),
        }
        row |= {
            "arithmetic": nlp.bundle.manifest["constants"].get("arithmetic", "float32"),
            "words": words,
            "runs": runs,
        }
        row |= {"kib": kib, "hits": round(cached / words, 4), "ns_per_word": round(each[kib], 1)}
        row |= {"saved_ns": round(each[0] - each[kib], 1), "searched": round(searched / sentences, 4)}
        rows.append(row)
    return rows


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--text", default="heldout")
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    verify([TEST])
    rows = measure(given.model, given.text, given.runs)
    for row in rows:
        print("  ".join(f"{key} {row[key]}" for key in ("kib", "hits", "ns_per_word", "saved_ns", "searched")))
    append("word_cache", rows)


if __name__ == "__main__":
    main()
