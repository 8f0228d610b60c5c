"""CoNLL-U, JSON lines and drawings, held against what they were made from."""

import io
import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import posmoe
from posmoe import _core
from posmoe.draw import _columns, draw, printable, width
from posmoe.readers.conllu import ConlluSentence, read_conllu
from posmoe.request import Request, Surface
from posmoe.tokens import words_of_tokens
from posmoe.trees import Tree
from posmoe.writers import Place, conllu, jsonl, plain_conllu, plain_jsonl, rewrite, tree


def read(text: str | bytes) -> list[ConlluSentence]:
    data = text.encode() if isinstance(text, str) else text
    return list(read_conllu(io.BytesIO(data), "written"))


@given(st.text(max_size=60) | st.text(alphabet="don't gonna.\n _#", max_size=60))
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_strict_conllu_with_the_same_words(nlp: posmoe.Parser, text: str) -> None:
    document = nlp(text)
    sentences = read(document.to_conllu())
    assert [[row[1] for row in sentence.words] for sentence in sentences] == [
        [token.text for token in sentence] for sentence in document
    ]
    for written, sentence in zip(sentences, document, strict=True):
        assert [(row[3], row[6], row[7]) for row in written.words] == [
            (token.upos, str(token.head), token.deprel) for token in sentence
        ]
        joined = "".join(form + " " * space for form, _, space in written.surface())
        assert written.comments[1] == f"# text = {joined.rstrip(' ')}"


PLACES = st.builds(
    Place,
    first=st.integers(1, 1 << 40),
    offset=st.integers(0, 1 << 60),
    source=st.none() | st.text(max_size=8),
    begins=st.booleans(),
)
FORMS = st.text(alphabet="ab'\"\\é東😀\t\n\r\x0b\x00\x1f\x7f \u2028\ud800", min_size=1, max_size=6).filter(str.strip)


def document_of(words: _core.Words) -> posmoe.Document:
    """Words with trees that no model has made: each hangs on the one before it in its sentence."""
    tags, labels = ("NOUN", "X", "ADP"), ("root", "a", 'acl:\\"x"')
    places = np.arange(len(words), dtype=np.int32)
    begins: NDArray[np.int64] = words.sentences.astype(np.int64)
    heads = (places - np.repeat(begins[:-1], np.diff(begins))).astype(np.int32)
    return posmoe.Document(_core.Analysis(words, places % 3, heads, places * 2 % 3), tags, labels)


@given(st.text(max_size=60) | st.text(alphabet="don't gonna.\n\t\"\\é #", max_size=60), PLACES)
@settings(max_examples=150, deadline=None)
def test_the_core_writes_texts_as_python_does(nlp: posmoe.Parser, text: str, place: Place) -> None:
    document = document_of(nlp._tokenizer(text))
    assert conllu(document, place).decode() == plain_conllu(document, place)
    assert jsonl(document, place).decode() == plain_jsonl(document, place)


SURFACES = st.lists(st.tuples(FORMS, st.lists(FORMS, max_size=3), st.booleans()), min_size=1, max_size=5)


@given(st.lists(SURFACES, max_size=3), PLACES)
@settings(max_examples=150, deadline=None)
def test_the_core_writes_given_words_as_python_does(sentences: list[list[Surface]], place: Place) -> None:
    given = [[(form, parts if len(parts) > 1 else [form], space) for form, parts, space in row] for row in sentences]
    document = document_of(words_of_tokens(given))
    assert conllu(document, place).decode() == plain_conllu(document, place)
    assert jsonl(document, place).decode() == plain_jsonl(document, place)


def test_an_index_without_a_name_is_refused(nlp: posmoe.Parser) -> None:
    document = nlp("One two")
    for tags, labels in (((), document.labels), (document.tags, ())):
        for write in (document.analysis.conllu, document.analysis.jsonl, document.analysis.lists):
            with pytest.raises(IndexError):
                write(tags, labels)


def test_conllu_of_a_text(nlp: posmoe.Parser) -> None:
    lines = nlp("I don't (know)").to_conllu().splitlines()
    assert lines[:2] == ["# sent_id = 1", "# text = I don't (know)"]
    assert lines[3] == "2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_"
    cells = [line.split("\t") for line in lines[2:-1]]
    assert [cell[0] for cell in cells] == ["1", "2-3", "2", "3", *map(str, range(4, len(cells)))]
    assert [cell[9] for cell in cells[:4]] == ["_"] * 4
    assert nlp("don't").to_conllu().splitlines()[2].endswith("\t_")
    assert nlp.parse_tokens([["a"]]).to_conllu().splitlines()[2].endswith("\t_")


def test_numbers_sources_and_ranked_trees(nlp: posmoe.Parser) -> None:
    document = nlp("A b.\n\nC")
    place = Place(first=5, offset=100, source="a file", begins=True)
    trees = nlp.rank(document, 2)
    text = conllu(document, place, trees).decode()
    assert text.startswith("# newdoc id = a file\n# sent_id = 5-1\n# posmoe_tree = 1/")
    assert "# sent_id = 6-1\n" in text
    assert len(read(text)) == sum(len(ranked) for ranked in trees)
    values = [json.loads(line) for line in jsonl(document, place, trees).splitlines()]
    assert [value["id"] for value in values] == ["5", "6"]
    assert values[0]["source"] == "a file"
    assert (values[0]["start"], values[1]["tokens"][0]["start"]) == (100, 106)
    assert values[0]["trees"][0]["heads"] == [token.head for token in document[0]]
    drawing = tree(document, place, trees).decode()
    assert drawing.startswith("a file:\ntree = 1/")
    assert "probability = " in drawing


