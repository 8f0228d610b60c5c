"""The compiled network against its plain twin, and its promises: the same bits however it is run."""

import re
import threading
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posmoe._core import Network, decode
from tests.core import network_twin as twin
from tests.core.instruction_sets import SETS
from tests.core.int8_twin import quantised

SHAPES: dict[str, dict[str, Any]] = {
    "edge-like": {},
    "round widths": {
        "lexical_dim": 48,
        "context_dim": 24,
        "router_dim": 32,
        "expert_dim": 32,
        "expert_context_dim": 16,
        "rank": 16,
    },
    "euclidean, linear router": {"hyperbolic": False, "cnn": False},
    "one expert a word": {"k": 1},
    "five experts a word": {"k": 5},
    "twelve folded experts": {"experts": 12},
    "five folded experts": {"experts": 5, "k": 3},
    "a mix without layers": {"trunk_dim": 24},
    "a trunk of odd width": {"trunk_dim": 21, "trunk_layers": 2},
    "neighbours on one side": {"left": 0, "right": 1},
    "no hubs": {"hubs": 0, "right": 7},
    "all hubs": {"hubs": 11, "left": 1, "right": 9},
    "no root relation": {"root": -1},
    "one relation": {"labels": 1, "root": 0},
    "ones": {"lexical_dim": 1, "context_dim": 1, "router_dim": 1, "expert_dim": 1, "expert_context_dim": 1, "rank": 1,
             "label_rank": 1, "hub_window": 1, "hubs": 1},
}  # fmt: skip
Columns = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]


QUANTISED = [
    "edge-like",
    "round widths",
    "euclidean, linear router",
    "a mix without layers",
    "a trunk of odd width",
    "ones",
]


def words(count: int, seed: int = 1) -> NDArray[np.int32]:
    """Random feature rows, [count, 6]."""
    return np.random.default_rng(seed).integers(0, 60, (count, 6), dtype=np.int32)


def network(isa: str = "", seed: int = 0, **changes: Any) -> Network:
    """A small network with random weights."""
    shape = twin.shape(**changes)
    return Network(shape, twin.tensors(shape, seed), isa)


