"""The treebank reader: what it keeps, what it leaves out, and what it refuses."""

import gzip
import lzma
from pathlib import Path

import pytest

from posmoe.evaluation.treebank import (
    Sentence,
    Token,
    TreebankError,
    parse_treebank,
    raw_text,
    read_treebank,
    to_conllu,
)
from tests.paths import shared


def rows(*words: str) -> str:
    """CoNLL-U lines from `ID FORM UPOS HEAD DEPREL [MISC]`."""
    lines = []
    for word in words:
        name, form, upos, head, deprel, *misc = word.split()
        lines.append("\t".join([name, form, "_", upos, "_", "_", head, deprel, "_", *(misc or ["_"])]))
    return "\n".join(lines) + "\n\n"


GOOD = "# newdoc id = a\n# sent_id = s1\n# newpar\n# text = I don't.\n" + rows(
    "1 I PRON 2 nsubj",
    "2-3 don't _ _ _ SpaceAfter=No",
    "2 do VERB 0 root",
    "2.1 leave VERB _ _",
    "3 n't PART 2 advmod:neg",
    "4 . PUNCT 2 punct Note=1|SpaceAfter=No",
)


def one(text: str) -> Sentence:
    (sentence,) = parse_treebank(text.split("\n"), "x.conllu")
    return sentence


def test_reads_words_tokens_and_marks() -> None:
    assert one(GOOD) == Sentence(
        forms=["I", "do", "n't", "."],
        upos=["PRON", "VERB", "PART", "PUNCT"],
        heads=[2, 0, 2, 2],
        deprels=["nsubj", "root", "advmod:neg", "punct"],
        tokens=[Token("I", 0, 1), Token("don't", 1, 3, False), Token(".", 3, 4, False)],
        sent_id="s1",
        text="I don't.",
        newdoc=True,
        newpar=True,
    )


def test_text_is_made_from_the_tokens_where_it_is_missing() -> None:
    assert one(GOOD.replace("# text = I don't.\n", "")).text == "I don't."


def test_written_sentences_read_back_the_same() -> None:
    assert one(to_conllu(one(GOOD))) == one(GOOD)


@pytest.mark.parametrize("suffix", ["", ".xz", ".gz"])
def test_reads_packed_files_byte_order_marks_and_crlf(tmp_path: Path, suffix: str) -> None:
    data = ("\ufeff" + GOOD.replace("\n", "\r\n") + GOOD.rstrip("\n")).encode()
    path = tmp_path / f"x.conllu{suffix}"
    path.write_bytes({"": data, ".xz": lzma.compress(data), ".gz": gzip.compress(data)}[suffix])
    assert read_treebank(path) == [one(GOOD), one(GOOD)]


def test_raw_text_joins_sentences_and_parts_paragraphs() -> None:
    first = one(rows("1 Hi INTJ 0 root SpaceAfter=No"))  # no space before the next sentence
    second = one(rows("1 you PRON 0 root"))
    third = one("# newpar\n" + rows("1 Bye INTJ 0 root"))
    assert raw_text([first, second, second, third]) == "Hiyou you\n\nBye\n"
    assert raw_text([]) == ""


ROOT = "1 a X 0 root"
BAD = {
    "columns": ("1\ta\n\n", 1, "10 columns", "2"),
    "spaces for tabs": (rows(ROOT).replace("\t", " "), 1, "10 columns", "1:"),
    "empty column": (rows(ROOT).replace("root", ""), 1, "no empty column", "8"),
    "no words": ("# text = a\n\n", 2, "a word", "the end"),
    "ID": (rows("x a X 0 root"), 1, "an ID", "'x'"),
    "empty node": (rows("1.x a X 0 root"), 1, "an ID", "'1.x'"),
    "order": (rows(ROOT, "3 b X 1 dep"), 2, "the word 2", "'3'"),
    "range": (rows("1-x ab _ _ _", ROOT), 1, "a range", "'1-x'"),
    "range backwards": (rows("1-0 ab _ _ _", ROOT), 1, "a range that starts at 1", "'1-0'"),
    "range late": (rows(ROOT, "1-2 ab _ _ _"), 2, "a range that starts at 2", "'1-2'"),
    "range in range": (rows("1-2 ab _ _ _", "1-2 ab _ _ _"), 2, "the words up to 2", "'1-2'"),
    "range cut": (rows("1-2 ab _ _ _", ROOT), 1, "the words 1 to 2", "1 words"),
    "UPOS": (rows("1 a NN 0 root"), 1, "17 UPOS", "'NN'"),
    "head missing": (rows("1 a X _ root"), 1, "a head", "'_'"),
    "head out of range": (rows(ROOT, "2 b X 3 dep"), 2, "a head from 0 to 2", "3"),
    "relation": (rows("1 a X 0 _"), 1, "a relation", "'_'"),
    "roots": (rows(ROOT, "2 b X 0 root"), 2, "one root", "a second one; the first is the word 1"),
    "own head": (rows("1 a X 1 dep"), 1, "a tree", "the cycle 1 → 1"),
    "cycle": (rows(ROOT, "2 b X 3 dep", "3 c X 4 dep", "4 d X 3 dep"), 3, "a tree", "the cycle 3 → 4 → 3"),
    "text": ("# text = b\n" + rows(ROOT), 2, "the tokens of the text 'b'", "'a'"),
}


@pytest.mark.parametrize("case", BAD)
def test_refuses(case: str) -> None:
    text, line, expected, found = BAD[case]
    with pytest.raises(TreebankError) as caught:
        one(text)
    error = caught.value
    assert isinstance(error, ValueError)
    assert (error.file, error.line) == ("x.conllu", line)
    assert expected in error.expected
    assert found in error.found
    assert str(error) == f"x.conllu:{line}: expected {error.expected}, found {error.found}."


def test_refuses_what_is_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "x.conllu"
    path.write_bytes(b"# text = a\n# text = \xff\n")
    with pytest.raises(TreebankError, match=r"x\.conllu:2: expected UTF-8, found the byte 0xff"):
        read_treebank(path)


@pytest.mark.parametrize(
    ("part", "sentences", "words", "multiword"),
    [("dev", 2001, 25147, 359), ("train", 12544, 204577, 2614)],
)
def test_ewt_has_the_published_counts(part: str, sentences: int, words: int, multiword: int) -> None:
    treebank = read_treebank(shared("data", "ewt", f"{part}.conllu.xz"))
    ranges = sum(token.end - token.start > 1 for s in treebank for token in s.tokens)
    assert (len(treebank), sum(map(len, treebank)), ranges) == (sentences, words, multiword)
    assert list(parse_treebank("".join(map(to_conllu, treebank)).split("\n"))) == treebank
