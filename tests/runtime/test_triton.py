"""The Triton engine: its kernels run through Triton's interpreter where there is no GPU, all else as on one."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import posmoe
from posmoe.bundle import Bundle, find
from posmoe.engines import Choice, choose
from posmoe.engines import triton as engine
from posmoe.errors import EngineError, MissingExtraError
from tests.kernels.device import DEVICE

from posmoe_kernels import inference, packed  # isort: skip
from posmoe_kernels.forward import Forward, host_blocks  # isort: skip

TEXT = (
    "I saw the man with a telescope. He waved. What do the boys who came not know of this that he himself said "
    "they did see when? Good night! It was " + "very, " * 18 + "very cold, and we left."
)


def locked(method: Callable[..., None], lock: threading.Lock) -> Callable[..., None]:
    """A method that holds a lock."""

    def run(*given: Any, **named: Any) -> None:
        with lock:
            method(*given, **named)

    return run


@pytest.fixture
def parser(monkeypatch: pytest.MonkeyPatch) -> Iterator[posmoe.Parser]:
    """A parser on the engine, with small tiles and slots where the kernels are interpreted."""
    if DEVICE == "cpu":
        monkeypatch.setattr(engine, "gpu", lambda: torch.device("cpu"))
        monkeypatch.setattr(engine, "CAPACITIES", (16, 64, 128))
        monkeypatch.setattr(engine, "SLOTS", 2)
        monkeypatch.setattr(packed, "SMALL", 16)
        monkeypatch.setattr(packed, "LARGE", 32)
        monkeypatch.setattr(inference, "LARGE", 32)
        monkeypatch.setattr(inference, "host_blocks", lambda capacity: host_blocks(capacity, pinned=False))
        lock = threading.Lock()  # the interpreter serves one thread at a time
        for name in ("launch", "rename"):
            monkeypatch.setattr(Forward, name, locked(getattr(Forward, name), lock))
    yield posmoe.load(backend="triton")


@pytest.fixture(scope="module")
def native() -> posmoe.Parser:
    """The same model on the native engine."""
    return posmoe.load(backend="native")


def test_it_gives_the_native_engine_s_trees(parser: posmoe.Parser, native: posmoe.Parser) -> None:
    assert parser.engine == Choice("triton", "it was asked for")
    found, expected = parser(TEXT), native(TEXT)
    lengths = [len(sentence) for sentence in expected]
    assert max(lengths) > 32 and any(16 < length <= 32 for length in lengths)
    assert found.to_conllu() == expected.to_conllu()
    words = [["I", "saw", "her", "duck"]]
    tags = [["PRON", None, "PRON", "VERB"]]
    assert parser.parse_tokens(words, tags).to_conllu() == native.parse_tokens(words, tags).to_conllu()
    assert parser("").to_conllu() == ""


def test_trees_are_ranked_as_the_native_engine_ranks_them(parser: posmoe.Parser, native: posmoe.Parser) -> None:
    words = ["We", "saw", "the", "duck", "."]
    for mine, theirs in zip(parser.k_best(words, 4), native.k_best(words, 4), strict=True):
        assert (mine.heads, mine.deprels) == (theirs.heads, theirs.deprels)
        assert mine.probability == pytest.approx(theirs.probability, rel=1e-4)


def columns(parser: posmoe.Parser, ids: Any, offsets: Any, gold: Any = None) -> Any:
    """The engine's columns."""
    return parser._engine.columns(np.asarray(ids, np.int32), np.asarray(offsets, np.int64), gold)  # type: ignore[attr-defined]


def test_more_threads_than_slots_wait_for_each_other(parser: posmoe.Parser, monkeypatch: pytest.MonkeyPatch) -> None:
    if DEVICE == "cpu":  # the way of the batches alone: kernels that are interpreted take long
        monkeypatch.setattr(engine, "CAPACITIES", (16,))
        monkeypatch.setattr(Forward, "launch", lambda *_: time.sleep(0.002))
    offsets = np.arange(0, 61, 3)
    ids = np.arange(60)[:, None] + np.arange(6)
    expected = columns(parser, ids, offsets)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(lambda _: columns(parser, ids, offsets), range(12), timeout=50):
            assert all(np.array_equal(*pair) for pair in zip(found, expected, strict=True))


