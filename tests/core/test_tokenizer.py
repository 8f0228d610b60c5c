"""What the tokeniser promises for any input and any weights: hard rules, offsets, bounds, threads, errors."""

import json
import threading
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from posmoe._core import Tokenizer, Words
from posmoe.errors import BundleError, InputError
from posmoe.tokens import load_tokenizer, words_of_tokens

from .tokenizer_specs import cutting, make_spec, random_weights

NO_WEIGHTS = np.zeros(0, np.int8)
WHOLE = load_tokenizer(cutting(make_spec(closed=[]), cut=False), NO_WEIGHTS)
CUT = load_tokenizer(cutting(make_spec(closed=[]), cut=True), NO_WEIGHTS)


def tokens(words: Words) -> list[str]:
    spans = zip(words.token_start.tolist(), words.token_end.tolist(), strict=True)
    return [words.text[start:end] for start, end in spans]


def sentences(words: Words) -> list[list[str]]:
    forms = words.forms()
    return [forms[a:b] for a, b in pairwise(words.sentences.tolist())]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see http://a.b/c-d?e=(f). Or", ["see", "http://a.b/c-d?e=(f)", ".", "Or"]),
        ("(http://a.b/c).", ["(", "http://a.b/c", ")", "."]),
        ("<www.site.com/x>,", ["<", "www.site.com/x", ">", ","]),
        ("mail john.d_e-f+g@mail.co.uk!", ["mail", "john.d_e-f+g@mail.co.uk", "!"]),
        ("franz371...@gmail.com", ["franz371...@gmail.com"]),
        ("@name.x", ["@", "name", ".", "x"]),
        ("ok\U0001f44d\U0001f3fdok", ["ok", "\U0001f44d\U0001f3fd", "ok"]),
        (
            "\U0001f469\u200d\U0001f469\u200d\U0001f467\u2764\ufe0f",
            ["\U0001f469\u200d\U0001f469\u200d\U0001f467", "\u2764\ufe0f"],
        ),
        (
            "\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7\U0001f1eb",
            ["\U0001f1e9\U0001f1ea", "\U0001f1eb\U0001f1f7", "\U0001f1eb"],
        ),
        ("12\ufe0f\u20e3#\u20e3*\ufe0f\u20e3", ["1", "2\ufe0f\u20e3", "#\u20e3", "*\ufe0f\u20e3"]),
        ("e\u0301t\u00e9", ["e\u0301t\u00e9"]),
        ("a\u200bb\u200f", ["a\u200bb\u200f"]),
        ("a\x00b\x1cc", ["a", "\x00", "b", "\x1c", "c"]),
        ("שלום, עולם", ["שלום", ",", "עולם"]),
        ("日本。", ["日", "本", "。"]),
        ("\ufeffword", ["\ufeffword"]),
        ("", []),
        (" \n\u00a0\u3000\n\n", []),
    ],
)
def test_hard_rules_hold_when_everything_else_is_cut(text: str, expected: list[str]) -> None:
    assert tokens(CUT(text)) == expected


def test_without_cuts_a_chunk_is_one_token_but_for_emoji() -> None:
    assert tokens(WHOLE("one-two,three... \U0001f44d:-)")) == ["one-two,three...", "\U0001f44d", ":-)"]


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("Gonna", ["Gon", "na"]),
        ("DIDN’T", ["DID", "N’T"]),
        ("John`s", ["John", "`s"]),
        ("n't 's", ["n't", "'s"]),
        ("du Du DU", ["de", "le", "De", "le", "DE", "LE"]),
        ("Its", ["It", "s"]),
        ("darlo", ["darr", "lo"]),
    ],
)
def test_multiword_tokens(text: str, forms: list[str]) -> None:
    words = WHOLE(text)
    assert words.forms() == forms
    assert tokens(words) == text.split()
    for i, form in enumerate(forms):
        start, end, token = int(words.start[i]), int(words.end[i]), int(words.token[i])
        whole = (int(words.token_start[token]), int(words.token_end[token]))
        assert text[start:end] == form or (start, end) == whole
        assert words.form(i) == words.form(i - len(forms)) == form


def test_ambiguous_multiwords_follow_their_table() -> None:
    never = Tokenizer(cutting(make_spec(), cut=False, multiword=False), NO_WEIGHTS)
    assert never("its des don't").forms() == ["its", "des", "do", "n't"]


