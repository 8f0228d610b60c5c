"""The parser: texts and tokens in, documents out, in order, on one thread and on several."""

import itertools
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.document import Document
from posmoe.errors import DecodeError, InputError, LongSentenceWarning
from posmoe.pieces import count_long
from tests.bundles import LABELS, TAGS, tiny_bundle


def is_tree(heads: list[int]) -> bool:
    """Whether heads (0 the root, else from 1) form one tree with one child of the root."""
    for word in range(1, len(heads) + 1):
        for _ in heads:
            if word:
                word = heads[word - 1]
        if word:
            return False
    return heads.count(0) == 1


def check(document: Document) -> None:
    for sentence in document:
        assert is_tree([token.head for token in sentence])
        assert [token.deprel == "root" for token in sentence] == [token.head == 0 for token in sentence]
        assert all(token.upos in TAGS and token.deprel in LABELS for token in sentence)
        for token in sentence:
            assert sentence.start <= token.start < token.end <= sentence.end
            if token.multiword is None:
                assert document.text[token.start : token.end] == token.text


@given(st.text(max_size=60))
@example("")
@example(" \n\t ")
@example("\x00\x01\x1b[31m a\x7f")
@example("\ud800 lone \udfff")
@example("a\u200bb \u202eabc\u202c \ufeff")
@example("👩‍👩‍👧‍👦 🇦🇶 é e\u0301")
@example("\x85\u2028\u2029\x1c\x0b\x0c")
@settings(max_examples=150, deadline=None)
def test_any_text_gives_trees(nlp: posmoe.Parser, text: str) -> None:
    document = nlp(text)
    assert len(document.text) == len(text)
    check(document)
    covered: set[int] = set()
    for sentence in document:
        for token in sentence:
            covered.update(range(token.start, token.end))
    assert all(place in covered or character.isspace() for place, character in enumerate(document.text))


@pytest.mark.parametrize("text", ["", " ", "\n\n \t"])
def test_blank_text_is_an_empty_document(nlp: posmoe.Parser, text: str) -> None:
    document = nlp(text)
    assert len(document) == 0
    assert document.to_conllu() == ""
    assert document.to_dict() == {"text": text, "sentences": []}


@pytest.mark.parametrize("text", [b"bytes", None, 3, ["a"]])
def test_what_is_no_text_is_refused(nlp: posmoe.Parser, text: str) -> None:
    with pytest.raises(InputError, match="expected a text as str, got"):
        nlp(text)


def test_a_token_of_a_megabyte(nlp: posmoe.Parser) -> None:
    document = nlp("x" * 1_000_000 + " y")
    assert [len(token.text) for token in document[0]] == [1_000_000, 1]


def test_a_long_sentence_of_a_text_is_cut_with_a_warning(tmp_path: Path) -> None:
    nlp = posmoe.load(tiny_bundle(tmp_path / "x", max_sentence=10))
    with pytest.warns(
        LongSentenceWarning, match="a sentence was longer than the model's bound of 10 words and cut there"
    ) as caught:
        document = nlp("word " * 25)
    assert caught[0].filename == __file__
    assert [len(sentence) for sentence in document] == [10, 10, 5]
    check(document)
    with pytest.warns(LongSentenceWarning):
        assert len(next(nlp.pipe(["word " * 25]))) == 3


def test_a_long_given_sentence_stays_one_tree(tmp_path: Path) -> None:
    nlp = posmoe.load(tiny_bundle(tmp_path / "x", max_sentence=10))
    sentences = [["a"] * 25, ["b"] * 10, ["c"] * 11]
    with pytest.warns(LongSentenceWarning, match="2 sentences were longer than the model's bound of 10 words"):
        document = nlp.parse_tokens(sentences)
    assert [[token.text for token in sentence] for sentence in document] == sentences
    check(document)


@pytest.mark.filterwarnings("ignore::posmoe.errors.LongSentenceWarning")
def test_a_sentence_of_100_000_words(nlp: posmoe.Parser) -> None:
    assert [len(sentence) for sentence in nlp("word " * 100_000)] == [10_000] * 10
    document = nlp.parse_tokens([["word"] * 100_000])
    assert np.count_nonzero(document.arrays().heads == 0) == 1


