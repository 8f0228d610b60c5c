"""Texts to trees in one call of the core against the same step by step in NumPy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe import _core
from posmoe.analyser import BatchAnalyser, PlainAnalyser
from posmoe.bundle import Bundle, find
from posmoe.engines import Analyser, Compiled, choose, create
from posmoe.features import load_features
from posmoe.network import Network
from posmoe.tokens import words_of_tokens
from tests.core.network_twin import shape, tensors

NLP = posmoe.load(backend="native")
FEATURES = load_features(NLP.bundle.manifest["features"], NLP.bundle.tensors.view("features.keys"))
TEXTS = [
    "",
    "Hi.",
    "I don't think so. He waved at me,\nand then went.\n\nSee http://www.x.org (today)!",
    "Ünïcödé “quotes” — and 🙂 faces… cannot.",
    "one two three\nfour five",
    " \n ",
    "word " * 500,
]


def analysers(longest: int = NLP.bundle.max_sentence) -> tuple[Analyser, Analyser]:
    """The core's and the plain one; the tokeniser cuts sentences of `longest` words."""
    bundle = Bundle.load(find())
    engine = create(bundle, choose("native"))
    assert isinstance(engine, Compiled)
    spec = {**bundle.manifest["tokenizer"], "max_sentence": longest}
    parts = (_core.Tokenizer(spec, np.array(bundle.tensors["tokenizer.weights"])), FEATURES)
    plain = PlainAnalyser(*parts, Network(bundle, engine), longest, bundle.joining)
    return engine.analyser(*parts, longest, bundle.joining), plain


def assert_same(found: list[_core.Analysis], expected: list[_core.Analysis]) -> None:
    """Two lists of analyses are alike in every bit."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert one.cut == other.cut
        assert one.words.__getstate__() == other.words.__getstate__()
        for column in ("upos", "heads", "deprels"):
            assert getattr(one, column).dtype == np.int32
            assert getattr(one, column).tolist() == getattr(other, column).tolist()


@pytest.mark.parametrize("longest", [1, 7, 192, 10_000])
def test_texts_and_words_are_what_the_steps_make_of_them(longest: int) -> None:
    core, plain = analysers(longest)
    for lines in (False, True):
        assert_same(core.texts(TEXTS, lines), plain.texts(TEXTS, lines))
        for text in TEXTS:
            assert_same(core.texts([text], lines), plain.texts([text], lines))
    forms = ["the", "board", "has", "met", "today"]
    sentences = [[(form, [form], True) for form in forms * size] for size in (1, 4, 40)]
    words = [words_of_tokens(sentences), NLP._tokenizer("I don't."), words_of_tokens([])]
    gold: list[list[int] | None] = [[3, -1, -1, 0, 16] * 45, None, []]
    assert_same(core.words(words, gold), plain.words(words, gold))
    assert_same(core.words(words, [None] * 3), plain.words(words, [None] * 3))
    assert core.texts([]) == core.words([], []) == []


@pytest.mark.parametrize("longest", [1, 7, 10_000])
def test_batches_that_the_core_cuts_for_other_engines_are_the_same(longest: int) -> None:
    _, plain = analysers(longest)
    engine = create(Bundle.load(find()), choose("native"))
    assert isinstance(engine, Compiled)
    tokenizer = plain._tokenizer  # type: ignore[attr-defined]
    batched = BatchAnalyser(tokenizer, FEATURES, engine, longest, NLP.bundle.joining)
    for lines in (False, True):
        assert_same(batched.texts(TEXTS, lines), plain.texts(TEXTS, lines))
    words = [NLP._tokenizer("I don't know."), words_of_tokens([]), NLP._tokenizer("So " * 20)]
    gold: list[list[int] | None] = [[3, -1, 0, 16, -1], None, None]
    assert_same(batched.words(words, gold), plain.words(words, gold))
    assert batched.texts([]) == batched.words([], []) == []
    with pytest.raises(ValueError, match="one word at least"):
        _core.gather_texts(tokenizer, FEATURES, ["a"], False, 0)
    gathered = _core.gather_words(FEATURES, words, longest)
    with pytest.raises(ValueError, match="expected one number a word"):
        one = np.zeros(1, np.int32)
        gathered.analyses(one, one, one, 0)


@given(st.lists(st.text("aB .'\n1é", max_size=60), min_size=1, max_size=8), st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_texts_are_what_the_steps_make_of_them(texts: list[str], lines: bool) -> None:
    core, plain = ANALYSERS
    assert_same(core.texts(texts, lines), plain.texts(texts, lines))


ANALYSERS = analysers(5)


def test_impossible_input_is_refused() -> None:
    sizes = shape()
    small = _core.Network(sizes, tensors(sizes))
    analyser = _core.Analyser(NLP._tokenizer, FEATURES, small, 9, 0)
    words = NLP._tokenizer("The dog ate it.")
    with pytest.raises(TypeError, match="text must be str or bytes"):
        analyser.texts([1])  # type: ignore[list-item]
    with pytest.raises(IndexError, match="of a table of 60 rows"):
        analyser.texts(["The dog ate it."])
    with pytest.raises(ValueError, match="expected as many lists of tags as Words"):
        analyser.words([words], [])
    with pytest.raises(ValueError, match="expected one tag a word"):
        analyser.words([words], [[1]])
    with pytest.raises(ValueError, match="the longest sentence has one word at least"):
        _core.Analyser(NLP._tokenizer, FEATURES, small, 0, 0)
    with pytest.raises(ValueError, match="expected one number a word"):
        _core.Analysis(words, np.zeros(5, np.int32), np.zeros(5, np.int32), np.zeros(4, np.int32))
