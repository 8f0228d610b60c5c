"""`auto` with $POSMOE_GPU: large batches go to a second engine, and what it says where that can't be had."""

from collections.abc import Iterator

import numpy as np
import pytest

import posmoe
from posmoe import engines
from posmoe.bundle import Bundle, find
from posmoe.engines import by_batch, choose, create, native
from posmoe.errors import EngineError, EngineWarning


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """As if there were a GPU and an engine for it: the native one, which gives the same trees."""
    monkeypatch.setenv(engines.DEVICE, "1")
    monkeypatch.setattr(engines, "NODES", ("/dev/null",))
    monkeypatch.setitem(engines.ENGINES, "triton", engines._Known(".native"))
    yield monkeypatch


def test_without_a_gpu_named_auto_takes_none(gpu: pytest.MonkeyPatch) -> None:
    gpu.delenv(engines.DEVICE)
    assert choose("auto", Bundle.load(find())).large is None


def test_what_is_missing_is_told(gpu: pytest.MonkeyPatch) -> None:
    bundle = Bundle.load(find())
    gpu.setattr(native, "refusal", lambda bundle: None)
    gpu.setitem(engines.ENGINES, "triton", engines._Known(".native", ("nothing_of_this_name",), "triton"))
    assert (
        "triton, for $POSMOE_GPU, is not installed (pip install 'pos-moe-parser[triton]')"
        in choose("auto", bundle).reason
    )
    gpu.setitem(engines.ENGINES, "triton", engines._Known(".native"))
    gpu.setattr(engines, "NODES", ("/dev/no such device",))
    assert choose("auto", bundle).reason.endswith("there is no GPU for $POSMOE_GPU")
    assert choose("auto", bundle).large is None


def test_large_batches_go_to_the_gpu_and_give_the_same_trees(gpu: pytest.MonkeyPatch) -> None:
    gpu.setattr(by_batch, "LARGE", 12)
    bundle = Bundle.load(find())
    choice = choose("auto", bundle)
    assert (choice.name, choice.large) == ("native", "triton")
    assert choice.reason.endswith("batches of many words go to triton on GPU 1")
    sizes: dict[str, list[int]] = {"small": [], "large": []}

    class Told(native.NativeEngine):
        def __init__(self, engine: native.NativeEngine, name: str) -> None:
            super().__init__(engine._network)
            self.size = name

        def columns(self, features, offsets, gold):  # type: ignore[no-untyped-def]
            sizes[self.size].append(len(features))
            return super().columns(features, offsets, gold)

    own = native.load(bundle, 1)
    both = by_batch.ByBatch(Told(own, "small"), Told(own, "large"))
    rng = np.random.default_rng(0)
    for words in (1, 11, 12, 40):
        features = rng.integers(2, bundle.rows, (words, 6), dtype=np.int32)
        offsets = np.array([0, words])
        for found, expected in zip(
            both.columns(features, offsets, None), own.columns(features, offsets, None), strict=True
        ):
            np.testing.assert_array_equal(found, expected)
    assert sizes == {"small": [1, 11], "large": [12, 40]}


def test_a_parser_on_both_gives_the_trees_of_one(gpu: pytest.MonkeyPatch) -> None:
    texts = ["It rains.", "I saw the man with a telescope. He waved. " * 20, ""]
    gpu.setattr(by_batch, "LARGE", 100)
    parser, alone = posmoe.load(), posmoe.load(backend="native")
    assert isinstance(parser._engine, by_batch.ByBatch)
    assert [parser(text).to_conllu() for text in texts] == [alone(text).to_conllu() for text in texts]
    assert [d.to_conllu() for d in parser.pipe(texts)] == [d.to_conllu() for d in alone.pipe(texts)]
    tokens = [["It", "rains", "."]] * 50
    assert parser.parse_tokens(tokens).to_conllu() == alone.parse_tokens(tokens).to_conllu()
    assert parser.k_best(tokens[0], 2) == alone.k_best(tokens[0], 2)


def test_a_gpu_that_fails_is_told_and_left_alone(gpu: pytest.MonkeyPatch) -> None:
    gpu.setitem(engines.ENGINES, "triton", engines._Known(".onnxruntime", load="load_cuda"))
    from posmoe.engines import onnxruntime

    def failing(bundle: Bundle, threads: int, precision: str) -> None:
        raise EngineError("the card is on fire.")

    gpu.setattr(onnxruntime, "load_cuda", failing)
    gpu.setattr(onnxruntime, "refusal", lambda bundle: None, raising=False)
    bundle = Bundle.load(find())
    with pytest.warns(EngineWarning, match="triton can't be had, so native computes all batches: the card is on fire"):
        engine = create(bundle, choose("auto", bundle))
    assert isinstance(engine, native.NativeEngine)
