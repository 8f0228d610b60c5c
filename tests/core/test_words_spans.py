"""Words from spans of a text, held against the same words given as tokens."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posmoe._core import Words

WORD = st.text(alphabet="abé漢🙂", min_size=1, max_size=4)
GAP = st.sampled_from(["", " ", "\n\n", " é"])


def spans(text: str, start: list[int], end: list[int], sentences: list[int]) -> Words:
    return Words.from_spans(text, *(np.array(values, np.uint32) for values in (start, end, sentences)))


@given(st.lists(st.lists(st.tuples(WORD, GAP), min_size=1, max_size=4), max_size=4), GAP)
def test_spans_are_the_words_given_as_tokens(sentences: list[list[tuple[str, str]]], before: str) -> None:
    text, start, end, offsets = before, [], [], [0]
    for sentence in sentences:
        for form, gap in sentence:
            start.append(len(text))
            end.append(len(text) + len(form))
            text += form + gap
        offsets.append(len(start))
    words = spans(text, start, end, offsets)
    assert words.text == text
    assert (words.start.tolist(), words.end.tolist(), words.sentences.tolist()) == (start, end, offsets)
    plain = Words.from_sentences([[form for form, _ in sentence] for sentence in sentences])
    assert words.forms() == plain.forms()
    assert words.token.tolist() == plain.token.tolist()
    assert words.split.tolist() == plain.split.tolist()
    touching = [stop == begin for stop, begin in zip(end, [*start[1:], None], strict=False)]
    assert words.space_after.tolist() == [not one for one in touching]


@pytest.mark.parametrize(
    ("start", "end", "sentences", "why"),
    [
        ([0, 1], [2, 3], [0, 2], "word 1: expected a span"),
        ([1], [1], [0, 1], "word 0: expected a span"),
        ([0], [9], [0, 1], "word 0: expected a span"),
        ([9], [10], [0, 1], "word 0: expected a span"),
        ([0], [1, 2], [0, 1], "as many ends as starts"),
        ([0], [1], [], "sentences must be ascending"),
        ([0], [1], [1], "sentences must be ascending"),
        ([0], [1], [0, 2], "sentences must be ascending"),
        ([0, 1], [1, 2], [0, 2, 1, 2], "sentences must be ascending"),
        ([0], [1], [0, 0, 1], "sentences must be ascending"),
    ],
)
def test_spans_that_do_not_fit_are_refused(start: list[int], end: list[int], sentences: list[int], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        spans("abc", start, end, sentences)


def test_no_words_are_no_sentences() -> None:
    words = spans("  ", [], [], [0])
    assert (len(words), words.sentences.tolist(), words.text) == (0, [0], "  ")
