"""Every kernel of the network against NumPy in double precision, and every instruction set against the plain one."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posmoe._core import Kernels
from tests.core import network_twin as twin
from tests.core.instruction_sets import SETS

WIDTHS = [1, 7, 16, 17, 32, 48, 61]
LENGTHS = [1, 2, 3, 4, 7, 8, 13, 31]
PLAIN = Kernels("plain")
rng = np.random.default_rng(5)


def floats(*size: int, scale: float = 1.0) -> NDArray[np.float32]:
    """Normally distributed numbers."""
    return (rng.standard_normal(size) * scale).astype(np.float32)


def same_everywhere(call: Callable[[Kernels], Any]) -> Any:
    """What a kernel gives; it must be the same bits on every instruction set."""
    expected = call(PLAIN)
    for name in SETS:
        found = call(Kernels(name))
        for one, other in zip(*((x if isinstance(x, tuple) else (x,)) for x in (expected, found)), strict=True):
            assert np.asarray(one).tobytes() == np.asarray(other).tobytes(), name
    return expected


@pytest.mark.parametrize(
    ("name", "reference", "low", "high"),
    [
        ("exp", np.exp, -87, 88),
        ("tanh", np.tanh, 1e-6, 12),
        ("atanh", np.arctanh, 1e-6, 0.9961),
        ("erf", lambda x: twin.erf(x / math.sqrt(2)), -8, 8),
    ],
)
def test_functions_are_accurate(name: str, reference: Callable[[Any], Any], low: float, high: float) -> None:
    x = np.concatenate([np.linspace(low, high, 20011), rng.uniform(-1, 1, 5000).clip(low, high)]).astype(np.float32)
    found = same_everywhere(lambda kernels: kernels.function(name, x[None]))[0]
    np.testing.assert_allclose(found, reference(x.astype(float)), rtol=5e-7, atol=1e-12)


def test_functions_keep_to_their_limits() -> None:
    x = np.array([[-np.inf, -1e30, -200, 0, 200, 1e30, np.inf, np.nan]], np.float32)
    exp = same_everywhere(lambda kernels: kernels.function("exp", x))[0]
    assert exp[0] == exp[1] == exp[2] > 0 and np.isfinite(exp[:7]).all() and np.isnan(exp[7])
    erf = same_everywhere(lambda kernels: kernels.function("erf", x))[0]
    np.testing.assert_allclose(erf[:7], [-1, -1, -1, 0, 1, 1, 1], atol=1e-6)
    sigmoid = same_everywhere(lambda kernels: kernels.sigmoid(x))[0]
    np.testing.assert_allclose(sigmoid[:7], [0, 0, 0, 0.5, 1, 1, 1], atol=1e-6)


@pytest.mark.parametrize("width", [0, 1, 5, 16, 40, 1009])
def test_dots_add_in_the_order_that_is_documented(width: int) -> None:
    a, b = floats(width), floats(width)
    partial = np.zeros(16, np.float32)
    for i in range(width):
        partial[i % 16] += np.float32(a[i] * b[i])
    while len(partial) > 1:
        half = len(partial) // 2
        partial = partial[:half] + partial[half:]
    assert same_everywhere(lambda kernels: kernels.dots(a, b)) == partial[0]


@pytest.mark.parametrize("words", LENGTHS)
@pytest.mark.parametrize("width", WIDTHS)
def test_dense_takes_inputs_one_after_another(words: int, width: int) -> None:
    x, weights, bias = floats(words, 23), floats(23, width), floats(width)
    total = np.broadcast_to(bias, (words, width))
    for k in range(23):
        total = total + x[:, k : k + 1] * weights[k]
    found = same_everywhere(lambda kernels: kernels.dense(x, weights, bias))
    np.testing.assert_array_equal(found, total)


@pytest.mark.parametrize("words", LENGTHS)
@pytest.mark.parametrize("width", WIDTHS)
def test_words_and_channels(words: int, width: int) -> None:
    x, weight = floats(words, width, scale=2), floats(width)
    wide = x.astype(float)

    def close(found: NDArray[np.float32], expected: NDArray[np.float64]) -> None:
        np.testing.assert_allclose(found, expected, rtol=2e-6, atol=1e-5)

    close(same_everywhere(lambda k: k.rms_norm(x, weight)), twin.rms_norm(wide, weight))
    close(same_everywhere(lambda k: k.gelu(x)), twin.gelu(wide))
    close(same_everywhere(lambda k: k.sigmoid(x)), twin.sigmoid(wide))
    z = rng.uniform(0, 1, x.shape).astype(np.float32)
    for backward in (False, True):
        expected = twin.recurrence(wide, z.astype(float), backward)
        close(same_everywhere(lambda k: k.recurrence(x, z, backward)), expected)  # noqa: B023
    weights = floats(4, width)
    expected = twin.convolve(wide, weights.astype(float))
    close(same_everywhere(lambda k: k.convolve(x, weights)), expected)


@pytest.mark.parametrize("width", WIDTHS)
def test_lookup_sums_the_rows(width: int) -> None:
    codes = rng.integers(-127, 128, (50, width), dtype=np.int8)
    scale, ids = rng.uniform(0, 0.1, 50).astype(np.float32), rng.integers(0, 50, (29, 6), dtype=np.int32)
    total = codes[ids[:, 0]] * scale[ids[:, 0], None]
    for feature in range(1, 6):
        total = total + codes[ids[:, feature]] * scale[ids[:, feature], None]
    np.testing.assert_array_equal(same_everywhere(lambda kernels: kernels.lookup(codes, scale, ids)), total)


@pytest.mark.parametrize(("experts", "k"), [(17, 1), (17, 2), (17, 17), (12, 2), (9, 3), (5, 5), (1, 1)])
def test_routing(experts: int, k: int) -> None:
    logits = floats(37, 17, scale=3)
    tag, weight, index = same_everywhere(lambda kernels: kernels.route(logits, experts, k))
    expected, chosen = twin.route(logits.astype(float), experts, k)
    np.testing.assert_array_equal(tag, logits.argmax(1))
    np.testing.assert_array_equal(index, chosen)
    np.testing.assert_allclose(weight, expected, rtol=3e-6, atol=1e-7)


def test_routing_of_equal_logits_takes_the_first() -> None:
    tag, weight, index = same_everywhere(lambda kernels: kernels.route(np.zeros((3, 17), np.float32), 17, 2))
    assert (tag == 0).all() and (weight == 0.5).all() and index.tolist() == [[0, 1]] * 3


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1.0, 30.0])
@pytest.mark.parametrize("width", [1, 16, 19, 32])
def test_experts(width: int, scale: float) -> None:
    gate, value, bias = floats(23, width), floats(23, width, scale=scale), floats(width, scale=0.3)
    value[0] = 0
    c = 1 / width
    silu = gate * twin.sigmoid(gate.astype(float))
    found = same_everywhere(lambda kernels: kernels.expert(gate, value, bias, c, math.sqrt(c)))
    expected = silu * twin.mobius_bias(value.astype(float), bias.astype(float), c)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    flat = same_everywhere(lambda kernels: kernels.expert(gate, value, bias, 0, 0))
    np.testing.assert_allclose(flat, silu * (value.astype(float) + bias), rtol=1e-5, atol=1e-6)


def codes(x: NDArray[np.float32], step: float) -> NDArray[np.int64]:
    """What a quantised layer reads."""
    return twin.encode(x.astype(float), np.array([step], np.float32))


@pytest.mark.parametrize("words", LENGTHS)
@pytest.mark.parametrize("width", WIDTHS)
def test_codes_are_those_of_the_floats(words: int, width: int) -> None:
    x, weight, weights, step = floats(words, width, scale=2), floats(width), floats(4, width), 0.0113
    deep, bias = floats(23, width), floats(width)
    x[0, 0] = 1e30
    ties = np.array(
        [[-300, -128.5, -127.5, -2.5, -1.5, -0.5, -0.0, 0.5, 1.5, 126.5, 127.5, np.inf, np.nan]], np.float32
    )
    expected = [-127, -127, -127, -2, -2, 0, 0, 0, 2, 126, 127, 127, -127]
    assert same_everywhere(lambda k: k.copy(ties, 1.0))[0].tolist() == expected
    calls: list[Callable[[Kernels, float], Any]] = [
        lambda k, step: k.copy(x, step),
        lambda k, step: k.gelu(x, step),
        lambda k, step: k.rms_norm(x[1:], weight, step),
        lambda k, step: k.convolve(x, weights, step),
        lambda k, step: k.dense(x[:, :1].repeat(23, 1), deep, bias, "gelu", step),
    ]
    for call in calls:
        found = same_everywhere(lambda k: call(k, step))  # noqa: B023
        np.testing.assert_array_equal(found, codes(call(PLAIN, 0.0), step))


@pytest.mark.parametrize("words", LENGTHS)
@pytest.mark.parametrize("inputs", [1, 3, 4, 7, 96, 1040])
def test_dense_of_codes_is_exact(words: int, inputs: int) -> None:
    for width in (1, 16, 17, 50, 64):
        x, weights = (rng.integers(-127, 128, (n, inputs), dtype=np.int8) for n in (words, width))
        x[0] = weights[0] = 127
        x[-1] = -127
        multiplier, bias = floats(width, scale=1e-3), floats(width)
        total = (x.astype(int) @ weights.astype(int).T).astype(np.float32) * multiplier + bias
        for then, expected in (("store", total), ("add", np.float32(1) + total), ("gelu", PLAIN.gelu(total))):
            found = same_everywhere(lambda k: k.dense_codes(x, weights, multiplier, bias, then))  # noqa: B023
            np.testing.assert_array_equal(found, expected)
        found = same_everywhere(lambda k: k.dense_codes(x, weights, multiplier, bias, "gelu", 0.02))  # noqa: B023
        np.testing.assert_array_equal(found, codes(PLAIN.gelu(total), 0.02))


@pytest.mark.parametrize("width", [1, 16, 17])
def test_what_follows_a_dense_layer(width: int) -> None:
    x, weights, bias = floats(5, 23), floats(23, width), floats(width)
    plain = PLAIN.dense(x, weights, bias)
    found = same_everywhere(lambda k: k.dense(x, weights, bias, "add"))
    np.testing.assert_array_equal(found, np.float32(1) + plain)
    np.testing.assert_array_equal(same_everywhere(lambda k: k.dense(x, weights, bias, "gelu")), PLAIN.gelu(plain))