GIVEN = """# newdoc id = x
# sent_id = one
# anything
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No
1\tdo\tdo\tAUX\tVB\tMood=Ind\t0\troot\t0:root\tA=b
2\tn't\tnot\tPART\tRB\t_\t1\tadvmod\t1:advmod\t_
2.1\tgo\tgo\tVERB\t_\t_\t_\t_\t0:root\tC=d
3\t_\t_\tX\t_\t_\t_\t_\t_\t_

"""


def test_rewriting_keeps_everything_but_the_tree(nlp: posmoe.Parser) -> None:
    (given_,) = read(GIVEN)
    document = next(nlp.run([Request(sentences=[given_.surface()])]))
    written = rewrite(given_, document[0]).decode()
    before, after = GIVEN.splitlines(), written.splitlines()
    assert after[:4] == before[:4]
    assert after[6] == before[6].replace("0:root", "_")
    for at, token in zip((4, 5, 7), document[0], strict=True):
        old, new = before[at].split("\t"), after[at].split("\t")
        assert [new[i] for i in (0, 1, 2, 4, 5, 9)] == [old[i] for i in (0, 1, 2, 4, 5, 9)]
        assert [new[i] for i in (3, 6, 7, 8)] == [token.upos, str(token.head), token.deprel, "_"]
    ranked = [Tree([0, 1, 1], ["root", "obj", "obj"], 0.75), Tree([3, 3, 0], ["obj", "obj", "root"], 0.25)]
    one, two = read(rewrite(given_, document[0], ranked))
    assert one.comments[:3] == ["# sent_id = one-1", "# posmoe_tree = 1/2", "# posmoe_probability = 0.75"]
    assert one.comments[3:] == ["# newdoc id = x", "# anything"]
    assert [row[6] for row in two.words] == ["3", "3", "0"]


@pytest.mark.parametrize("named", ["", "# sent_id =\n", "# sent_id = \n"])
def test_ranked_trees_of_a_sentence_without_a_name_have_its_number(nlp: posmoe.Parser, named: str) -> None:
    (given_,) = read(GIVEN.replace("# sent_id = one\n", named))
    document = next(nlp.run([Request(sentences=[given_.surface()])]))
    ranked = [Tree([0, 1, 1], ["root", "obj", "obj"], None)]
    for number, name in ((None, "1-1"), (7, "7-1")):
        (one,) = read(rewrite(given_, document[0], ranked, number))
        assert one.comments == [f"# sent_id = {name}", "# posmoe_tree = 1/1", "# newdoc id = x", "# anything"]


def test_a_drawing() -> None:
    forms = ["I", "saw", "the", "今日", "e\u0301"]
    drawing = draw(forms, ["PRON", "VERB", "DET", "NOUN", "X"], [2, 0, 4, 2, 4], ["nsubj", "root", "det", "obj", "dep"])
    assert drawing.splitlines() == [
        "  ┌── I      PRON  nsubj",
        "──┤ saw      VERB  root",
        "  │ ┌── the  DET   det",
        "  └─┤ 今日   NOUN  obj",
        "    └── e\u0301    X     dep",
    ]


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_every_tree_is_drawn_with_a_line_to_every_head(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    order = data.draw(st.permutations(range(1, size + 1)))
    heads = [0] * size
    for place, word in enumerate(order[1:], 1):
        heads[word - 1] = order[data.draw(st.integers(0, place - 1))]
    forms = [f"w{i}" for i in range(1, size + 1)]
    rows = draw(forms, ["X"] * size, heads, ["dep"] * size).splitlines()
    grid = [line[: line.index("w") - 1] for line in rows]
    columns = _columns(heads)
    assert columns is not None
    for word, head in enumerate(heads, 1):
        assert _reached(grid, columns, word - 1) == head


def _reached(grid: list[str], columns: list[int], row: int) -> int:
    """Follow the line of a row's word to the word that it comes from; 0 for the left edge."""
    column = 2 * columns[row]
    while grid[row][column] in "─┐┘┤┬┴┼":
        if column == 0:
            return 0
        column -= 1
    for step, leaving in ((-1, "│└├┘┤┴┼"), (1, "│┌├┐┤┬┼")):
        at = row
        while grid[at][column] in leaving:
            at += step
            if 2 * columns[at] == column:
                return at + 1
    return -1


def test_trees_too_deep_for_a_page_are_listed() -> None:
    size = 500
    drawing = draw(["w"] * size, ["X"] * size, list(range(size)), ["dep"] * size)
    assert drawing.splitlines()[1] == "  2 →   1  w  X  dep"


@pytest.mark.parametrize(
    ("text", "columns"),
    [("abc", 3), ("今日", 4), ("e\u0301", 1), ("\u200b", 0), ("👩", 2), ("\uff46", 2), ("", 0)],
)
def test_widths(text: str, columns: int) -> None:
    assert width(text) == columns


def test_nothing_steers_the_terminal() -> None:
    assert printable("a\x1b[31m\x00\x7f\x9b\u2028b\u202ec") == "a␛[31m␀␡\ufffd\ufffdbc"
    assert printable("plain é 今") == "plain é 今"