def test_given_tags_are_kept_and_used(nlp: posmoe.Parser) -> None:
    sentences = [["I", "saw", "it"], ["dogs"]]
    document = nlp.parse_tokens(sentences, upos=[["PRON", None, "NUM"], ["X"]])
    tags = [[token.upos for token in sentence] for sentence in document]
    assert (tags[0][0], tags[0][2], tags[1][0]) == ("PRON", "NUM", "X")
    assert tags[0][1] == nlp.parse_tokens(sentences)[0][1].upos


@pytest.mark.parametrize(
    ("sentences", "upos", "why"),
    [
        ([["a"], []], None, "sentence 1: expected at least one word"),
        ([["a", ""]], None, "sentence 0, word 1: expected a word, got ''"),
        ([["a", " \n"]], None, "sentence 0, word 1"),
        ([["a", None]], None, "sentence 0, word 1: expected a word, got None"),
        (["ab"], None, "sentence 0: expected a list of words, got str"),
        ([3], None, "got int"),
        (3, None, "expected a list of sentences, got int"),
        ("ab", None, "expected a list of sentences, got str"),
        ([{"a": 1}], None, "sentence 0: expected a list of words, got dict"),
        ([np.array("a")], None, "sentence 0: expected a list of words, got ndarray"),
        ([["a"]], [None], "sentence 0: expected a list of 1 tags, got NoneType"),
        ([["a"]], 3, "a list of tags for every sentence, got int"),
        ([["a"]], [[["X"]]], "sentence 0, word 0: expected a tag or None, got .'X'."),
        ([["a"]], [["NOUN"], ["X"]], "tags for 1 sentences, got 2"),
        ([["a"]], [["NOUN", "X"]], "list of 1 tags"),
        ([["a"]], ["X"], "list of 1 tags"),
        ([["a"]], [["NOPE"]], "one of the model's tags ADJ.*got 'NOPE'"),
    ],
)
def test_bad_tokens_are_refused(
    nlp: posmoe.Parser, sentences: list[list[str]], upos: list[list[str | None]] | None, why: str
) -> None:
    with pytest.raises(InputError, match=why):
        nlp.parse_tokens(sentences, upos)


def test_words_with_surrogates_tabs_and_spaces(nlp: posmoe.Parser) -> None:
    document = nlp.parse_tokens([["a\tb", "New York", "\ud800"]])
    assert [token.text for token in document[0]] == ["a\tb", "New York", "\ufffd"]
    assert [line.split("\t")[1] for line in document.to_conllu().splitlines()[2:5]] == [
        "a b",
        "New York",
        "\ufffd",
    ]


TEXTS = [f"I saw dog {number}. Don't go!\n\n{'word ' * (number % 7)}" for number in range(40)] + ["", " "]


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (7, 1), (64, 1), (1, 3), (5, 4)])
def test_pipe_keeps_order_and_boundaries(nlp: posmoe.Parser, batch_size: int, threads: int) -> None:
    expected = [nlp(text).to_conllu() for text in TEXTS]
    got = [document.to_conllu() for document in nlp.pipe(TEXTS, batch_size, threads)]
    assert got == expected


@pytest.mark.parametrize(("batch_size", "threads"), [(1, 1), (8, 1), (4, 2)])
def test_pipe_takes_endless_streams_and_looks_ahead_by_a_bound(
    nlp: posmoe.Parser, batch_size: int, threads: int
) -> None:
    taken = 0

    def endless() -> Iterator[str]:
        nonlocal taken
        for taken in itertools.count(1):
            yield f"text {taken}"

    documents = nlp.pipe(endless(), batch_size, threads)
    for number, document in enumerate(itertools.islice(documents, 50), 1):
        assert document.text == f"text {number}"
        assert taken <= number + 2 * threads * batch_size
    assert taken < 50 + 2 * threads * batch_size + 1


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 64])
def test_an_exception_comes_after_the_documents_before_it(nlp: posmoe.Parser, threads: int, batch_size: int) -> None:
    def broken() -> Iterator[str]:
        yield from ("one", "two", "three")
        raise KeyError("source")

    documents = nlp.pipe(broken(), batch_size, threads)
    assert [next(documents).text for _ in range(3)] == ["one", "two", "three"]
    with pytest.raises(KeyError, match="source"):
        next(documents)
    texts: list[str] = ["one", "two", 3, "four"]  # type: ignore[list-item]
    documents = nlp.pipe(texts, batch_size, threads)
    assert [next(documents).text for _ in range(2)] == ["one", "two"]
    with pytest.raises(InputError, match="got int"):
        next(documents)


