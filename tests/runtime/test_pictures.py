"""Pictures of trees: no two lines on each other, every word and arc there, and nothing that a text can break."""

import html.parser
import signal
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import posmoe
from posmoe.errors import ConlluError, InputError
from posmoe.pictures import html as pages
from posmoe.pictures.arcs import PORT, arcs, clear, levels, middles, reach
from posmoe.pictures.picture import Picture, loop, of_conllu, of_sentence
from posmoe.pictures.svg import svg
from posmoe.readers.conllu import read_conllu
from posmoe.trees import Tree
from tests.paths import shared
from tests.runtime.command import COMMAND, ENVIRONMENT, said
from tests.runtime.command import posmoe as command

SVG = "{http://www.w3.org/2000/svg}"


@st.composite
def trees(draw: st.DrawFn) -> list[int]:
    """Heads of a tree, crossing arcs included."""
    size = draw(st.integers(1, 14))
    order = draw(st.permutations(range(1, size + 1)))
    heads = [0] * size
    for place, word in enumerate(order[1:], 1):
        heads[word - 1] = order[draw(st.integers(0, place - 1))]
    return heads


@given(trees())
@settings(max_examples=200, deadline=None)
def test_no_two_lines_lie_on_each_other(heads: list[int]) -> None:
    found = arcs(heads)
    assert [(arc.word, arc.head) for arc in found] == list(enumerate(heads, 1))
    labels = [20.0 + 3 * word for word in range(len(heads))]
    sizes = [max(10.0, room) for room in reach(found, len(heads))]
    at = middles(found, sizes, labels, 5)
    legs = Counter(round(at[word - 1] + end, 6) for arc in found for word, end in arc.ends)
    assert set(legs.values()) == {1}
    assert all(after - before >= PORT - 1e-6 for before, after in pairwise(sorted(legs)))
    level: dict[int, list[tuple[float, float]]] = {}
    for arc, label in zip(found, labels, strict=True):
        if arc.head:
            first, last = sorted(at[word - 1] + end for word, end in arc.ends)
            assert last - first >= label - 1e-6
            level.setdefault(arc.level, []).append((first, last))
    for spans in level.values():
        assert all(end < begin for (_, end), (begin, _) in pairwise(sorted(spans)))


@given(trees())
@settings(max_examples=100, deadline=None)
def test_arcs_are_above_what_they_enclose_and_as_low_as_can_be(heads: list[int]) -> None:
    found = levels(heads)
    spans = [(min(head, word), max(head, word)) for word, head in enumerate(heads, 1)]
    for (first, last), high in zip(spans, found, strict=True):
        if first == 0:
            assert high == max(found)
            continue
        below = [
            level
            for (begin, end), level in zip(spans, found, strict=True)
            if begin and begin < last and first < end and end - begin < last - first
        ]
        assert high > max(below, default=0)
        assert high == 1 or high - 1 in found


def test_levels_of_a_known_tree() -> None:
    # I saw the man with a telescope .
    assert levels([2, 0, 4, 2, 7, 7, 2, 2]) == [1, 5, 1, 2, 2, 1, 3, 4]


def test_labels_stand_where_nothing_crosses() -> None:
    assert clear(0, 10, []) == 5
    assert clear(0, 10, [2, 9]) == 5.5


def of(heads: list[int], forms: list[str] | None = None) -> Picture:
    words = forms or [f"w{i}" for i in range(1, len(heads) + 1)]
    return Picture(" ".join(words), words, ["X"] * len(heads), Tree(heads, ["dep"] * len(heads), None))


@pytest.mark.parametrize("layout", ["line", "list", "auto"])
def test_every_word_and_arc_is_in_the_picture(nlp: posmoe.Parser, layout: str) -> None:
    (sentence,) = nlp.parse_tokens([["I", "saw", "<b>", "&", "a", "telescope"]])
    root = ElementTree.fromstring(sentence.to_svg(layout=layout))
    texts = {
        kind: [node.text for node in root.iter(f"{SVG}text") if node.get("class") == kind]
        for kind in ("form", "tag", "label")
    }
    assert texts["form"] == [token.text for token in sentence]
    assert texts["tag"] == [token.upos for token in sentence]
    assert texts["label"] == [token.deprel for token in sentence]
    assert len([node for node in root.iter(f"{SVG}path") if node.get("class") == "arc"]) == len(sentence)
    assert root.get("role") == "img"
    first, second = root[0], root[1]
    assert first.tag == f"{SVG}title" and sentence.text in (first.text or "")
    assert second.tag == f"{SVG}desc" and "the root." in (second.text or "")


