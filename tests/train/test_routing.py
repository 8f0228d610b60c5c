"""Routing in figures: hand-made loads, routing by given tags, and the report of a student and of a bundle."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from posmoe_models.config import EXPERTS
from posmoe_train.checkpoint import Student, load_student, save_student
from posmoe_train.cli import main
from posmoe_train.conllu import Sentence, read_treebank
from posmoe_train.data import feature_keys, gold_corpus, label_set
from posmoe_train.errors import CheckpointError
from posmoe_train.routing import parse, routing_report
from posmoe_train.usage import usage
from tests.models.sizes import FEATURES, identifiers, small_parser
from tests.paths import ROOT
from tests.train.treebank import write_treebank


def certain(tags: torch.Tensor) -> torch.Tensor:
    """Logits that leave no doubt about these tags."""
    return 1e4 * torch.nn.functional.one_hot(tags, EXPERTS).float()


def test_a_load_like_the_tags_has_no_divergence_and_a_load_of_one_no_entropy() -> None:
    tags = torch.arange(EXPERTS).repeat(3)
    found = usage(certain(tags), tags, 1, EXPERTS)
    assert (found["entropy"], found["dead"], found["kl_to_upos"]) == (1.0, 0, 0.0)
    one = usage(certain(torch.full_like(tags, 4)), tags, 1, EXPERTS)
    assert (one["entropy"], one["dead"]) == (0.0, EXPERTS - 1)
    assert one["kl_to_upos"] == pytest.approx(np.log(EXPERTS), abs=1e-4)
    assert one["load"][4] == 1


def test_hashed_tags_share_an_expert_and_a_single_expert_is_used_wholly() -> None:
    tags = torch.tensor([0, 12, 0, 5])
    found = usage(certain(tags), tags, 1, 12)
    assert (found["load"][0], found["load"][5]) == (0.75, 0.25)
    assert found["kl_to_upos"] == 0
    thirds = usage(torch.zeros(1, EXPERTS), tags[:1], 3, 3)  # the tags 0, 3, … 15 and 1, 4, … 16 are six each
    assert thirds["load"] == pytest.approx([6 / 17, 6 / 17, 5 / 17], abs=1e-5)
    assert usage(certain(tags), tags, 1, 1) == {"load": [1.0], "entropy": 1.0, "dead": 0, "kl_to_upos": 0.0}


@pytest.mark.parametrize("experts", [EXPERTS, 12])
def test_routing_by_the_likeliest_tags_is_hard_routing(experts: int) -> None:
    parser = small_parser(k=1, experts=experts)
    features, lengths = identifiers([3, 7, 1])
    hard = parser(features, lengths)
    tags = hard.tag_scores.argmax(-1)
    if experts == EXPERTS:  # with fewer experts than tags, another tag's expert may be the likeliest
        for mine, theirs in zip(parser(features, lengths, tags), hard, strict=True):
            assert torch.equal(mine, theirs)
    other = parser(features, lengths, (tags + 1) % EXPERTS)
    assert torch.equal(other.tag_scores, hard.tag_scores)
    assert not torch.equal(other.arc_scores, hard.arc_scores)


Made = tuple[Path, list[Sentence]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """An untrained student, and the treebank whose words it knows."""
    folder = tmp_path_factory.mktemp("routing")
    gold = read_treebank(write_treebank(folder / "tiny.conllu"))
    keys, features = feature_keys([gold_corpus(gold)], FEATURES)
    labels = label_set(gold)
    save_student(Student(small_parser(labels=len(labels), features=features), labels, keys, {}), folder)
    return folder, gold


def test_a_students_report_counts_every_word_once(made: Made) -> None:
    folder, gold = made
    report = routing_report(folder, gold)
    words = sum(map(len, gold))
    rows = report["experts"]
    assert [row["expert"] for row in rows][:3] == ["ADJ", "ADP", "ADV"]
    assert sum(row["words"] for row in rows) == words
    assert sum(row["load"] for row in rows) == pytest.approx(1, abs=1e-3)
    soft = report["routing"]["soft"]
    for score in ("upos", "uas", "las"):
        right = sum(row["words"] * row[score] for row in rows if row["words"])
        assert right / words == pytest.approx(soft[score], abs=0.01)
    assert report["agreement"]["among_k"] >= report["agreement"]["first"] == pytest.approx(soft["upos"])
    assert set(report["routing"]) == {"soft", "hard", "gold"}
    costs = report["flops"]
    assert 1 < costs["router_ratio"] < 1.05
    assert costs["experts_soft"] == 2 * costs["experts_hard"]
    assert load_student(folder).parser.config.k == 2


def test_trees_are_trees_and_only_their_roots_have_the_relation_root(made: Made) -> None:
    folder, gold = made
    student = load_student(folder)
    columns = parse(student, gold, by_gold_tags=True)
    at = 0
    for sentence in gold:
        heads = columns.heads[at : at + len(sentence)]
        assert (heads == 0).sum() == 1
        assert [d == "root" for d in columns.deprels[at : at + len(sentence)]] == [head == 0 for head in heads]
        at += len(sentence)
    assert at == len(columns.deprels)
    assert student.parser.config.k == 2


def test_a_bundle_has_the_report_that_needs_no_other_routing(made: Made) -> None:
    report = routing_report(ROOT / "runtime/posmoe/models/en-edge", made[1])
    assert set(report) == {"k", "usage", "agreement", "experts"}
    assert sum(row["words"] for row in report["experts"]) == sum(map(len, made[1]))
    assert report["agreement"]["first"] > 80


def test_the_command_prints_the_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], made: Made, tmp_path: Path
) -> None:
    def run(*arguments: Any) -> int | str | None:
        monkeypatch.setattr("sys.argv", ["posmoe-train", "routing", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    assert run(made[0], "--dev", made[0] / "tiny.conllu") == 0
    assert json.loads(capsys.readouterr().out)["usage"]["dead"] >= 0
    (tmp_path / "student.json").write_text("{")
    assert run(tmp_path, "--dev", made[0] / "tiny.conllu") == 1
    assert "cut short" in capsys.readouterr().err
    with pytest.raises(CheckpointError):
        load_student(tmp_path)