def test_a_request_that_fails_takes_none_of_its_neighbours_along(nlp: posmoe.Parser) -> None:
    from posmoe.request import tokens_request

    requests = [tokens_request([[word]], [[tag]]) for word, tag in (("a", "X"), ("b", "X"), ("c", "NOPE"))]
    documents = nlp.run(requests, batch_size=10)
    assert [next(documents).text for _ in range(2)] == ["a", "b"]
    with pytest.raises(InputError, match="NOPE"):
        next(documents)


def test_leaving_a_pipe_early_stops_its_threads(nlp: posmoe.Parser) -> None:
    before = threading.active_count()
    documents = nlp.pipe((f"text {number}" for number in itertools.count()), 1, threads=2)
    next(documents)
    del documents
    assert threading.active_count() == before


@pytest.mark.parametrize(("batch_size", "threads"), [(0, 1), (1, 0)])
def test_pipe_refuses_sizes_below_one(nlp: posmoe.Parser, batch_size: int, threads: int) -> None:
    with pytest.raises(InputError, match=r"a whole number from 1 to \d+, got 0"):
        nlp.pipe(["a"], batch_size, threads)


@pytest.mark.parametrize("texts", ["abc", b"abc", 3, None])
def test_pipe_refuses_what_is_no_stream_of_texts(nlp: posmoe.Parser, texts: Any) -> None:
    with pytest.raises(InputError, match=f"expected an iterable of texts, got {type(texts).__name__}"):
        nlp.pipe(texts)


@pytest.mark.parametrize(
    "value", [1.5, "a", None, -1, 10**20, 10**5000], ids=lambda value: f"{value!s:.4}" if value != 10**5000 else "vast"
)
def test_whole_numbers_are_checked(nlp: posmoe.Parser, value: Any) -> None:
    expected = "to be a whole number from 1 to"
    for call in (
        lambda: nlp.k_best(["a"], value),
        lambda: nlp.rank(nlp("a"), value),
        lambda: nlp.pipe(["a"], batch_size=value),
        lambda: nlp.pipe(["a"], threads=value),
        lambda: posmoe.load(nlp.bundle.path, threads=value),
    ):
        with pytest.raises(InputError, match=expected):
            call()
    assert len(nlp.k_best(["a", "b"], np.int64(1))) == 1  # type: ignore[arg-type]


def test_rows_of_an_array_are_sentences(nlp: posmoe.Parser) -> None:
    words, tags = [["I", "saw"], ["no", "dogs"]], [["PRON", "VERB"], ["DET", "NOUN"]]
    document = nlp.parse_tokens(np.array(words), upos=np.array(tags))
    assert document.to_conllu() == nlp.parse_tokens(words, upos=tags).to_conllu()
    assert nlp.k_best(np.array(words[0]), 2) == nlp.k_best(words[0], 2)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_closed_pipe_stops_its_threads(nlp: posmoe.Parser, threads: int) -> None:
    before = threading.active_count()
    documents = nlp.pipe((f"text {number}" for number in itertools.count()), 1, threads)
    next(documents)
    documents.close()
    assert threading.active_count() == before
    with pytest.raises(StopIteration):
        next(documents)


def test_one_parser_serves_many_threads(nlp: posmoe.Parser) -> None:
    expected = [nlp(text).to_conllu() for text in TEXTS]
    with ThreadPoolExecutor(6) as pool:
        for _ in range(3):
            assert list(pool.map(lambda text: nlp(text).to_conllu(), TEXTS)) == expected


