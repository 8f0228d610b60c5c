"""Texts to trees in one call against the same, step by step."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.engines import Reading
from posmoe.request import text_request
from tests.core.network_twin import shape, tensors

NLP = posmoe.load(backend="native")
TEXTS = [
    "",
    "Hi.",
    "I don't think so. He waved at me,\nand then went.\n\nSee http://www.x.org (today)!",
    "Ünïcödé “quotes” — and 🙂 faces… cannot.",
    "one two three\nfour five",
    " \n ",
    "word " * 500,
]


def assert_same(texts: list[str], lines: list[bool]) -> None:
    """The documents of `_read` are those of `_analyse`."""
    requests = [text_request(text, line) for text, line in zip(texts, lines, strict=True)]
    found = NLP._read([(request.text, request.lines) for request in requests])
    assert found is not None
    for one, expected in zip(found, NLP._analyse(requests), strict=True):
        assert one.text == expected.text and one.cut == expected.cut
        for name in ("upos", "heads", "deprels", "start", "end", "sentences"):
            a, b = getattr(one.arrays(), name), getattr(expected.arrays(), name)
            assert a.dtype == b.dtype and a.tobytes() == b.tobytes(), name


@pytest.mark.parametrize("lines", [False, True])
def test_texts_are_what_the_steps_make_of_them(lines: bool) -> None:
    assert isinstance(NLP._network.engine, Reading)
    assert_same(TEXTS, [lines] * len(TEXTS))
    for text in TEXTS:
        assert_same([text], [lines])


@given(st.lists(st.tuples(st.text("aB .'\n1é", max_size=60), st.booleans()), min_size=1, max_size=8))
@settings(max_examples=60, deadline=None)
def test_any_texts_are_what_the_steps_make_of_them(texts: list[tuple[str, bool]]) -> None:
    assert_same([text for text, _ in texts], [line for _, line in texts])


def bounded(most: int) -> posmoe._core.Tokenizer:
    """The tokeniser with a bound of `most` words a sentence."""
    spec = {**NLP.bundle.manifest["tokenizer"], "max_sentence": most}
    return posmoe._core.Tokenizer(spec, np.array(NLP.bundle.tensors["tokenizer.weights"]))


def test_long_sentences_are_counted() -> None:
    network = NLP._network.engine._network  # type: ignore[attr-defined]
    text = "one two three four five six seven eight\n\nnine ten\n\n" + "ha " * 13
    words, columns, cut = posmoe._core.parse(network, bounded(4), NLP._features, [text], [False], 4)[0]
    assert cut == 2 and columns is not None and columns.shape == (3, 23)
    assert np.diff(words.sentences).tolist() == [4, 4, 2, 4, 4, 4, 1]
    for begin, end in pairwise(words.sentences):
        assert (columns[1, begin:end] == 0).sum() == 1
    assert posmoe._core.parse(network, bounded(9), NLP._features, [text], [False], 9)[0][2] == 1
    words, columns, cut = posmoe._core.parse(network, bounded(1), NLP._features, ["I don't"], [False], 1)[0]
    assert columns is None and cut == 1


def test_impossible_input_is_refused() -> None:
    network = NLP._network.engine._network  # type: ignore[attr-defined]
    with pytest.raises(ValueError, match="lines: expected one for every text"):
        posmoe._core.parse(network, NLP._tokenizer, NLP._features, ["a"], [], 9)
    with pytest.raises(TypeError, match="text must be str or bytes"):
        posmoe._core.parse(network, NLP._tokenizer, NLP._features, [1], [False], 9)  # type: ignore[list-item]
    sizes = shape()
    small = posmoe._core.Network(sizes, tensors(sizes))
    with pytest.raises(IndexError, match="of a table of 60 rows"):
        posmoe._core.parse(small, NLP._tokenizer, NLP._features, ["The dog ate it."], [False], 9)
