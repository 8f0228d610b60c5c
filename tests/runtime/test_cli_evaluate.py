"""`posmoe evaluate`: a model, or written trees, against gold ones."""

import json
import lzma
import subprocess
import sys
from pathlib import Path

import pytest

import posmoe as package
from posmoe.evaluation import tables
from posmoe.evaluation.scores import score
from posmoe.evaluation.treebank import Sentence, Token, raw_text, read_treebank
from tests.paths import shared
from tests.runtime.command import posmoe, said

ROWS = (
    *("1\tHe\t_\tPRON\t_\t_\t2\tnsubj\t_\t_", "2\twaved\t_\tVERB\t_\t_\t0\troot\t_\tSpaceAfter=No"),
    "3\t.\t_\tPUNCT\t_\t_\t2\tpunct\t_\t_",
)
GOLD = "".join(f"# sent_id = {genre}-1\n" + "\n".join(ROWS) + "\n\n" for genre in ("mail", "news", "news"))


def test_all_of_dev_is_scored_as_by_an_independent_scorer(tmp_path: Path) -> None:
    gold, parsed = tmp_path / "gold.conllu", tmp_path / "parsed.conllu"
    gold.write_bytes(lzma.decompress(shared("data", "ewt", "dev.conllu.xz").read_bytes()))
    scorer = shared("tools", "score.py")
    assert posmoe("parse", "--text", raw_text(read_treebank(gold)), "-o", parsed).returncode == 0
    run = subprocess.run([sys.executable, scorer, gold, parsed], check=True, capture_output=True)
    theirs = json.loads(run.stdout)
    ours = json.loads(posmoe("evaluate", gold, "--json").stdout)
    written = json.loads(posmoe("evaluate", gold, "--system", parsed, "--json").stdout)
    assert ours["raw_text"] == written == {name: theirs[name] for name in written}
    for table in ("genre", "relation", "length"):
        assert sum(row["words"] for row in ours[table]) == theirs["n_words"] == ours["words"]
        right = sum(row["uas"] * row["words"] for row in ours[table]) / ours["words"]
        assert right == pytest.approx(ours["gold_tokens"]["uas"], abs=0.1)


def test_the_tables_for_people(tmp_path: Path) -> None:
    (tmp_path / "a.conllu").write_text(GOLD)
    (tmp_path / "b.conllu").write_text(GOLD)
    result = posmoe("evaluate", "a.conllu", "b.conllu", cwd=tmp_path)
    assert (result.returncode, said(result)) == (0, "")
    text = result.stdout.decode()
    assert text.startswith("6 sentences, 18 words. F1 in percent")
    cells = [line.split() for line in text.splitlines()]
    assert ["gold", "tokens", "100.00", "100.00", "100.00"] in cells
    assert ["raw", "text", *["100.00"] * 6] in cells
    assert ["news", "12", "100.0", "100.0", "100.0"] in cells
    assert ["1–5", "18", "100.0", "100.0", "100.0"] in cells


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected a treebank with at least one sentence, got none."),
        (b"1\tHe\n\n", "gold.conllu:1: expected 10 columns separated by tabs, found 2"),
        (GOLD.replace("\t0\troot", "\t_\troot").encode(), "gold.conllu:3: expected a head"),
        (GOLD.encode().replace(b"waved", b"w\xffved"), "gold.conllu:3: expected UTF-8, found the byte 0xff."),
        (None, "gold.conllu: cannot read it: No such file or directory."),
    ],
)
def test_what_is_no_treebank_is_named(tiny: Path, tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "gold.conllu").write_bytes(content)
    result = posmoe("evaluate", "--model", tiny, "gold.conllu", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, b"")
    assert message in said(result)
    assert said(result).count("\n") == 1


def test_trees_of_another_text_are_refused(tmp_path: Path) -> None:
    (tmp_path / "gold").write_text(GOLD)
    (tmp_path / "parsed").write_text(GOLD.replace("He", "She"))
    result = posmoe("evaluate", "gold", "--system", "parsed", cwd=tmp_path)
    assert result.returncode == 1
    assert "the texts differ at character 0" in said(result)


def test_many_genres_become_others(nlp: package.Parser) -> None:
    def sentence(name: str) -> Sentence:
        return Sentence(["a"], ["DET"], [0], ["root"], [Token("a", 0, 1)], sent_id=name, text="a")

    gold = [sentence(f"{number}-1") for number in range(tables.GENRES + 5)] + [sentence("24-2")]
    found = score(nlp, gold).genre
    assert len(found) == tables.GENRES + 1
    assert found[0]["name"] == "24"
    assert (found[-1]["name"], found[-1]["words"]) == ("others", 5)
