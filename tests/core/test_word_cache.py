"""Rows of frequent words are kept; what comes out has the same bits as without."""

import lzma
import threading

import numpy as np
import pytest

import posmoe
from posmoe import _core
from posmoe.engines import native
from posmoe.features import load_features
from tests.core.network_twin import shape, tensors
from tests.paths import shared

NLP = posmoe.load(backend="native")
FEATURES = load_features(NLP.bundle.manifest["features"], NLP.bundle.tensors.view("features.keys"))
FORMS = [first + "ab" * size + last for size in range(9) for first in ("", "b") for last in ("", "é", "a", "b")]
SIZES = {"version": 1, "remainder": 3, "suffix2": 2, "suffix3": 2, "suffix4": 2, "prefix3": 2, "shape": 2}
Columns = list[bytes]


def network(cache: int) -> _core.Network:
    """The bundled network with a cache of some bytes."""
    return _core.Network(*native.contents(NLP.bundle), "", cache)


def columns(net: _core.Network, features: _core.Features, texts: list[str]) -> Columns:
    """Every text's columns."""
    found = _core.Analyser(NLP._tokenizer, features, net, 10_000, 0).texts(texts)
    return [b"".join(column.tobytes() for column in (one.upos, one.heads, one.deprels)) for one in found]


def hits(net: _core.Network, features: _core.Features, texts: list[str]) -> float:
    """The share of words whose rows were there."""
    before = _core.counts()
    columns(net, features, texts)
    words, cached = (after - old for after, old in zip(_core.counts()[:2], before, strict=False))
    return cached / words


def test_the_dev_part_is_parsed_as_without() -> None:
    lines = lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode().splitlines()
    texts = [line.removeprefix("# text = ") for line in lines if line.startswith("# text = ")]
    plain, kept, small = network(0), network(1 << 20), network(20_000)
    expected = columns(plain, FEATURES, texts)
    for net in (kept, kept, small):
        assert columns(net, FEATURES, texts) == expected
    assert hits(kept, FEATURES, texts) > 0.6
    assert 0.2 < hits(small, FEATURES, texts) < 0.6
    assert hits(plain, FEATURES, texts) == 0


def tiny(cache: int, seed: int = 0) -> tuple[_core.Network, _core.Features]:
    """A network that knows all FORMS as words."""
    keys = np.array([_core.word_hash(form) for form in FORMS if form], np.uint32)
    spec = SIZES | {"words": len(keys)}
    sizes = shape(rows=2 + sum(spec.values()) - 1)
    return _core.Network(sizes, tensors(sizes, seed), "", cache), _core.Features(spec, keys)


def text(seed: int) -> str:
    """Words that differ in little, some unknown, some longer than those that are kept, in upper case and lower case."""
    rng = np.random.default_rng(seed)
    chosen = rng.choice([form for form in FORMS if form] + ["zzz", "ABAB", "Abab"], 400)
    return " ".join(form.upper() if rng.random() < 0.2 else form for form in chosen)


@pytest.mark.parametrize("cache", [1, 4_000, 1 << 20])
def test_forms_of_all_sizes_are_told_apart(cache: int) -> None:
    (plain, features), (kept, _) = tiny(0), tiny(cache)
    for seed in range(8):
        assert columns(kept, features, [text(seed)]) == columns(plain, features, [text(seed)])
    hits(kept, features, [text(0)])  # after the other network's turn none is kept
    assert (hits(kept, features, [text(0)]) > 0.5) == (cache == 1 << 20)


def test_networks_that_take_turns_keep_their_own_rows() -> None:
    nets = [tiny(1 << 20, seed) for seed in range(3)]
    expected = [columns(tiny(0, seed)[0], features, [text(5)]) for seed, (_, features) in enumerate(nets)]
    for _ in range(2):
        assert [columns(net, features, [text(5)]) for net, features in nets] == expected


def test_threads_keep_their_own_rows() -> None:
    net, features = tiny(1 << 20)
    expected = columns(tiny(0)[0], features, [text(3)])
    found: list[Columns] = []
    threads = [threading.Thread(target=lambda: found.append(columns(net, features, [text(3)]))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_searches_are_counted() -> None:
    before = _core.counts()
    columns(network(0), FEATURES, ["He waved.\n\nI saw the man with a telescope."])
    after = _core.counts()
    assert after[2] - before[2] == 2 and after[3] - before[3] <= 2
