"""Typed use of the public API; mypy checks this file, nothing runs it."""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import posmoe


def use(texts: Iterator[str], path: Path) -> None:
    parser = posmoe.load()
    assert_type(parser, posmoe.Parser)
    assert_type(posmoe.load(path, backend="onnxruntime"), posmoe.Parser)
    document = parser("Hello.")
    assert_type(document, posmoe.Document)
    for sentence in document:
        assert_type(sentence, posmoe.Sentence)
        assert_type((sentence.text, sentence.start, sentence.end), tuple[str, int, int])
        for token in sentence:
            assert_type(token, posmoe.Token)
            assert_type((token.text, token.upos, token.deprel), tuple[str, str, str])
            assert_type((token.start, token.end, token.head), tuple[int, int, int])
            assert_type(token.children, list[posmoe.Token])
            assert_type(token.space_after, bool)
    assert_type(document.to_conllu(), str)
    assert_type(document.to_dict(), dict[str, Any])
    assert_type(document.arrays().heads, NDArray[np.int32])
    assert_type(parser.pipe(texts, batch_size=8, threads=2), Generator[posmoe.Document, None, None])
    assert_type(parser.parse_tokens([["Hello", "."]]), posmoe.Document)
    assert_type(parser.parse_tokens([["Hello", "."]], upos=[["INTJ", "PUNCT"]]), posmoe.Document)
    assert_type(posmoe.__version__, str)
    error: Exception = posmoe.PosmoeError("x")
    raise error


def misuse() -> None:
    posmoe.load(1)  # type: ignore[arg-type]
    posmoe.load()(b"bytes")  # type: ignore[arg-type]
    posmoe.load().parse_tokens(["a string is no sentence of words", 1])  # type: ignore[list-item]
