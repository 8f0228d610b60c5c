"""Training of a student from files to its folder: resuming, diverging, and the command."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning as L
import pytest
import torch
from lightning.pytorch.callbacks import Callback

from posmoe_train.checkpoint import Student, load_student
from posmoe_train.cli import main
from posmoe_train.errors import DivergedError
from posmoe_train.student_config import StudentConfig
from posmoe_train.student_run import train_student
from tests.bundles import tiny_bundle
from tests.train.treebank import CONFIG, write_treebank

FINETUNED = replace(CONFIG, finetune_epochs=1, quantise_from=0.5)


class KilledError(Exception):
    """The run's machine is gone."""


class Kill(Callback):
    """Stops a run in the middle of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, trainer: L.Trainer, module: Any, outputs: Any, batch: Any, index: int) -> None:
        """After the epoch's first step."""
        if trainer.current_epoch == self.epoch:
            raise KilledError


@pytest.fixture(scope="module")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_treebank(tmp_path_factory.mktemp("treebank") / "tiny.conllu", repeat=3)


def train(config: StudentConfig, treebank: Path, folder: Path, kill: int | None = None) -> Student:
    callbacks = [] if kill is None else [Kill(kill)]
    return train_student(config, treebank, treebank, [], folder, callbacks=callbacks)


@pytest.fixture(scope="module")
def undisturbed(treebank: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Student, Path]:
    folder = tmp_path_factory.mktemp("undisturbed")
    return train(FINETUNED, treebank, folder), folder


def test_a_run_leaves_a_student_its_scores_and_its_record(undisturbed: tuple[Student, Path], treebank: Path) -> None:
    student, folder = undisturbed
    log = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [0, 1, 2]
    assert log[-1]["uas"] == pytest.approx(student.scores["uas"], abs=1e-4)
    assert json.loads((folder / "metrics.json").read_text())["dev_greedy"] == student.scores
    record = json.loads((folder / "run.json").read_text())
    assert record["config"]["parser"]["labels"] == len(student.labels) == 12
    assert list(record["data"]) == [f"{treebank.parent.name}/{treebank.name}"]
    loaded = load_student(folder)
    assert loaded.labels == sorted(student.labels)
    assert loaded.scores == student.scores
    assert len(loaded.keys) == loaded.parser.config.features.words == student.parser.config.features.words


@pytest.mark.parametrize("epoch", [1, 2])
def test_a_run_that_was_killed_and_resumed_is_bit_equal(
    epoch: int, undisturbed: tuple[Student, Path], treebank: Path, tmp_path: Path
) -> None:
    with pytest.raises(KilledError):
        train(FINETUNED, treebank, tmp_path, kill=epoch)
    assert not (tmp_path / "student.json").exists()
    resumed = train(FINETUNED, treebank, tmp_path)
    expected = undisturbed[0].parser.state_dict()
    assert resumed.parser.state_dict().keys() == expected.keys()
    for name, value in resumed.parser.state_dict().items():
        assert torch.equal(value, expected[name]), name
    assert resumed.scores == undisturbed[0].scores
    assert (tmp_path / "student.safetensors").read_bytes() == (undisturbed[1] / "student.safetensors").read_bytes()


def test_a_finished_run_is_not_trained_again(undisturbed: tuple[Student, Path], treebank: Path) -> None:
    student, folder = undisturbed
    names = ("log.jsonl", "student.safetensors", "student.json", "metrics.json")
    before = [(folder / name).read_bytes() for name in names]
    again = train(FINETUNED, treebank, folder)
    assert again.scores == student.scores
    assert [(folder / name).read_bytes() for name in names] == before
    for name in names[1:]:  # a kill between the last checkpoint and these files
        (folder / name).unlink()
    train(FINETUNED, treebank, folder)
    assert [(folder / name).read_bytes() for name in names] == before


