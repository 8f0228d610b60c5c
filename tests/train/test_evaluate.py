"""Oracle scores: the best of k trees against a plain search."""

import json
from pathlib import Path

import pytest

import posmoe
from posmoe_train.cli import main
from posmoe_train.conllu import read_treebank
from posmoe_train.evaluate import evaluate_bundle, oracle_scores
from tests.train.treebank import write_treebank


@pytest.fixture(scope="module")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_treebank(tmp_path_factory.mktemp("oracle") / "tiny.conllu")


def test_the_oracle_is_the_best_of_the_ranked_trees(treebank: Path) -> None:
    gold = read_treebank(treebank)
    nlp = posmoe.load()
    found = oracle_scores(None, gold, 7)
    assert list(found) == ["1", "2", "5", "7"]
    words = sum(map(len, gold))
    for k, scores in found.items():
        right = 0
        for sentence in gold:
            trees = nlp.k_best(sentence.forms, int(k))
            right += max(sum(a == b for a, b in zip(tree.heads, sentence.heads, strict=True)) for tree in trees)
        assert scores["uas"] == pytest.approx(100 * right / words, abs=1e-3)
        assert 0 < scores["probability"] <= 100.001
    single = evaluate_bundle(None, gold)["gold_tokens"]
    assert (found["1"]["uas"], found["1"]["las"]) == (single["uas"], single["las"])


def test_the_command_adds_the_oracle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], treebank: Path
) -> None:
    monkeypatch.setattr("sys.argv", ["posmoe-train", "evaluate", "--dev", str(treebank), "--k-best", "3"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    scores = json.loads(capsys.readouterr().out)["k_best"]
    assert list(scores) == ["1", "2", "3"]
    assert scores["1"]["uas"] <= scores["2"]["uas"] <= scores["3"]["uas"]