@pytest.mark.parametrize(
    ("ids", "offsets", "gold", "message"),
    [
        (np.full((2, 6), 10**6), [0, 2], None, "feature row 1000000 of a table of"),
        (np.full((2, 6), -1), [0, 2], None, "feature row -1 of a table of"),
        (np.zeros((2, 5)), [0, 2], None, r"expected feature rows \[n, 6\] .* got \[2, 5\]"),
        (np.zeros((2, 6)), [0, 3], None, "offsets that rise from 0 to n, got .* up to 3"),
        (np.zeros((2, 6)), [0, 2, 1, 2], None, "offsets that rise"),
        (np.zeros((2, 6)), [0, 2], np.array([17, 0], np.int32), "expected a tag below 17 or -1"),
    ],
)
def test_what_is_no_batch_is_refused(parser: posmoe.Parser, ids: Any, offsets: Any, gold: Any, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        columns(parser, ids, offsets, gold)


def test_no_words_and_empty_sentences(parser: posmoe.Parser) -> None:
    assert [len(column) for column in columns(parser, np.zeros((0, 6)), [0])] == [0, 0, 0]
    assert columns(parser, np.ones((1, 6)), [0, 0, 1, 1])[1].tolist() == [0]


class FullError(torch.cuda.OutOfMemoryError):
    """What torch raises where a device's memory is full."""


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (FullError("Tried to allocate 2 GiB"), r"the GPU's memory is full .* Free some, or take backend='native'"),
        (RuntimeError("PTXAS error"), "can't compute a batch: RuntimeError: PTXAS error. Take backend='native'"),
    ],
    ids=["memory", "compiler"],
)
def test_what_fails_is_said_and_the_slot_is_free_again(
    parser: posmoe.Parser, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(engine.Slot, "start", fail)
        for _ in range(engine.SLOTS + 1):
            with pytest.raises(EngineError, match=message):
                columns(parser, np.ones((2, 6)), [0, 2])
    assert len(columns(parser, np.ones((2, 6)), [0, 2])[0]) == 2


@pytest.mark.skipif(DEVICE == "cuda", reason="there is a GPU")
def test_without_a_gpu_the_error_says_what_is_needed() -> None:
    with pytest.raises(EngineError, match=r"needs an NVIDIA GPU of compute capability 8.0 or newer and its driver"):
        posmoe.load(backend="triton")


def test_an_old_driver_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old (found version 11040).")

    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", refuse)
    with pytest.raises(EngineError, match=r"The triton engine needs .* too old"):
        engine.gpu()


def test_a_card_that_is_too_old_and_a_number_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(torch.cuda, "init", lambda: None)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Tesla T4")
    with pytest.raises(EngineError, match=r"Tesla T4 has 7\.5\. Take backend='native'"):
        engine.gpu()
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
    monkeypatch.setenv("POSMOE_GPU", "1")
    assert engine.gpu() == torch.device("cuda", 1)
    for number in ("2", "-1", "first"):
        monkeypatch.setenv("POSMOE_GPU", number)
        with pytest.raises(EngineError, match=r"\$POSMOE_GPU: expected the number of"):
            engine.gpu()


def test_without_triton_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'pos-moe-parser\[triton\]'"):
        choose("triton")
    with pytest.raises(MissingExtraError, match=r"pip install 'pos-moe-parser\[triton\]'"):
        engine.gpu()


def test_bundles_that_the_kernels_do_not_compute_are_refused(tiny: Path) -> None:
    assert engine.refusal(Bundle.load(find(None))) is None
    assert "similarity" in (engine.refusal(Bundle.load(tiny)) or "")
    with pytest.raises(EngineError, match=r"can't run bundle .* Take backend='native'"):
        posmoe.load(tiny, backend="triton")