@pytest.mark.parametrize("layout", ["line", "list"])
def test_everything_is_inside_the_picture(layout: str) -> None:
    root = ElementTree.fromstring(svg([[of([2, 3, 0, 3, 3, 4], ["a", "word" * 9, "c", "d", "e", "f"])]], layout))
    wide, high = float(root.get("width", 0)), float(root.get("height", 0))
    for node in root.iter(f"{SVG}text"):
        assert 0 < float(node.get("x", -1)) < wide
        assert 0 < float(node.get("y", -1)) < high


def test_right_to_left_words_begin_at_the_right() -> None:
    words = ["مەن", "كىتاب", "ئوقۇدۇم", "."]
    for layout, begins in (("line", True), ("list", False)):
        root = ElementTree.fromstring(svg([[of([3, 3, 0, 3], words)]], layout))
        forms = [node for node in root.iter(f"{SVG}text") if node.get("class") == "form"]
        assert [node.text for node in forms] == words
        assert all(node.get("direction") == "rtl" for node in forms)
        places = [float(node.get("x", 0)) for node in forms]
        assert (places == sorted(places, reverse=True) and len(set(places)) == 4) is begins
    assert '<section dir="rtl">' in pages.section([of([3, 3, 0, 3], words)])
    assert '<section dir="ltr">' in pages.section([of([2, 0], ["see", "مەن"])])


def test_a_long_line_becomes_a_list() -> None:
    short, long = of([0, *range(1, 5)]), of([0, *range(1, 60)])
    assert svg([[short]]) == svg([[short]], "line") != svg([[short]], "list")
    assert svg([[long]]) == svg([[long]], "list") != svg([[long]], "line")


def test_ranked_trees_stand_side_by_side(nlp: posmoe.Parser) -> None:
    words = ["I", "saw", "the", "man"]
    (sentence,) = nlp.parse_tokens([words])
    ranked = nlp.k_best(words, 3)
    pictures = of_sentence(sentence, ranked)
    assert [picture.rank for picture in pictures] == [(1, 3), (2, 3), (3, 3)]
    assert pictures[0].differs == frozenset()
    for picture, tree in zip(pictures, ranked, strict=True):
        arcs_of = [[*zip(one.heads, one.deprels, strict=True)] for one in (ranked[0], tree)]
        assert picture.differs == {word for word in range(4) if arcs_of[0][word] != arcs_of[1][word]}
    text = sentence.to_svg(ranked)
    root = ElementTree.fromstring(text)
    groups = [node for node in root.iter(f"{SVG}g") if node.get("role") == "img"]
    assert root.get("role") == "group" and len(groups) == 3
    assert text.count("stroke-dasharray") == sum(len(picture.differs) for picture in pictures)
    assert f"tree 2 of 3, probability {ranked[1].probability:.3g}" in text


class _Page(html.parser.HTMLParser):
    """Collects tags and text, and fails on one that is not closed."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[str] = []
        self.tags: list[str] = []
        self.text: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [name for name, _ in attrs if name in ("href", "src") or name.startswith("on")]
        if tag not in ("meta",):
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read_page(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    assert page.stack == []
    assert page.addresses == [] and "script" not in page.tags
    return page


def test_a_page_has_pictures_and_tables(nlp: posmoe.Parser) -> None:
    document = nlp("I saw the man.\n\nHe waved.")
    page = read_page(document.to_html(nlp.rank(document, 2)))
    assert page.tags.count("section") == len(document)
    assert page.tags.count("svg") == page.tags.count("table") == sum(map(len, nlp.rank(document, 2)))
    assert "Content-Security-Policy" in document.to_html()


def test_notebooks_show_the_first_sentences(nlp: posmoe.Parser) -> None:
    document = nlp("One.\n\n" * 23)
    assert len(document) == 23
    page = read_page(document._repr_html_())
    assert page.tags.count("svg") == 20
    assert "… and 3 more sentence(s), not drawn here." in "".join(page.text)
    assert read_page(document[0]._repr_html_()).tags.count("svg") == 1
    assert read_page(nlp("")._repr_html_()).tags.count("svg") == 0


@given(
    st.lists(
        st.text(st.characters(), min_size=1, max_size=6).filter(lambda word: word.strip(" \t\r\n")),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_no_text_breaks_a_picture(nlp: posmoe.Parser, words: list[str]) -> None:
    document = nlp.parse_tokens([words])
    for text in (document[0].to_svg(), document[0].to_svg(layout="list")):
        ElementTree.fromstring(text)
        assert not any("\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069" for character in text)
    read_page(document.to_html())


def test_wrong_arguments_are_named(nlp: posmoe.Parser) -> None:
    document = nlp("One.")
    with pytest.raises(InputError, match="layout of auto, line, list, got 'round'"):
        document[0].to_svg(layout="round")
    with pytest.raises(InputError, match="at most 500 trees in one SVG, got 501"):
        svg([[of([0])]] * 501)


CONLLU = """# sent_id = 1
1-2\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
1\tdo\t_\tAUX\t_\t_\t3\taux\t_\t_
2\tn't\t_\tPART\t_\t_\t3\tadvmod\t_\t_
3\tgo\t_\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No
4\t!\t_\tPUNCT\t_\t_\t3\tpunct\t_\t_