def test_k_best_trees_are_ranked(nlp: posmoe.Parser) -> None:
    words = ["I", "saw", "the", "dog"]
    trees = nlp.k_best(words, 1000)
    assert all(is_tree(tree.heads) for tree in trees)
    assert len({tuple(tree.heads) for tree in trees}) == len(trees) == 64  # 4 ** 3 rooted trees of four words
    probabilities = [tree.probability for tree in trees if tree.probability is not None]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    best = nlp.parse_tokens([words])[0]
    assert trees[0].heads == [token.head for token in best]
    assert trees[0].deprels == [token.deprel for token in best]
    assert nlp.k_best(words, 2) == trees[:2]
    with pytest.raises(DecodeError, match="at most 4096 words, got 5000"):
        nlp.k_best(["word"] * 5000, 2)
    with pytest.raises(InputError, match="k to be a whole number from 1 to 1000000, got 0"):
        nlp.k_best(words, 0)


def test_a_sentence_too_long_to_rank_has_its_best_tree_alone(nlp: posmoe.Parser) -> None:
    document = nlp.parse_tokens([["a", "b"], ["word"] * 4097, ["c", "d", "e"], ["word"] * 4098])
    with pytest.warns(LongSentenceWarning, match=r"2 sentence.*the first is sentence 1 of 4097 words") as caught:
        trees = nlp.rank(document, 2)
    assert caught[0].filename == __file__
    assert [len(ranked) for ranked in trees] == [2, 1, 2, 1]
    assert [ranked[0].probability is None for ranked in trees] == [False, True, False, True]
    for ranked, sentence in zip(trees, document, strict=True):
        assert (ranked[0].heads, ranked[0].deprels) == sentence.tree()
    assert [tree.heads for tree in trees[2]] == [tree.heads for tree in nlp.k_best(["c", "d", "e"], 2)]


def test_load_refuses_bad_options(tiny: Path) -> None:
    with pytest.raises(InputError, match="threads to be a whole number from 1 to 4096, got 0"):
        posmoe.load(tiny, threads=0)
    for name in (3, b"en-edge"):
        with pytest.raises(InputError, match="expected a model's name or a bundle's path"):
            posmoe.load(name)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="backend to be the name of an engine"):
        posmoe.load(tiny, backend=["auto"])  # type: ignore[arg-type]


def test_representations_are_short(nlp: posmoe.Parser) -> None:
    assert repr(nlp) == "<Parser of tiny 0.0.1 on onnxruntime>"
    assert repr(nlp.bundle) == f"<Bundle tiny 0.0.1 at {nlp.bundle.path}>"
    assert nlp.bundle == nlp.bundle
    assert len({nlp.bundle, nlp.bundle}) == 1


def test_given_tags_change_no_head(nlp: posmoe.Parser) -> None:
    words = ["I", "saw", "it", "."]
    free, given_ = nlp.parse_tokens([words])[0], nlp.parse_tokens([words], upos=[["X"] * 4])[0]
    assert [token.head for token in free] == [token.head for token in given_]
    assert [token.upos for token in given_] == ["X"] * 4
    assert [tree.heads for tree in nlp.k_best(words, 9)] == [tree.heads for tree in nlp.k_best(words, 9, ["X"] * 4)]


@given(st.lists(st.integers(1, 9), max_size=8), st.integers(1, 4), st.integers(1, 4))
def test_long_sentences_are_counted_once(sizes: list[int], bound: int, lower: int) -> None:
    """Held against sentences of given sizes, cut at the tokeniser's bound as it does."""
    limit = min(bound, lower)
    pieces = [[bound] * ((size - 1) // bound) + [(size - 1) % bound + 1] for size in sizes]
    split = np.array([int(i + 1 < len(row)) for row in pieces for i in range(len(row))], np.uint8)
    offsets = np.cumsum([0, *(piece for row in pieces for piece in row)])
    assert count_long(offsets, split, limit) == sum(size > limit for size in sizes)