@pytest.mark.parametrize("space", [" ", "\u00a0", "\u202f"])
def test_grouped_digits_are_one_token_where_the_language_says_so(space: str) -> None:
    number = f"1{space}234{space}567"
    grouped = Tokenizer(cutting(make_spec(grouped_digits=True), cut=True), NO_WEIGHTS)
    assert tokens(grouped(f"{number} 12 34 1234 567")) == [number, "12", "34", "1234", "567"]
    assert tokens(CUT(number)) == ["1", "234", "567"]


def test_blank_lines_end_sentences_and_single_breaks_are_left_to_the_weights() -> None:
    text = "a b\nc\r\nd\r\n\r\ne\n \t\nf\rg\r\rh"
    assert sentences(CUT(text)) == [["a", "b", "c", "d"], ["e"], ["f", "g"], ["h"]]
    everywhere = Tokenizer(cutting(make_spec(closed=[]), cut=True, boundary=True), NO_WEIGHTS)
    assert sentences(everywhere("a b\nc")) == [["a"], ["b"], ["c"]]


def test_closed_places_never_end_a_sentence() -> None:
    closed = Tokenizer(cutting(make_spec(), cut=True, boundary=True), NO_WEIGHTS)
    assert sentences(closed("word word Word word.")) == [["word", "word"], ["Word"], ["word"], ["."]]


def test_lines_are_sentences_when_asked() -> None:
    everywhere = Tokenizer(cutting(make_spec(), cut=True, boundary=True), NO_WEIGHTS)
    text = "one. Two\n\n \nthree\r\nfour five"
    assert sentences(everywhere(text, lines=True)) == [["one", ".", "Two"], ["three"], ["four", "five"]]


def test_space_after_and_offsets_are_in_code_points() -> None:
    text = "\U0001f600 caf\u00e9, don't\u00a0\u65e5 x."
    words = CUT(text)
    assert tokens(words) == ["\U0001f600", "café", ",", "don", "'", "t", "日", "x", "."]
    assert words.space_after.tolist() == [1, 0, 1, 0, 0, 1, 1, 0, 1]
    assert words.token_start.tolist() == [0, 2, 6, 8, 11, 12, 14, 16, 17]
    assert WHOLE(text).start.tolist()[1:4] == [2, 8, 10]


def test_lone_surrogates_become_replacement_characters_and_keep_the_offsets() -> None:
    words = CUT("a \ud800\U0001f44d b\udfff")
    assert words.text == "a \ufffd\U0001f44d b\ufffd"
    assert words.token_start.tolist() == [0, 2, 3, 5, 6]


def test_long_sentences_are_cut_and_flagged() -> None:
    words = CUT("word " * 100_000)
    assert np.diff(words.sentences).tolist() == [10_000] * 10
    assert words.split.tolist() == [1] * 9 + [0]
    three = Tokenizer(cutting(make_spec(max_sentence=3), cut=False), NO_WEIGHTS)
    cut = three("a b don't c. \n\n gonna gonna")
    assert sentences(cut) == [["a", "b"], ["do", "n't", "c."], ["gon", "na"], ["gon", "na"]]
    assert cut.split.tolist() == [1, 0, 1, 0]


LONG = {
    "words": ["a", "\u65e5", "n't", "U.", "a.b-", "a(", '"a', "*a "],
    "signs": [".", "(", "'", "@", "\x00", "(\n"],
    "spaces": ["\n", "\r", " ", "\u3000 ", "1 ", "000 "],
    "addresses": ["a@", "x@", "x@y.z", "www.a", "http://", ".com"],
    "marks": ["\u0301", "\u200d", "\ufe0f", "1\ufe0f\u20e3", "\U0001f469\u200d", "\U0001f1e9"],
}


