"""Text in blocks, and strict CoNLL-U."""

import io
import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posmoe.errors import ConlluError
from posmoe.readers.conllu import ConlluSentence, read_conllu
from posmoe.readers.text import TextReader


class Dripping(io.BytesIO):
    """A file that gives a few bytes at a time, as a pipe may."""

    def read1(self, size: int | None = -1, /) -> bytes:
        return self.read(3)


@given(st.text(alphabet="ab .!\n\r\t😀é", max_size=200), st.integers(1, 20), st.integers(0, 40), st.booleans())
@settings(max_examples=200, deadline=None)
def test_blocks_are_the_text(text: str, aim: int, more: int, lines: bool) -> None:
    blocks = list(TextReader(Dripping(text.encode()), lines, aim=aim, limit=aim + more))
    assert "".join(block.text for block in blocks) == text
    place = 0
    for block in blocks:
        assert block.start == place
        assert len(block.text) > 0
        place += len(block.text)


@given(
    st.lists(st.text(alphabet="ab .", min_size=1, max_size=30).filter(str.strip), max_size=20),
    st.integers(1, 50),
)
@settings(max_examples=100, deadline=None)
def test_blocks_end_at_paragraphs(paragraphs: list[str], aim: int) -> None:
    text = "\n\n".join(paragraphs)
    blocks = [block.text for block in TextReader(Dripping(text.encode()), aim=aim, limit=1000)]
    assert all(re.search(r"\n\s*\n\s*\Z", block) for block in blocks[:-1])
    assert all(len(block) <= aim + 3 + max(map(len, paragraphs)) + 2 for block in blocks[:-1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two. Three four five", ["One two. ", "Three four ", "five"]),
        ("aaaa bbbbbbbb cccccc", ["aaaa ", "bbbbbbbb ", "cccccc"]),
        ("a" * 25, ["a" * 12, "a" * 12, "a"]),
    ],
)
def test_without_paragraphs_blocks_end_at_a_bound(text: str, expected: list[str]) -> None:
    assert [block.text for block in TextReader(io.BytesIO(text.encode()), aim=12, limit=12)] == expected


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("lines", [True, False])
def test_every_kind_of_line_end_counts(end: str, lines: bool) -> None:
    text = f"ab cd{end}{end}" * 50
    blocks = [block.text for block in TextReader(Dripping(text.encode()), lines, aim=20, limit=1000)]
    assert "".join(blocks) == text
    assert len(blocks) > 8
    assert all(block.startswith(("ab", *"\r\n")) and block.endswith(end) for block in blocks)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", " \n\t"])
def test_a_single_line_end_ends_no_paragraph(end: str) -> None:
    text = f"ab cd{end}" * 50
    assert len(list(TextReader(Dripping(text.encode()), aim=20, limit=1000))) == 1


def test_a_pause_after_a_line_ends_a_block() -> None:
    parts = iter([b"a b", b" c\n", b"d\n", b"e\nf", b"\n", b""])

    class Typed:
        def read1(self, size: int, /) -> bytes:
            return next(parts)

    pauses = iter([True, False, True])
    blocks = list(TextReader(Typed(), idle=lambda: next(pauses), typed=True))
    assert [tuple(block) for block in blocks] == [("a b c\n", 0), ("d\ne\nf\n", 6)]


def test_with_lines_blocks_end_at_lines() -> None:
    text = "a b.\n\nc d\r\ne f\n" + "x " * 10
    blocks = [block.text for block in TextReader(io.BytesIO(text.encode()), lines=True, aim=6, limit=14)]
    assert blocks[:2] == ["a b.\n\nc d\r\n", "e f\n"]
    assert "".join(blocks) == text


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None)
def test_invalid_bytes_are_replaced_and_counted(data: bytes) -> None:
    reader = TextReader(Dripping(data))
    text = "".join(block.text for block in reader)
    assert text == data.decode("utf-8-sig", "replace")
    assert reader.replaced == text.count("\ufffd") - data.count("\ufffd".encode())


def row(name: str, form: str = "a", head: str = "_", misc: str = "_") -> str:
    return f"{name}\t{form}\tl\tX\tx\tF=1\t{head}\t_\t_\t{misc}"


def read(text: str, on_error: Callable[[ConlluError], None] | None = None) -> list[ConlluSentence]:
    return list(read_conllu(io.BytesIO(text.encode()), "f.conllu", on_error))


GOOD = "\n".join(
    [
        *("# sent_id = 1", "# text = don't (it)"),
        *(row("0.1", "E"), row("1-2", "don't"), row("1", "do"), row("2", "n't")),
        *(row("2.1", "E"), row("2.2", "E"), row("3", "(", "0", "SpaceAfter=No")),
        *(row("4", "it", misc="A=b|SpaceAfter=No"), row("5", ")"), "", ""),
    ]
)