def assert_equal(one: Sequence[NDArray[Any]], other: Sequence[NDArray[Any]]) -> None:
    """The same bits."""
    for a, b in zip(one, other, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert a.tobytes() == b.tobytes()


def model(name: str, int8: bool) -> tuple[twin.Shape, twin.Tensors]:
    """Sizes and random weights."""
    shape = twin.shape(**SHAPES[name])
    tensors = twin.tensors(shape)
    return (shape | {"int8": True}, quantised(shape, tensors, [words(40, 3)])) if int8 else (shape, tensors)


@pytest.mark.parametrize(("name", "int8"), [*((name, False) for name in SHAPES), *((name, True) for name in QUANTISED)])
def test_scores_are_those_of_the_twin_on_every_instruction_set(name: str, int8: bool) -> None:
    shape, tensors = model(name, int8)
    lengths = np.array([1, 2, 3, 13, 37, 1], np.int64)
    features = words(6 * 37).reshape(6, 37, 6)
    results = [Network(shape, tensors, isa).scores(features, lengths) for isa in SETS]
    for result in results[1:]:
        assert_equal(result, results[0])
    tags, arcs, heads, dependents, label_heads = results[0]
    for row, n in enumerate(lengths):
        expected = twin.scores(shape, tensors, features[row, :n])
        np.testing.assert_array_equal(heads[row, :n], expected[2])
        for found, values in (
            (tags[row, :n], expected[0]),
            (arcs[row, :n], expected[1]),
            (dependents[row, :n], expected[3]),
            (label_heads[row, : n + 1], expected[4]),
        ):
            if int8:  # on the border between two codes float and double may part
                assert np.isclose(found, values, rtol=3e-4, atol=3e-4).mean() > 0.95
            np.testing.assert_allclose(found, values, rtol=0.05 if int8 else 3e-4, atol=0.05 if int8 else 3e-4)
        assert (heads[row, n:] == -1).all()
        assert np.isfinite(tags[row]).all() and np.isfinite(arcs[row]).all() and np.isfinite(label_heads[row]).all()


@pytest.mark.parametrize(("name", "int8"), [*((name, False) for name in SHAPES), ("round widths", True)])
def test_columns_follow_from_the_scores(name: str, int8: bool) -> None:
    shape, tensors = model(name, int8)
    offsets = np.array([0, 1, 3, 10, 47, 47, 48], np.int64)
    features = words(48)
    gold = np.where(np.arange(48) % 5 == 0, np.arange(48) % 17, -1).astype(np.int32)
    for given_tags in (None, gold):
        results = [Network(shape, tensors, isa).columns(features, offsets, given_tags) for isa in SETS]
        for result in results[1:]:
            assert_equal(result, results[0])
        upos, heads, deprels = results[0]
        net = Network(shape, tensors)
        for begin, end in pairwise(offsets):
            if begin == end:
                continue
            own = slice(begin, end)
            tags, arcs, arc_heads, dependents, label_heads = (
                part[0] for part in net.scores(features[None, own], np.array([end - begin]))
            )
            expected = tags.argmax(1)
            if given_tags is not None:
                expected = np.where(gold[own] >= 0, gold[own], expected)
            assert upos[own].tolist() == expected.tolist()
            assert heads[own].tolist() == decode(arcs, arc_heads).tolist()
            if shape["root"] >= 0 and shape["labels"] > 1:
                assert deprels[own].tolist() == twin.labels(
                    shape, tensors, dependents, label_heads, upos[own], heads[own]
                )


@given(st.lists(st.integers(1, 60), min_size=1, max_size=25), st.integers(1, 5), st.sampled_from(SETS))
@settings(max_examples=40, deadline=None)
def test_results_do_not_depend_on_grouping(lengths: list[int], pieces: int, isa: str) -> None:
    net, offsets = network(isa), np.cumsum([0, *lengths])
    features = words(int(offsets[-1]))
    together = net.columns(features, offsets)
    cuts = np.linspace(0, len(lengths), pieces + 1).astype(int)
    parts = [net.columns(features[offsets[a] : offsets[b]], offsets[a : b + 1] - offsets[a]) for a, b in pairwise(cuts)]
    assert_equal(together, [np.concatenate(column) for column in zip(*parts, strict=True)])


def test_one_network_serves_many_threads() -> None:
    net, offsets = network(), np.arange(0, 2001, 20)
    features = [words(2000, seed) for seed in range(4)]
    expected = [net.columns(one, offsets) for one in features]
    found: list[Columns | None] = [None] * 4

    def work(i: int) -> None:
        for _ in range(20):
            found[i] = net.columns(features[i], offsets)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one, other in zip(found, expected, strict=True):
        assert one is not None
        assert_equal(one, other)


def test_another_network_in_between_changes_nothing() -> None:
    one, other = network(), network(seed=9, trunk_dim=40, trunk_layers=1)
    features, offsets = words(300), np.array([0, 7, 150, 300])
    first = one.columns(features, offsets)
    other.columns(features, offsets)
    assert_equal(one.columns(features, offsets), first)


@pytest.mark.parametrize("length", [1, 10_000])
def test_short_and_long_sentences(length: int) -> None:
    features = words(length)
    upos, heads, deprels = network().columns(features, np.array([0, length]))
    assert len(upos) == len(heads) == len(deprels) == length
    assert (heads == 0).sum() == 1
    assert ((heads >= 0) & (heads <= length)).all()
    assert network().columns(words(0), np.array([0], np.int64))[0].shape == (0,)


def test_impossible_input_is_refused() -> None:
    net = network()
    with pytest.raises(IndexError, match=r"feature row 60 of a table of 60 rows"):
        net.columns(np.full((2, 6), 60, np.int32), np.array([0, 2]))
    with pytest.raises(IndexError, match=r"feature row -1 of"):
        net.scores(np.full((1, 2, 6), -1, np.int32), np.array([2]))
    with pytest.raises(IndexError, match=r"tag 17 of 17"):
        net.columns(words(2), np.array([0, 2]), np.array([3, 17], np.int32))
    for offsets in ([0, 1], [1, 2], [0, 2, 1, 2], [0, 3]):
        with pytest.raises(ValueError, match=r"offsets: expected numbers that rise from 0"):
            net.columns(words(2), np.array(offsets))
    with pytest.raises(ValueError, match=r"gold: expected one tag a word"):
        net.columns(words(2), np.array([0, 2]), np.zeros(3, np.int32))
    with pytest.raises(ValueError, match=r"lengths: expected 0 to the padded length"):
        net.scores(words(2)[None], np.array([3]))
    with pytest.raises(ValueError, match=r"six rows a word"):
        net.columns(words(2)[:, :5].copy(), np.array([0, 2]))


@pytest.mark.parametrize("name", sorted(twin.tensors(twin.shape(trunk_dim=8, trunk_layers=1))))
def test_a_tensor_of_another_shape_or_type_is_refused(name: str) -> None:
    shape = twin.shape(trunk_dim=8, trunk_layers=1)
    tensors = twin.tensors(shape)
    original = tensors[name]
    longer = np.concatenate([original, original[-1:]])
    other = original.astype(np.float32 if original.dtype == np.int8 else np.int8)
    for changed in (longer, original[:0], original[..., None], other):
        with pytest.raises(
            ValueError, match=rf"expected tensor '{name}' to be (float32|int8) \[.*, got (float32|int8) \["
        ):
            Network(shape, {**tensors, name: np.ascontiguousarray(changed)})
    del tensors[name]
    with pytest.raises(ValueError, match=rf"expected tensor '{name}' .*, it is missing"):
        Network(shape, tensors)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("router.pointwise.codes", -128, "expected tensor 'router.pointwise.codes' to hold -127 to 127, got -128"),
        ("experts.value.codes", -128, "expected tensor 'experts.value.codes' to hold"),
        ("arcs.hub.step", 0.0, "expected tensor 'arcs.hub.step' to hold a positive number, got 0"),
        ("arcs.hub.step", -1.0, "to hold a positive number, got -1"),
        ("router.pointwise.step", np.inf, "expected tensor 'router.pointwise.step' to hold finite numbers"),
        ("word_norm.weight", np.nan, "expected tensor 'word_norm.weight' to hold finite numbers"),
        ("arcs.hub.step", 9.0, "expected 'arcs.hub.step' to equal the step of the layers that read the same numbers"),
        ("router.output.step", 9.0, "expected 'experts.step' to equal 'router.output.step'"),
    ],
)
def test_codes_and_steps_that_do_not_fit_are_refused(name: str, value: float, message: str) -> None:
    shape, tensors = model("edge-like", int8=True)
    tensors[name] = np.copy(tensors[name])
    tensors[name].flat[-1] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        Network(shape, tensors)