"""


def test_given_trees_are_drawn_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU)
    result = command("render", "--input", "conllu", "--given", "--model", "none", tmp_path / "a.conllu")
    assert (result.returncode, said(result)) == (0, "")
    assert result.stdout.decode().split("\n")[2].split() == ["──┤", "go", "VERB", "root"]
    result = command("render", "--input", "conllu", "--given", "-o", "b.svg", "a.conllu", cwd=tmp_path)
    root = ElementTree.fromstring((tmp_path / "b.svg").read_text())
    assert (root[0].text or "").endswith("don't go!")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "\t0\troot",
            "\t_\t_",
            "a.conllu:5: expected a HEAD to draw (without --given it is parsed), found `_`.",
        ),
        ("\t0\troot", "\t1\troot", "expected heads that lead to a root, found that word 1 is its own ancestor."),
    ],
)
def test_given_words_without_a_tree_are_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    (tmp_path / "a.conllu").write_text(CONLLU.replace(old, new))
    result = command("render", "--input", "conllu", "--given", "-o", "a.html", "a.conllu", cwd=tmp_path)
    assert result.returncode == 1
    assert message in said(result)
    assert [path.name for path in tmp_path.iterdir()] == ["a.conllu"]


def test_the_command_draws_what_it_parses(tmp_path: Path, tiny: Path) -> None:
    for name, kind in (("a.svg", "<svg "), ("a.html", "<!DOCTYPE html>"), ("a.txt", "tree 1 of 2")):
        result = command("render", "--model", tiny, "--k-best", "2", "-o", name, "He saw it. He waved.", cwd=tmp_path)
        assert (result.returncode, said(result)) == (0, "")
        assert (tmp_path / name).read_text().startswith(kind)
    result = command("render", "--model", tiny, "--format", "svg", "", cwd=tmp_path)
    ElementTree.fromstring(result.stdout)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--given", "a b"], "--given needs --input conllu"),
        (["--given", "--input", "conllu", "--k-best", "2", "a b"], "without --k-best"),
        (["--k-best", "101", "a b"], "101 is not in the range 1<=x<=100"),
        (["--format", "png", "a b"], "'png' is not one of"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str) -> None:
    result = command("render", *arguments)
    assert result.returncode == 2
    assert message in said(result)


def test_missing_files_are_named_and_the_rest_is_drawn(tmp_path: Path, tiny: Path) -> None:
    result = command("render", "--model", tiny, "none.txt", "He waved.", cwd=tmp_path)
    assert result.returncode == 1
    assert "none.txt: no such file" in said(result)
    assert b"waved" in result.stdout
    assert command("render", "--model", tiny, "none.txt", cwd=tmp_path).stdout == b""


def test_a_run_that_is_ended_leaves_no_file(tmp_path: Path) -> None:
    options = ["render", "--input", "conllu", "--given", "-o", str(tmp_path / "a.html"), "-"]
    with subprocess.Popen([*COMMAND, *options], stdin=subprocess.PIPE, env=ENVIRONMENT) as process:
        while not list(tmp_path.iterdir()):
            assert process.poll() is None
        time.sleep(0.3)  # the file is there a moment before it is known to whoever takes it away
        process.terminate()
        assert process.wait(20) == 128 + signal.SIGTERM
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("heads", "word"), [([0], 0), ([2, 3, 0], 0), ([1], 1), ([2, 1, 0], 1), ([0, 3, 4, 2], 2)])
def test_loops_are_found(heads: list[int], word: int) -> None:
    assert loop(heads) == word


def test_all_trees_of_a_treebank_in_arabic_script_are_drawn() -> None:
    import lzma

    path = shared("data", "ud", "Uyghur-UDT", "dev.conllu.xz")
    skipped: list[ConlluError] = []
    count = 0
    with lzma.open(path) as file:
        for sentence in read_conllu(file, path.name, skipped.append):
            picture = of_conllu(sentence, path.name)
            assert picture.right_to_left or len(picture.forms) < 4
            ElementTree.fromstring(svg([[picture]]))
            count += 1
            if count == 300:
                break
    assert count == 300
