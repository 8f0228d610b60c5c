"""The core's tokeniser against its plain twin, and the promise that tokens and gaps give the text back."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posmoe._core import Tokenizer, Words, character

from .tokenizer_specs import PIECES, TEXTS, make_spec, random_weights
from .tokenizer_twin import CLASS_NUMBERS, TwinTokenizer
from .tokenizer_twin_atoms import char_class, fold

SPECS = [
    make_spec(),
    make_spec(grouped_digits=True, max_sentence=3),
    make_spec(closed=[], multiwords={}, suffixes={}),
]
PAIRS = [
    (Tokenizer(spec, weights), TwinTokenizer(spec, weights))
    for seed, spec in enumerate(SPECS * 2)
    for weights in [random_weights(spec, seed)]
]


def check_reconstruction(text: str, words: Words) -> None:
    """Tokens and the white space between them give the text back, and no token is empty."""
    assert words.text == text
    rebuilt, at = "", 0
    for start, end, space in zip(words.token_start, words.token_end, words.space_after, strict=True):
        assert at <= start < end
        assert all(character(ord(c))[0] == 0 for c in text[at:start])
        assert bool(space) == (end == len(text) or character(ord(text[end]))[0] == 0)
        rebuilt += text[at:end]
        at = int(end)
    assert all(character(ord(c))[0] == 0 for c in text[at:])
    assert rebuilt + text[at:] == text


def check_equal(text: str, pair: int, lines: bool) -> None:
    core, twin = PAIRS[pair]
    words, expected = core(text, lines), twin(text, lines)
    columns = zip(words.start.tolist(), words.end.tolist(), words.token.tolist(), words.forms(), strict=True)
    assert list(columns) == expected.words
    tokens = zip(words.token_start.tolist(), words.token_end.tolist(), map(bool, words.space_after), strict=True)
    assert list(tokens) == expected.tokens
    assert words.sentences.tolist() == expected.sentences
    assert words.split.astype(bool).tolist() == expected.split
    check_reconstruction("".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in text), words)


@settings(max_examples=400, deadline=None)
@given(TEXTS, st.integers(0, len(PAIRS) - 1), st.booleans())
def test_core_equals_twin(text: str, pair: int, lines: bool) -> None:
    check_equal(text, pair, lines)


@pytest.mark.parametrize("pair", range(len(PAIRS)))
@pytest.mark.parametrize("joint", ["", " ", "\n"])
def test_core_equals_twin_on_every_piece(pair: int, joint: str) -> None:
    order = np.random.default_rng(pair).permutation(len(PIECES) * 3) % len(PIECES)
    check_equal(joint.join(PIECES[i] for i in order), pair, lines=False)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60))
def test_bytes_are_repaired_as_python_repairs_them(data: bytes) -> None:
    core, _ = PAIRS[0]
    assert core(data).text == data.decode("utf-8", "replace")


def test_every_code_point_has_the_documented_class_and_fold() -> None:
    for point in range(0x110000):
        if 0xD800 <= point < 0xE000:
            continue
        assert character(point) == (CLASS_NUMBERS.index(char_class(point)), fold(point)), hex(point)