def test_keeps_all_that_a_sentence_has() -> None:
    (sentence,) = read(GOOD)
    assert sentence.line == 1
    assert sentence.comments == ["# sent_id = 1", "# text = don't (it)"]
    assert [r[0] for r in sentence.rows] == ["0.1", "1-2", "1", "2", "2.1", "2.2", "3", "4", "5"]
    assert [r[1] for r in sentence.words] == ["do", "n't", "(", "it", ")"]
    assert sentence.surface() == [
        ("don't", ["do", "n't"], True),
        ("(", ["("], False),
        ("it", ["it"], False),
        (")", [")"], True),
    ]


@pytest.mark.parametrize("text", ["", "\n", "\n\n\n", "\r\n"])
def test_files_without_sentences(text: str) -> None:
    assert read(text) == []


def test_line_ends_a_mark_and_a_missing_last_line_do_no_harm() -> None:
    expected = read(GOOD)
    assert read("\ufeff" + GOOD) == expected
    assert read(GOOD.replace("\n", "\r\n")) == expected
    assert read(GOOD.rstrip("\n")) == expected
    assert [sentence.line for sentence in read("\n" + GOOD + "\n\n" + GOOD)] == [2, 16]


@pytest.mark.parametrize(
    ("lines", "line", "why"),
    [
        (["1\ta"], 1, "expected 10 columns between tabs, found 2 in '1"),
        ([row("1") + "\tx"], 1, "expected 10 columns between tabs, found 11"),
        (["# c", "  "], 2, "expected an empty line or a word's columns, found a line of white space alone"),
        ([row("1"), "\t"], 2, "found a line of white space alone"),
        ([row("1", "a\rb")], 1, "expected lines that end in LF or CR LF, found a lone CR"),
        (["# a\rb", row("1")], 1, "found a lone CR"),
        ([row("1", "")], 1, "expected something in column 2 .*, found nothing"),
        ([row("x")], 1, "expected an ID such as 1, 1-2 or 1.1, found 'x'"),
        ([row("01")], 1, "expected an ID"),
        ([row("²")], 1, "expected an ID"),
        ([row("2")], 1, "expected ID 1, found 2"),
        ([row("1"), row("1")], 2, "expected ID 2, found 1"),
        ([row("1.1")], 1, r"expected ID 0.1 for an empty node, found 1.1"),
        ([row("1"), row("1.2")], 2, r"expected ID 1.1 for an empty node"),
        ([row("2-3")], 1, "expected a range that begins at 1"),
        ([row("1-1")], 1, "expected a range"),
        ([row("1-3"), row("1"), row("2-3")], 3, "is in no other, found 2-3"),
        ([row("1-2"), row("1")], 3, "expected word 2 of a range, found the sentence's end"),
        ([row("1"), "# late"], 2, "expected comments before"),
        (["# alone"], 2, "expected at least one word"),
        ([row("1-2")], 2, "expected at least one word"),
        ([row("1", head="2")], 1, "expected a HEAD from 0 to 1 or `_`, found '2'"),
        ([row("1", head="x")], 1, "expected a HEAD"),
        ([row("1", head="-1")], 1, "expected a HEAD"),
    ],
)
def test_says_where_and_what_is_malformed(lines: list[str], line: int, why: str) -> None:
    text = "\n".join(lines) + "\n\n"
    with pytest.raises(ConlluError, match=why) as caught:
        read(text)
    assert (caught.value.file, caught.value.line) == ("f.conllu", line)
    assert str(caught.value).startswith(f"f.conllu:{line}: expected ")
    errors: list[ConlluError] = []
    sentences = read(GOOD + text + GOOD + text, errors.append)
    assert len(sentences) == 2
    assert [error.line for error in errors] == [
        line + GOOD.count("\n"),
        line + 2 * GOOD.count("\n") + text.count("\n"),
    ]


def test_invalid_bytes_are_named() -> None:
    with pytest.raises(ConlluError, match=r"f:2: expected UTF-8, found byte 0xff at column 3 of the line"):
        list(read_conllu(io.BytesIO(b"# a\n1\t\xff\n"), "f"))


@given(st.text(alphabet="12-.\t#_a \n", max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(text: str) -> None:
    errors: list[ConlluError] = []
    for sentence in read(text, errors.append):
        assert [r[0] for r in sentence.words] == [str(i) for i in range(1, len(sentence.words) + 1)]
    assert all(1 <= error.line <= text.count("\n") + 2 for error in errors)


def test_a_pause_of_a_pipe_ends_no_sentence() -> None:
    class Slow(io.BytesIO):
        def read1(self, size: int | None = -1, /) -> bytes:
            return self.read(1)

    text = "One line.\nstill its\n\nparagraph two\nends.\n"
    blocks = [block.text for block in TextReader(Slow(text.encode()), idle=lambda: True)]
    assert blocks == ["One line.\nstill its\n\n", "paragraph two\nends.\n"]
    lines = [block.text for block in TextReader(Slow(text.encode()), lines=True, idle=lambda: True)]
    assert lines == text.splitlines(keepends=True)
