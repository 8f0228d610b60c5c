"""posmoe's tokeniser in spaCy: no character lost, and the parser's own words and sentences."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.errors import InputError
from tests.bundles import manifest, tiny_bundle

spacy = pytest.importorskip("spacy", reason="needs spaCy, the extra `spacy`")
from posmoe.spacy import Tokenizer  # noqa: E402


@pytest.fixture(scope="module")
def english() -> Any:
    """A pipeline of the packaged model's tokeniser and parser."""
    nlp = spacy.blank("en", config={"nlp": {"tokenizer": {"@tokenizers": "posmoe.Tokenizer.v1"}}})
    nlp.add_pipe("posmoe")
    return nlp


@pytest.fixture(scope="module")
def parser() -> posmoe.Parser:
    return posmoe.load()


# To Python, and so to spaCy, separators of files and records are white space; to Universal Dependencies they are not.
SEPARATORS = "\x1c\x1d\x1e\x1f"
ANY = st.text(st.characters(exclude_characters=SEPARATORS, exclude_categories=["Cs"]))


@given(ANY | st.text(alphabet="I don't. cannot\n\r\t  \xa0🙂10 000"))
@example(" I don't  know.\n\nYes. ")
@settings(max_examples=150, deadline=None)
def test_texts_are_kept_and_cut_and_parsed_as_the_parser_does(english: Any, parser: posmoe.Parser, text: str) -> None:
    doc, expected = english(text), parser(text)
    assert doc.text == text
    assert [sentence.start for sentence in expected] == [
        next(token.idx for token in sentence if not token.is_space)
        for sentence in doc.sents
        if any(not token.is_space for token in sentence)
    ]
    words = [word for sentence in expected for word in sentence]
    tokens = [token for token in doc if not token.is_space]
    assert [token.text for token in tokens] == [word.text for word in words]
    assert [token.pos_ for token in tokens] == [word.upos for word in words]
    assert [token.dep_ for token in tokens] == ["ROOT" if word.head == 0 else word.deprel for word in words]


@given(st.text(alphabet=SEPARATORS + "ab. \n"))
@settings(max_examples=50, deadline=None)
def test_separators_are_kept(english: Any, text: str) -> None:
    doc = english(text)
    assert doc.text == text
    assert [token for sentence in doc.sents for token in sentence] == list(doc)


def test_white_space_is_as_in_spacys_own(english: Any) -> None:
    own = spacy.blank("en")
    for text in (" a  b\n\nc ", "a\n b", "\n", "", "a", " ", "  \n a"):
        assert [(t.text, t.whitespace_) for t in english.make_doc(text)] == [(t.text, t.whitespace_) for t in own(text)]


def test_words_that_are_no_parts_of_their_token_leave_it_whole(tmp_path: Path) -> None:
    tokenizer = {**manifest(100)["tokenizer"], "multiwords": {"du": ["de", "le"], "dont": ["do", "nt"]}}
    path = tiny_bundle(tmp_path / "own", tokenizer=tokenizer)
    assert [word.text for word in posmoe.load(path)("du dont")[0]] == ["de", "le", "do", "nt"]
    nlp = spacy.blank("en")
    nlp.tokenizer = Tokenizer(nlp.vocab, str(path))
    nlp.add_pipe("posmoe", config={"model": str(path)})
    doc = nlp("du dont")
    assert [token.text for token in doc] == ["du", "do", "nt"]
    assert doc.text == "du dont"
    assert doc.has_annotation("DEP", require_complete=True)


def test_sentences_may_be_left_to_others(tiny: Path) -> None:
    nlp = spacy.blank("en")
    assert Tokenizer(nlp.vocab, str(tiny))("A b. C d.").has_annotation("SENT_START")
    assert not Tokenizer(nlp.vocab, str(tiny), sentences=False)("A b. C d.").has_annotation("SENT_START")


def test_lone_surrogates_and_what_is_no_text(english: Any) -> None:
    assert english("a \ud800b").text == "a \ufffdb"
    with pytest.raises(InputError, match="expected a text as str, got int"):
        english.tokenizer(5)
