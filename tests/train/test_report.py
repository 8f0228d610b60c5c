"""A model's report: every word counted once in every table, and the card that is made of it."""

from pathlib import Path

import pytest

pytest.importorskip("onnxruntime", reason="the bundled model runs on ONNX Runtime")

import posmoe
from posmoe_train.conllu import Sentence, read_treebank
from posmoe_train.report import calibration, markdown, model_card, report
from tests.paths import ROOT
from tests.train.treebank import write_treebank

BUNDLE = ROOT / "runtime/posmoe/models/en-edge"


@pytest.fixture(scope="module")
def gold(tmp_path_factory: pytest.TempPathFactory) -> list[Sentence]:
    return read_treebank(write_treebank(tmp_path_factory.mktemp("report") / "tiny.conllu"))


def test_every_table_counts_every_word_once(gold: list[Sentence]) -> None:
    tables = report(BUNDLE, gold)
    words = sum(map(len, gold))
    for name in ("genre", "relation", "length", "calibration"):
        assert sum(row["words"] for row in tables[name]) == words


def test_the_scores_are_those_of_the_parser(gold: list[Sentence]) -> None:
    parsed = posmoe.load(BUNDLE).parse_tokens([sentence.forms for sentence in gold])
    right = sum(
        word.head == head
        for sentence, found in zip(gold, parsed, strict=True)
        for head, word in zip(sentence.heads, found, strict=True)
    )
    lengths = report(BUNDLE, gold)["length"]
    assert sum(row["uas"] * row["words"] for row in lengths) / 100 == pytest.approx(right, abs=0.05)


def test_confidence_lies_in_its_bin(gold: list[Sentence]) -> None:
    for row in calibration(BUNDLE, gold):
        assert 100 * row["from"] - 0.05 <= row["confidence"] <= 100 * row["to"] + 0.05


def test_markdown_escapes_bars() -> None:
    assert markdown({"head_errors": [{"word": "a|b"}], "empty": []}) == "## Head errors\n\n| word |\n|---|\n| a\\|b |\n"


def test_a_card_names_the_model_its_data_and_its_scores(gold: list[Sentence]) -> None:
    card = model_card(Path(BUNDLE), gold)
    assert card.startswith("# en-edge ")
    assert "UD_English-EWT" in card
    assert "547,200 FLOPs" in card
    assert "## Calibration" in card