def test_quantised_tensors_of_another_shape_are_refused() -> None:
    shape, tensors = model("a trunk of odd width", int8=True)
    for name in (name for name in tensors if name.endswith((".codes", ".multiplier", ".step"))):
        changed = {**tensors, name: np.concatenate([tensors[name], tensors[name][-1:]])}
        with pytest.raises(ValueError, match=rf"expected tensor '{name}' to be (float32|int8) \[.*, got"):
            Network(shape, changed)
    with pytest.raises(ValueError, match=r"expected quantised layers of at most 1,040 inputs"):
        Network({**shape, "trunk_dim": 1041}, tensors)


@pytest.mark.parametrize(
    "changes",
    [
        {"k": 18},
        {"k": 0},
        {"experts": 18},
        {"context_dim": 21},
        {"expert_context_dim": 20},
        {"trunk_layers": 1},
        {"hubs": 12},
        {"hub_window": 0},
        {"left": 5000},
        {"root": 9},
        {"rows": 0},
        {"rank": 1 << 20},
        {"tags": 65},
    ],
)
def test_impossible_constants_are_refused(changes: dict[str, int]) -> None:
    tensors = twin.tensors(twin.shape())
    with pytest.raises(ValueError, match=r"the network's constants are impossible: expected"):
        Network(twin.shape(**changes), tensors)


def test_an_unknown_instruction_set_is_refused() -> None:
    with pytest.raises(ValueError, match=r"expected one of the instruction sets .*plain.*, got 'mmx'"):
        network("mmx")
    assert network("plain").instruction_set == "plain"