def test_another_seed_gives_other_weights(undisturbed: tuple[Student, Path], treebank: Path, tmp_path: Path) -> None:
    other = train(replace(FINETUNED, seed=4), treebank, tmp_path)
    assert not torch.equal(other.parser.root, undisturbed[0].parser.root)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_no_checkpoint_of_it(treebank: Path, tmp_path: Path) -> None:
    message = "the loss is no number at step 2, in epoch 0; no epoch was finished. Train again with a lower"
    with pytest.raises(DivergedError, match=message) as caught:
        train(replace(CONFIG, lr=1e30), treebank, tmp_path)
    assert isinstance(caught.value, ArithmeticError)
    assert not (tmp_path / "last.ckpt").exists()
    assert not (tmp_path / "student.json").exists()


WORD = "1\ta\t_\tX\t_\t_\t0\troot\t_\t_\n"
CYCLE = "2\tb\t_\tX\t_\t_\t3\tdep\t_\t_\n3\tc\t_\tX\t_\t_\t2\tdep\t_\t_\n"


def command(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Run `posmoe-train` in this process; its exit code."""
    monkeypatch.setattr("sys.argv", ["posmoe-train", *map(str, arguments)])
    with pytest.raises(SystemExit) as stopped:
        main()
    code = stopped.value.code
    assert isinstance(code, int)
    return code


def test_the_command_trains(monkeypatch: pytest.MonkeyPatch, treebank: Path, tmp_path: Path) -> None:
    config = tmp_path / "tiny.toml"
    config.write_text("epochs = 9\nbatch_words = 64\n[parser.features]\nsuffix4 = 16\n", encoding="utf-8")
    options = ["--no-bundle", "--config", config, "--set", "epochs=1", "--set", "parser.expert_dim=16"]
    out = tmp_path / "run"
    assert command(monkeypatch, "student", "--train", treebank, "--dev", treebank, "--out", out, *options) == 0
    parser = load_student(out).parser
    assert (parser.config.expert_dim, parser.config.features.suffix4) == (16, 16)
    assert len((out / "log.jsonl").read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("content", "options", "message"),
    [
        ("1\tGo\t_\tVERB\n\n", [], "bad.conllu:1: expected 10 columns separated by tabs, found 4: "),
        (WORD + "2\tb\t_\tX\t_\t_\t0\troot\t_\t_\n", [], "bad.conllu:2: expected one root, found a second one"),
        (WORD + CYCLE, [], "bad.conllu:2: expected a tree, found the cycle 2 → 3 → 2"),
        (WORD.replace("X", "NN"), [], "bad.conllu:1: expected one of the 17 UPOS tags, found 'NN'"),
        ("\n", [], "bad.conllu:1: expected a sentence, found none in the file"),
        ("", ["--set", "epoch=1"], "gold.toml and settings: StudentConfig has no 'epoch'; it has "),
    ],
    ids=["columns", "roots", "cycle", "tag", "empty", "setting"],
)
def test_the_command_refuses_in_one_line(
    content: str,
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    bad = tmp_path / "bad.conllu"
    bad.write_text(content, encoding="utf-8")
    code = command(monkeypatch, "student", "--train", bad, "--dev", bad, "--out", tmp_path / "run", *options)
    assert code == 1
    found = capsys.readouterr().err.splitlines()
    assert len(found) == 1
    assert found[0].startswith("posmoe-train: ")
    assert message in found[0]


def test_the_command_evaluates_a_bundle(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], treebank: Path, tmp_path: Path
) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    assert command(monkeypatch, "evaluate", bundle, "--dev", treebank, "--backend", "onnxruntime") == 0
    scores = json.loads(capsys.readouterr().out)
    assert set(scores) == {"gold_tokens", "raw_text"}
    assert {"upos", "uas", "las"} <= set(scores["gold_tokens"])
    assert {"tokens", "sentences", "words", "upos", "uas", "las"} <= set(scores["raw_text"])
    assert all(0 <= value <= 100 for part in scores.values() for value in part.values())
    assert command(monkeypatch, "evaluate", tmp_path, "--dev", treebank) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1
