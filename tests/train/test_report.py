"""A model's report: every word counted once in every table, and the card that is made of it."""

from pathlib import Path

import numpy as np
import pytest

import posmoe
from posmoe_train.card import model_card, section
from posmoe_train.cli import main
from posmoe_train.conllu import Sentence, read_treebank
from posmoe_train.report import Report, _context, _sure, calibration, confidences, report
from tests.paths import ROOT
from tests.train.treebank import write_treebank

BUNDLE = ROOT / "runtime/posmoe/models/en-edge"


@pytest.fixture(scope="module")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_treebank(tmp_path_factory.mktemp("report") / "tiny.conllu")


@pytest.fixture(scope="module")
def gold(treebank: Path) -> list[Sentence]:
    return read_treebank(treebank)


@pytest.fixture(scope="module")
def found(gold: list[Sentence]) -> Report:
    return report(BUNDLE, gold)


@pytest.mark.parametrize("name", ["genre", "relation", "length", "calibration"])
def test_every_table_counts_every_word_once(name: str, found: Report, gold: list[Sentence]) -> None:
    assert sum(row["words"] for row in getattr(found, name)) == sum(map(len, gold))


def test_the_scores_are_those_of_the_parser(found: Report, gold: list[Sentence]) -> None:
    parsed = posmoe.load(BUNDLE).parse_tokens([sentence.forms for sentence in gold])
    pairs = [
        (sentence.heads[i] == word.head, sentence.upos[i] == word.upos)
        for sentence, words in zip(gold, parsed, strict=True)
        for i, word in enumerate(words)
    ]
    right = sum(head for head, _ in pairs)
    assert sum(row["uas"] * row["words"] for row in found.length) / 100 == pytest.approx(right, abs=0.05)
    assert sum(row["words"] for row in found.head_errors) == len(pairs) - right
    assert sum(row["words"] for row in found.tag_errors) == sum(not tag for _, tag in pairs)


def test_confidence_lies_in_its_bin_and_the_sure_arcs_are_counted() -> None:
    confidence = np.array([0.2, 0.55, 0.91, 0.93, 0.999, 1.0])
    right = np.array([False, True, True, False, True, True])
    table = calibration(confidence, right)
    assert [(row["confidence"], row["words"], row["right"]) for row in table] == [
        ("0–50 %", 1, 0.0),
        ("50–70 %", 1, 100.0),
        ("90–95 %", 2, 50.0),
        ("99–100 %", 2, 100.0),
    ]
    sure = _sure(confidence, right, table)
    assert (sure["words"], sure["right"]) == (4, 75.0)
    assert sure["share"] == pytest.approx(400 / 6)
    assert sure["confidence"] == pytest.approx(100 * (0.91 + 0.93 + 0.999 + 1.0) / 4)
    assert sure["error"] == pytest.approx((20 + 45 + 2 * 42 + 2 * 0.0) / 6, abs=0.1)


def test_confidences_are_probabilities_of_the_best_head(gold: list[Sentence]) -> None:
    confidence, right = confidences(BUNDLE, gold)
    assert len(confidence) == len(right) == sum(map(len, gold))
    assert (confidence > 0).all()
    assert (confidence <= 1).all()


def test_examples_are_words_among_their_neighbours_without_marks_of_markdown() -> None:
    forms = ["a", "b|c", "*", "d", "e", "f", "g", "h"]
    assert _context(forms, 1) == r"a **b\|c** \* d e f …"
    assert _context(forms, 6) == r"… \* d e f **g** h"


def test_a_section_without_rows_is_left_out() -> None:
    assert section("T", "text", []) == ""
    assert section("T", "text.", [{"a": 1}], 3) == "### T\n\ntext.\n\n| a |\n| ---: |\n| 1 |"


def test_a_card_says_what_it_is_for_and_how_sure_it_is(
    monkeypatch: pytest.MonkeyPatch, treebank: Path, gold: list[Sentence], tmp_path: Path
) -> None:
    card = model_card(BUNDLE, gold)
    assert card.startswith("# en-edge ")
    headings = [line.lstrip("# ") for line in card.splitlines() if line.startswith("##")]
    assert headings[:6] == [
        "Training data",
        "Use",
        "Genres",
        "Relations",
        "Sentence lengths",
        "Are 90 % arcs right 90 % of the time?",
    ]
    assert "UD_English-EWT" in card
    assert "| floating-point operations, 20 words | 547,200 |" in card
    assert all(line.count("|") - line.count("\\|") >= 3 for line in card.splitlines() if line.startswith("|"))
    arguments = ["posmoe-train", "card", str(BUNDLE), "--dev", str(treebank), "--out", str(tmp_path / "card.md")]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    assert (tmp_path / "card.md").read_text(encoding="utf-8") == card
