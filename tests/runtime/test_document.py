"""Views over a document: sentences, words, multiword tokens, columns, dictionaries."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import posmoe
from posmoe import _core

TEXT = "I don't gonna see the dog.\n\nMr. Wörld 👩‍👩‍👧 saw it"


@pytest.fixture(scope="module")
def document(nlp: posmoe.Parser) -> posmoe.Document:
    return nlp(TEXT)


def test_sentences_and_words_point_into_the_text(document: posmoe.Document) -> None:
    assert len(document) == 2
    first, second = document
    assert first.text == "I don't gonna see the dog."
    assert second.text == TEXT[second.start : second.end] == "Mr. Wörld 👩‍👩‍👧 saw it"
    assert document[1] == second
    assert document[-1] == second
    assert document[:1] == [first]
    assert first != second
    with pytest.raises(IndexError):
        document[2]
    for sentence in document:
        assert [token.index for token in sentence] == list(range(1, len(sentence) + 1))
        assert sentence[0].sentence is sentence
        assert sentence.root.head == 0


def test_words_of_a_multiword_token(document: posmoe.Document) -> None:
    first = document[0]
    words = [(t.text, t.multiword.text if t.multiword else None, t.space_after) for t in first][:6]
    assert words == [
        ("I", None, True),
        ("do", "don't", False),
        ("n't", "don't", True),
        ("gon", "gonna", False),
        ("na", "gonna", True),
        ("see", None, True),
    ]
    assert [(m.text, m.first, m.last) for m in first.multiwords] == [("don't", 2, 3), ("gonna", 4, 5)]
    assert TEXT[first[1].start : first[1].end] == "do"
    assert document[1].multiwords == []


def test_children_are_those_whose_head_it_is(document: posmoe.Document) -> None:
    for sentence in document:
        for token in sentence:
            assert all(child.head == token.index for child in token.children)
        assert sum(len(token.children) for token in sentence) == len(sentence) - 1
        assert len({*sentence}) == len(sentence)
        assert sentence[0] == sentence.document[sentence.index][0]


def test_arrays_hold_what_the_views_show(document: posmoe.Document) -> None:
    arrays = document.arrays()
    words = [token for sentence in document for token in sentence]
    assert arrays.sentences.tolist() == [0, len(document[0]), len(words)]
    assert arrays.heads.tolist() == [word.head for word in words]
    assert [arrays.tags[at] for at in arrays.upos] == [word.upos for word in words]
    assert [arrays.labels[at] for at in arrays.deprels] == [word.deprel for word in words]
    assert arrays.start.tolist() == [word.start for word in words]
    assert arrays.end.tolist() == [word.end for word in words]
    assert arrays.heads.dtype == np.int32


def test_arrays_are_read_only_and_compare_by_identity(document: posmoe.Document) -> None:
    arrays = document.arrays()
    for column in (arrays.upos, arrays.heads, arrays.deprels, arrays.start, arrays.end, arrays.sentences):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1
    assert arrays == document.arrays()
    assert len({arrays, document.arrays()}) == 1


@pytest.mark.parametrize("copied", [lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy])
def test_documents_sentences_and_words_are_copied_whole(nlp: posmoe.Parser, copied: Callable[[Any], Any]) -> None:
    for document in (nlp(TEXT), nlp(""), nlp.parse_tokens([["a", "\u00e9t\u00e9"]])):
        same = copied(document)
        assert same.to_dict() == document.to_dict()
        assert same.to_conllu() == document.to_conllu()
        assert nlp.rank(same, 2) == nlp.rank(document, 2)
        assert (same.text, same.cut, same.arrays().tags) == (document.text, document.cut, document.arrays().tags)
        with pytest.raises(ValueError, match="read-only"):
            same.arrays().heads[:] = 0
    sentences = copied(list(nlp(TEXT)))
    assert sentences[0].document is sentences[1].document
    token = copied(nlp(TEXT)[1][2])
    assert token == token.sentence[2]
    assert repr(token) == repr(nlp(TEXT)[1][2])
    tokens = copied([*nlp(TEXT)[0]])
    assert tokens[0].sentence is tokens[1].sentence


def test_a_state_that_is_not_whole_is_refused(nlp: posmoe.Parser) -> None:
    words = nlp(TEXT).analysis.words
    text, forms, columns = words.__getstate__()
    with pytest.raises(ValueError, match="columns of the state don't fit together"):
        _core.Words.__new__(_core.Words).__setstate__((text, forms, [columns[0][:-4], *columns[1:]]))
    for at in (0, 2, 4, 7):  # starts, tokens, starts of tokens, sentences
        outside = [column if i != at else b"\xff" * 4 + column[4:] for i, column in enumerate(columns)]
        with pytest.raises(ValueError, match="columns of the state don't fit together"):
            _core.Words.__new__(_core.Words).__setstate__((text, forms, outside))


def test_dictionaries_are_json(document: posmoe.Document) -> None:
    value = document.to_dict()
    assert json.loads(json.dumps(value)) == value
    assert value["text"] == TEXT
    first = value["sentences"][0]
    assert first["multiwords"][0] == {"first": 2, "last": 3, "text": "don't", "start": 2, "end": 7}
    assert {"id", "text", "start", "end", "upos", "head", "deprel", "space_after"} == set(first["tokens"][0])


def test_representations_are_short(document: posmoe.Document) -> None:
    assert repr(document) == f"<Document of 2 sentences, {len(document.arrays().heads)} words>"
    assert repr(document[0]).startswith("<Sentence 0 \"I don't")
    assert repr(document[0][0]).startswith("<Token 1 'I' ")
