"""`posmoe parse`: what goes in, what comes out, exit codes and messages."""

import gzip
import json
from pathlib import Path

import pytest

from posmoe import Parser
from tests.bundles import tiny_bundle
from tests.runtime.command import posmoe, said
from tests.runtime.test_writers import GIVEN

TEXT = "I saw the dog. I don't know.\n\nHe waved at Wörld."


def test_text_from_arguments_files_and_standard_input(tiny: Path, nlp: Parser, tmp_path: Path) -> None:
    expected = nlp(TEXT).to_conllu()
    (tmp_path / "in.txt").write_text(TEXT)
    for arguments, given in (
        (["--text", TEXT], ""),
        ([TEXT], ""),
        ([tmp_path / "in.txt"], ""),
        ([], TEXT),
        (["-"], TEXT),
    ):
        result = posmoe("parse", "--model", tiny, *arguments, given=given.encode())
        assert (result.returncode, said(result)) == (0, "")
        assert result.stdout.decode() == expected


def test_several_sources_keep_their_boundaries(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("One two.")
    (tmp_path / "b").write_text("Three.\n\nFour five.")
    result = posmoe("parse", "--model", tiny, "a.txt", "b", "six seven", "-", given=b"eight", cwd=tmp_path)
    assert (result.returncode, said(result)) == (0, "")
    marks = [line for line in result.stdout.decode().splitlines() if line.startswith(("# newdoc", "# sent_id"))]
    assert marks == [
        *("# newdoc id = a.txt", "# sent_id = 1", "# newdoc id = b", "# sent_id = 2", "# sent_id = 3"),
        *("# newdoc id = text", "# sent_id = 4", "# newdoc id = standard input", "# sent_id = 5"),
    ]


def test_json_lines_point_into_the_file(tiny: Path, tmp_path: Path) -> None:
    text = "\n\n".join(f"Pärt {number} of it" for number in range(9000))
    (tmp_path / "in.txt").write_text(text)
    result = posmoe("parse", "--model", tiny, "--format", "jsonl", "--threads", "2", tmp_path / "in.txt")
    assert (result.returncode, said(result)) == (0, "")
    values = [json.loads(line) for line in result.stdout.decode().splitlines()]
    assert [value["id"] for value in values] == [str(number) for number in range(1, 9001)]
    for value in values[::500]:
        assert text[value["start"] : value["end"]] == value["text"]
        for token in value["tokens"]:
            assert text[token["start"] : token["end"]] == token["text"]


def test_lines_are_sentences(tiny: Path, nlp: Parser) -> None:
    result = posmoe("parse", "--model", tiny, "--input", "lines", "--format", "jsonl", given=b"a b.\n\nc d e\r\nf")
    assert [json.loads(line)["text"] for line in result.stdout.splitlines()] == ["a b.", "c d e", "f"]


def test_trees_are_drawn(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--format", "tree", "I saw \x1b[31mit")
    assert (result.returncode, said(result)) == (0, "")
    assert "──" in result.stdout.decode()
    assert b"\x1b" not in result.stdout


def test_k_best_trees(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--k-best", "3", "--format", "jsonl", "I saw it")
    (value,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert [len(tree["heads"]) for tree in value["trees"]] == [3, 3, 3]
    assert value["trees"][0]["heads"] == [token["head"] for token in value["tokens"]]
    result = posmoe("parse", "--model", tiny, "--k-best", "2", "--input", "conllu", given=GIVEN.encode())
    assert [line for line in result.stdout.decode().splitlines() if "sent_id" in line] == [
        "# sent_id = one-1",
        "# sent_id = one-2",
    ]
    result = posmoe("parse", "--model", tiny, "--k-best", "2", "--input", "conllu", given=UNNAMED.encode() * 2)
    names = [line for line in result.stdout.decode().splitlines() if "sent_id" in line]
    assert names == [f"# sent_id = {name}" for name in ("1-1", "1-2", "2-1", "2-2")]


def test_a_sentence_too_long_to_rank_is_written_with_its_best_tree(tiny: Path) -> None:
    long = "\n".join(f"{i}\ta\t_\t_\t_\t_\t_\t_\t_\t_" for i in range(1, 4098)) + "\n\n"
    options = ["parse", "--model", str(tiny), "--k-best", "2", "--input", "conllu"]
    result = posmoe(*options, given=(GIVEN + long).encode())
    assert result.returncode == 0
    assert "1 sentence(s) of more than 4096 words have their best tree alone." in said(result)
    marks = [line for line in result.stdout.decode().splitlines() if line.startswith(("# sent_id", "# posmoe_tree"))]
    assert marks[-2:] == ["# sent_id = 2-1", "# posmoe_tree = 1/1"]
    result = posmoe(*options, "--format", "jsonl", given=(GIVEN + long).encode())
    (tree,) = json.loads(result.stdout.splitlines()[1])["trees"]
    assert tree["probability"] is None


def test_conllu_keeps_its_words_and_comments(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--input", "conllu", given=(GIVEN * 2).encode())
    assert (result.returncode, said(result)) == (0, "")
    blocks = result.stdout.decode().split("\n\n")
    assert blocks[0] == blocks[1]
    for old, new in zip(GIVEN.splitlines(), blocks[0].splitlines(), strict=False):
        assert [old.split("\t")[i : i + 1] for i in (0, 1, 2, 4, 5, 9)] == [
            new.split("\t")[i : i + 1] for i in (0, 1, 2, 4, 5, 9)
        ]


def test_gold_tags_are_kept(tiny: Path) -> None:
    gold = GIVEN.replace("\tX\t", "\t_\t")
    result = posmoe("parse", "--model", tiny, "--input", "conllu", "--gold-upos", given=gold.encode())
    rows = [line.split("\t") for line in result.stdout.decode().splitlines() if line[:1] in ("1", "2", "3")]
    assert [row[3] for row in rows][1:3] == ["AUX", "PART"]
    assert rows[-1][3] != "_"
    bad = GIVEN.replace("\tAUX\t", "\tNOPE\t")
    result = posmoe("parse", "--model", tiny, "--input", "conllu", "--gold-upos", given=bad.encode())
    assert result.returncode == 1
    assert "standard input:5: expected one of the tags ADJ" in said(result)


UNNAMED = GIVEN.replace("# sent_id = one\n", "")
BAD = GIVEN + "1\tbroken\n\n" + GIVEN


def test_malformed_conllu_is_left_out_or_ends_the_run(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "in.conllu").write_text(BAD)
    options = ["--model", str(tiny), "--input", "conllu", "in.conllu", "-o", "out"]
    line = GIVEN.count("\n") + 1
    message = f"in.conllu:{line}: expected 10 columns between tabs, found 2 in '1\\tbroken'."
    result = posmoe("parse", *options, "--on-error", "stop", cwd=tmp_path)
    assert (result.returncode, said(result)) == (1, f"posmoe: {message}\n")
    assert not (tmp_path / "out").exists()
    for more, written in (([], 2), (["-"], 4)):
        result = posmoe("parse", *options, *more, cwd=tmp_path, given=GIVEN.encode() * 2)
        assert result.returncode == 1
        summary = "posmoe: 1 malformed sentence(s) or record(s) were left out."
        assert said(result) == f"posmoe: {message} It is left out.\n{summary}\n"
        assert (tmp_path / "out").read_text().count("# sent_id = one") == written


def test_many_malformed_lines_are_counted_not_named(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--input", "conllu", given=(b"broken\n\n" * 1000) + GIVEN.encode())
    assert result.returncode == 1
    lines = said(result).splitlines()
    assert len(lines) == 7
    assert lines[5:] == [
        "posmoe: standard input: more such lines follow, which are counted.",
        "posmoe: 1000 malformed sentence(s) or record(s) were left out.",
    ]


def test_without_a_good_sentence_there_is_no_file(tiny: Path, tmp_path: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--input", "conllu", "-o", tmp_path / "out", given=b"1\tbroken\n")
    assert result.returncode == 1
    assert "standard input:1: expected 10 columns" in said(result)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.txt"], "none.txt: no such file. Give literal text with --text."),
        (["folder/none"], "folder/none: no such file."),
        ([".", "-o", "out.conllu"], ".: there is no file in this folder."),
        (["*.txt", "-o", "out.conllu"], "*.txt: no file matches."),
        (["--model", "xx-none", "a b"], "no model named 'xx-none' is installed"),
        (["--model", "no/where", "a b"], "no bundle at no/where"),
        (["--backend", "torch", "a b"], "has no model.pt2"),
        (["-o", "none/out", "a b"], "cannot write none/out: No such file or directory."),
        (["-o", ".", "a b"], "cannot write .: it is a folder, for the outputs of files; text is none."),
    ],
)
def test_failures_are_named_and_leave_nothing(tiny: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    output = [] if "-o" in arguments else ["-o", "out"]
    result = posmoe("parse", "--model", tiny, *arguments, *output, cwd=tmp_path)
    assert result.returncode == 1
    assert message in said(result)
    assert list(tmp_path.iterdir()) == []


def test_what_can_be_read_is_written_though_some_cannot(tiny: Path, tmp_path: Path) -> None:
    result = posmoe("parse", "--model", tiny, "none.txt", "a b", "*.txt", "-o", "out.conllu", cwd=tmp_path)
    assert result.returncode == 1
    assert said(result).splitlines() == [
        "posmoe: none.txt: no such file. Give literal text with --text.",
        "posmoe: *.txt: no file matches.",
        "posmoe: 2 of 3 inputs could not be read, or not to their end.",
    ]
    assert "# text = a b" in (tmp_path / "out.conllu").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--format", "xml"],
        ["--threads", "-1"],
        ["--k-best", "0"],
        ["--k-best", "99999999999999999999"],
        ["--k-best", "1.5"],
        ["--threads", "99999999999999999999"],
        ["--gold-upos", "a b"],
        ["--backend", "abacus", "a b"],
        ["--nonsense"],
    ],
)
def test_wrong_usage_is_code_2(tiny: Path, arguments: list[str]) -> None:
    result = posmoe("parse", "--model", tiny, *arguments)
    assert result.returncode == 2
    assert said(result)


@pytest.mark.parametrize("given", [b"", b" \n\n\t", b"\xef\xbb\xbf"])
def test_blank_input_gives_blank_output(tiny: Path, given: bytes) -> None:
    for kind in ("text", "lines", "conllu"):
        if kind == "conllu" and given.strip(b" \n\t") != given.strip():
            continue
        result = posmoe("parse", "--model", tiny, "--input", kind, given=given if kind != "conllu" else b"\n")
        assert (result.returncode, said(result), result.stdout) == (0, "", b"")


def test_invalid_bytes_are_replaced_with_a_note(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "--format", "jsonl", given=b"a \xff\xfe b \x00\x01 c \xc3")
    assert result.returncode == 0
    assert "standard input: 3 invalid UTF-8 sequence(s) became U+FFFD." in said(result)
    assert json.loads(result.stdout)["text"] == "a \ufffd\ufffd b \x00\x01 c \ufffd"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ("A text.".encode("utf-16"), "UTF-16"),
        (b"\xfe\xff\x00A", "UTF-16"),
        (gzip.compress("A text.".encode("utf-16")), "UTF-16"),
        (b"PK\x03\x04rest", "a zip archive"),
    ],
)
@pytest.mark.parametrize("option", ["text", "conllu"])
def test_what_has_to_be_decoded_first_is_refused(
    tiny: Path, tmp_path: Path, data: bytes, kind: str, option: str
) -> None:
    (tmp_path / "in").write_bytes(data)
    result = posmoe("parse", "--model", tiny, "--input", option, "in", "-", given=data, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, b"")
    text = f"looks like {kind}, decode it first: what is read is UTF-8 text."
    summary = "posmoe: 2 of 2 inputs could not be read, or not to their end.\n"
    assert said(result) == f"posmoe: in: {text}\nposmoe: standard input: {text}\n{summary}"


def test_a_bare_word_may_be_a_mistyped_name(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "README")
    assert result.returncode == 0
    assert said(result).startswith("posmoe: README: there is no such file, so the word itself is parsed.")
    assert "# text = README" in result.stdout.decode()
    assert said(posmoe("parse", "--model", tiny, "--text", "README")) == ""


def test_bytes_that_are_no_text_on_the_command_line(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, b"a \xff b".decode("utf-8", "surrogateescape"))
    assert (result.returncode, said(result)) == (0, "")
    assert "# text = a \ufffd b" in result.stdout.decode()


def test_a_long_sentence_is_cut_with_a_note(tmp_path: Path) -> None:
    model = tiny_bundle(tmp_path / "model", max_sentence=10)
    result = posmoe("parse", "--model", model, given=b"word " * 25)
    assert result.returncode == 0
    assert "1 sentence(s) were longer than the model's bound of 10 words and cut there." in said(result)
    assert result.stdout.count(b"# sent_id") == 3


def test_a_damaged_model_is_refused(own: Path) -> None:
    with (own / "weights.safetensors").open("ab") as file:
        file.write(b"x")
    result = posmoe("parse", "--model", own, "a b")
    assert result.returncode == 1
    assert "weights.safetensors was cut short or altered" in said(result)


def test_the_precision_is_that_of_the_library() -> None:
    from posmoe import load

    text = "I saw the man with a telescope. They were flying planes over there."
    for precision in ("auto", "int8", "float32"):
        result = posmoe("parse", "--precision", precision, "--text", text, "--k-best", "3")
        assert (result.returncode, said(result)) == (0, "")
        expected = posmoe("parse", "--text", text, "--k-best", "3").stdout
        assert (result.stdout == expected) == (precision != "float32")  # probabilities differ
        alone = posmoe("parse", "--precision", precision, "--text", text)
        assert alone.stdout.decode() == load(precision=precision)(text).to_conllu()


def test_a_precision_that_the_engine_has_not_is_refused(tmp_path: Path) -> None:
    result = posmoe("parse", "--precision", "float16", "--text", "x", "-o", tmp_path / "out.conllu")
    assert result.returncode == 1
    assert "in int8, float16 was asked for. Make a bundle of it with: posmoe-export cast" in said(result)
    result = posmoe("parse", "--precision", "int3", "--text", "x", "-o", tmp_path / "out.conllu")
    assert result.returncode == 2
    assert "'int3' is not one of 'auto', 'float32'" in said(result)
    assert list(tmp_path.iterdir()) == []
