"""Real text through the whole runtime: a treebank in and out, and streams cut into blocks."""

import io
import lzma
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.readers.conllu import read_conllu
from posmoe.readers.text import TextReader
from posmoe.request import Request
from posmoe.writers import Place, conllu, jsonl, plain_conllu, plain_jsonl, rewrite
from tests.paths import shared

KEPT = (0, 1, 2, 4, 5, 9)  # ID, FORM, LEMMA, XPOS, FEATS, MISC


@pytest.fixture(scope="module")
def treebank() -> str:
    return lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()).decode()


def test_a_treebank_keeps_everything_but_its_trees(nlp: posmoe.Parser, treebank: str) -> None:
    sentences = list(read_conllu(io.BytesIO(treebank.encode()), "dev"))
    document = next(nlp.run([Request(sentences=[sentence.surface() for sentence in sentences])]))
    written = b"".join(rewrite(given, parsed) for given, parsed in zip(sentences, document, strict=True)).decode()
    before, after = treebank.split("\n"), written.split("\n")
    assert len(before) == len(after)
    for old, new in zip(before, after, strict=True):
        if "\t" in old:
            old_cells, new_cells = old.split("\t"), new.split("\t")
            assert [old_cells[i] for i in KEPT] == [new_cells[i] for i in KEPT]
        else:
            assert old == new


def test_the_core_writes_a_treebank_as_python_does(nlp: posmoe.Parser, treebank: str) -> None:
    sentences = [sentence.surface() for sentence in read_conllu(io.BytesIO(treebank.encode()), "dev")]
    (document,) = nlp.run([Request(sentences=sentences)])
    place = Place(first=3, offset=7, source="dev", begins=True)
    assert conllu(document, place).decode() == plain_conllu(document, place)
    assert jsonl(document, place).decode() == plain_jsonl(document, place)


def test_raw_text_is_covered(nlp: posmoe.Parser, treebank: str) -> None:
    lines = [line.removeprefix("# text = ") for line in treebank.split("\n") if line.startswith("# text = ")]
    text = "\n\n".join(lines)
    document = nlp(text)
    assert len(document) == len(lines)
    assert [sentence.text for sentence in document] == [line.strip() for line in lines]


@given(st.lists(st.text(alphabet="ab don't. \n", max_size=30), max_size=20), st.integers(1, 60))
@settings(max_examples=60, deadline=None)
def test_blocks_parse_like_the_whole(nlp: posmoe.Parser, paragraphs: list[str], aim: int) -> None:
    text = "\n\n".join(paragraphs)
    blocks = list(TextReader(io.BytesIO(text.encode()), aim=aim, limit=10_000))
    parts = [
        (sentence.text, block.start + sentence.start, [(t.text, t.head, t.deprel) for t in sentence])
        for block, document in zip(blocks, nlp.pipe(block.text for block in blocks), strict=True)
        for sentence in document
    ]
    whole = [(s.text, s.start, [(t.text, t.head, t.deprel) for t in s]) for s in nlp(text)]
    assert parts == whole


def test_a_file_that_fails_while_it_is_read_is_named(tiny: Path) -> None:
    from tests.runtime.command import posmoe as command
    from tests.runtime.command import said

    memory = Path("/proc/self/mem")
    if not memory.exists():
        pytest.skip("needs a file that fails while it is read: /proc/self/mem")
    result = command("parse", "--model", tiny, memory)
    assert result.returncode == 1
    assert said(result) == "posmoe: /proc/self/mem: cannot read it: Input/output error.\n"