@pytest.mark.parametrize("piece", [piece for pieces in LONG.values() for piece in pieces])
@pytest.mark.parametrize("joint", ["", "b"])
def test_megabytes_of_anything_take_linear_time(piece: str, joint: str) -> None:
    """Quadratic work on a megabyte would run into the timeout of the tests by far."""
    spec = make_spec(grouped_digits=True, closed=[])
    text = (piece + joint) * (1_000_000 // len((piece + joint).encode()))
    words = Tokenizer(spec, random_weights(spec, 3))(text)
    assert words.text == text
    assert words.sentences[-1] == len(words)
    assert (words.token_end - words.token_start).sum() <= len(text)


def test_four_threads_share_one_tokenizer() -> None:
    spec = make_spec(closed=[])
    tokenizer = Tokenizer(spec, random_weights(spec, 5))
    texts = [f"Don't stop {i}, it's the U.S. \U0001f44d (really)! See a.b@c.org.\n\n" * 200 for i in range(4)]
    expected = [tokenizer(text) for text in texts]
    results: list[list[Words]] = [[] for _ in texts]

    def work(k: int) -> None:
        results[k] = [tokenizer(text) for text in texts[k:] + texts[:k]]

    threads = [threading.Thread(target=work, args=(k,)) for k in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k, found in enumerate(results):
        for words, other in zip(found, expected[k:] + expected[:k], strict=True):
            assert words.forms() == other.forms()
            assert words.sentences.tolist() == other.sentences.tolist()


def test_columns_are_read_only_and_outlive_their_words() -> None:
    words = CUT("é one two")
    start = words.start
    del words
    assert start.tolist() == [0, 2, 6]
    with pytest.raises(ValueError, match="read-only"):
        start[0] = 1


def test_given_sentences() -> None:
    words = Words.from_sentences([["I", "saw", "é"], [], ["two words", "."]])
    assert words.text == "I saw é\n\ntwo words ."
    assert sentences(words) == [["I", "saw", "é"], [], ["two words", "."]]
    assert words.start.tolist() == [0, 2, 6, 9, 19]
    assert len(Words.from_sentences([])) == 0


def test_given_tokens_with_multiword_ranges() -> None:
    given = [
        [("Don't", ["Do", "n't"], True), ("du", ["de", "le"], False), (".", [], True)],
        [("x", ["x"], True)],
    ]
    words = words_of_tokens(given)
    assert words.text == "Don't du.\nx"
    assert words.forms() == ["Do", "n't", "de", "le", ".", "x"]
    assert words.token.tolist() == [0, 0, 1, 1, 2, 3]
    assert words.start.tolist() == [0, 2, 6, 6, 8, 10]
    assert words.end.tolist() == [2, 5, 8, 8, 9, 11]
    assert words.space_after.tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("given", [[[""]], [["a", 1]], ["ab"], [[("a", [], True)]]])
def test_given_sentences_of_another_kind_are_refused(given: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        Words.from_sentences(given)


@pytest.mark.parametrize("given", [[["a"]], [[("a", ["b"])]], [[("", [], True)]], [[("a", "bc", True)]]])
def test_given_tokens_of_another_kind_are_refused(given: Any) -> None:
    with pytest.raises(InputError):
        words_of_tokens(given)


def test_text_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="str or bytes"):
        CUT(3)  # type: ignore[arg-type]


def _with_features(n: int) -> dict[str, Any]:
    spec = make_spec()
    spec["tables"]["cut"]["features"] = n
    return spec


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (make_spec(version=2), "version"),
        ({k: v for k, v in make_spec().items() if k != "endings"}, "lacks endings"),
        (make_spec(other=1), "unknown entries: other"),
        (make_spec(max_sentence=0), "max_sentence"),
        (make_spec(max_sentence="x"), "max_sentence"),
        (make_spec(abbreviations=["mr"]), "point"),
        (make_spec(endings="com"), "endings"),
        (make_spec(suffixes={"x": [1, 2]}), "suffixes"),
        (make_spec(multiwords={"a": ["a"]}), "two words"),
        (make_spec(closed=[1 << 20]), "closed"),
        (make_spec(tables={}), "tables"),
        (_with_features(3), "train it again"),
    ],
)
def test_specifications_that_do_not_fit_are_refused(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(BundleError, match=message):
        load_tokenizer(spec, np.zeros(192, np.int8))


@pytest.mark.parametrize("weights", [np.zeros(191, np.int8), np.zeros(192, np.uint8), np.zeros((1, 192), np.int8)])
def test_weights_that_do_not_fit_are_refused(weights: Any) -> None:
    with pytest.raises(BundleError, match="weights"):
        load_tokenizer(make_spec(), weights)


def test_specifications_survive_json() -> None:
    spec = make_spec()
    weights = random_weights(spec, 1)
    again = load_tokenizer(json.loads(json.dumps(spec)), weights)
    assert again("It's du U.S.").forms() == load_tokenizer(spec, weights)("It's du U.S.").forms()
