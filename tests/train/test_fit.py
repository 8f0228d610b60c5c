"""What training survives: kills, too little memory, losses that are no numbers; early stopping; several processes."""

import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import posmoe_train.student as student_module
from posmoe_train.checkpoint import Student, load_student
from posmoe_train.errors import CheckpointError, DivergedError, OutOfMemoryError
from posmoe_train.losses import LossWeights, parser_losses
from posmoe_train.memory import checkpoint_gradients
from posmoe_train.run import commit, share
from posmoe_train.student_config import StudentConfig
from posmoe_train.student_run import train_student
from tests.train.test_losses import parser_of, tiny
from tests.train.treebank import CONFIG, write_treebank

KILLS = pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded torch")
FORKS = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
LONG = replace(CONFIG, epochs=5, finetune_epochs=1)


@pytest.fixture(scope="module")
def treebank(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_treebank(tmp_path_factory.mktemp("treebank") / "tiny.conllu", repeat=3)


def train(config: StudentConfig, treebank: Path, folder: Path) -> Student:
    return train_student(config, treebank, treebank, [], folder)


def log(folder: Path) -> list[dict[str, Any]]:
    path = folder / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def kill_after(epochs: int, config: StudentConfig, treebank: Path, folder: Path) -> None:
    """Train in a process of its own, and kill it for good when its log has so many lines."""
    process = multiprocessing.get_context("fork").Process(target=train, args=(config, treebank, folder))
    process.start()
    assert process.pid
    while len(log(folder)) < epochs and process.is_alive():
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL


@KILLS
@FORKS
@pytest.mark.parametrize("patience", [0, 2])
def test_a_run_that_was_killed_twice_ends_as_if_nothing_had_been(patience: int, treebank: Path, tmp_path: Path) -> None:
    config = replace(LONG, patience=patience)
    whole = train(config, treebank, tmp_path / "whole")
    broken = tmp_path / "broken"
    kill_after(1, config, treebank, broken)
    kill_after(3, config, treebank, broken)
    again = train(config, treebank, broken)
    assert again.scores == whole.scores
    names = ("student.safetensors", "student.json", "metrics.json")
    assert all((broken / name).read_bytes() == (tmp_path / "whole" / name).read_bytes() for name in names)
    without_time = [[{**line, "seconds": 0} for line in log(folder)] for folder in (broken, tmp_path / "whole")]
    assert without_time[0] == without_time[1]
    resumed = json.loads((broken / "run.json").read_text())["resumed"]
    assert 1 <= len(resumed) <= 2  # the first kill may have come before the first checkpoint


@KILLS
@FORKS
def test_a_run_by_the_clock_goes_on_after_a_kill_and_takes_its_time_once(treebank: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, minutes=2 / 60, finetune_epochs=1)
    kill_after(2, config, treebank, tmp_path)
    student = train(config, treebank, tmp_path)
    lines = log(tmp_path)
    assert [line["epoch"] for line in lines] == list(range(len(lines)))
    assert lines[-1]["uas"] == pytest.approx(student.scores["uas"], abs=1e-4)
    spent = sum(line["seconds"] for line in lines[:-1])  # the last epoch fine-tunes
    assert spent >= 2 - lines[-2]["seconds"]
    before = (tmp_path / "student.safetensors").read_bytes()
    train(config, treebank, tmp_path)
    assert (tmp_path / "student.safetensors").read_bytes() == before
    assert log(tmp_path) == lines


def test_a_folder_keeps_to_its_configuration_and_its_data(treebank: Path, tmp_path: Path) -> None:
    train(CONFIG, treebank, tmp_path / "run")
    with pytest.raises(CheckpointError, match=r"run: holds a run with another config \(parser.rank was 4, now 8\)"):
        train(replace(CONFIG, parser=replace(CONFIG.parser, rank=8)), treebank, tmp_path / "run")
    other = tmp_path / treebank.parent.name / treebank.name
    other.parent.mkdir()
    write_treebank(other, repeat=2)
    with pytest.raises(CheckpointError, match=r"run: holds a run with another data \(.*tiny.conllu was '"):
        train(CONFIG, other, tmp_path / "run")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-1000]), "last.ckpt: cut short or altered; remove it"),
        (lambda path: path.write_bytes(b""), "last.ckpt: cut short or altered; remove it to begin again"),
        (
            lambda path: torch.save(torch.load(path, weights_only=False) | {"posmoe": 0}, path),
            "last.ckpt: expected a checkpoint of format 1, got 0; remove it to begin again",
        ),
    ],
    ids=["cut short", "empty", "another version"],
)
def test_a_checkpoint_that_is_not_whole_or_not_ours_is_refused(
    damage: Callable[[Path], Any], message: str, treebank: Path, tmp_path: Path
) -> None:
    train(replace(CONFIG, epochs=1), treebank, tmp_path)
    damage(tmp_path / "last.ckpt")
    with pytest.raises(CheckpointError, match=message):
        train(replace(CONFIG, epochs=1), treebank, tmp_path)


def failing(monkeypatch: pytest.MonkeyPatch, steps: set[int], failure: Callable[[Any], Any]) -> None:
    """Let the losses of some calls, counted from 1, go through `failure`."""
    calls = iter(range(1, 1000))

    def losses(*arguments: Any) -> dict[str, torch.Tensor]:
        found = parser_losses(*arguments)
        return failure(found) if next(calls) in steps else found

    monkeypatch.setattr(student_module, "parser_losses", losses)


def no_memory(terms: Any) -> Any:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_where_memory_runs_out_the_batch_is_halved_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], treebank: Path, tmp_path: Path
) -> None:
    whole = train(CONFIG, treebank, tmp_path / "whole")
    failing(monkeypatch, {12}, no_memory)  # in the second epoch
    halved = train(CONFIG, treebank, tmp_path / "halved")
    said = capsys.readouterr().out
    assert "out of memory: going on from the last checkpoint with half the batch" in said
    assert ("no GPU found: training on the CPU" in said) == (torch.cuda.device_count() == 0)
    assert json.loads((tmp_path / "halved" / "run.json").read_text())["batch_halved"] is True
    one, two = log(tmp_path / "whole"), log(tmp_path / "halved")
    assert [line["epoch"] for line in one] == [line["epoch"] for line in two] == [0, 1]
    assert one[0] | {"seconds": 0} == two[0] | {"seconds": 0}
    assert two[1]["step"] > one[1]["step"]
    assert halved.labels == whole.labels
    failing(monkeypatch, {12, 15}, no_memory)
    with pytest.raises(OutOfMemoryError, match="also for half a batch; set a smaller batch, or gradient_checkpoint"):
        train(CONFIG, treebank, tmp_path / "twice")


def test_a_loss_that_is_no_number_names_its_step_and_leaves_the_checkpoint_before(
    monkeypatch: pytest.MonkeyPatch, treebank: Path, tmp_path: Path
) -> None:
    first = train(replace(LONG, epochs=1, finetune_epochs=0), treebank, tmp_path / "one")
    per_epoch = log(tmp_path / "one")[0]["step"]
    assert first.scores
    failing(monkeypatch, {per_epoch + 2}, lambda terms: terms | {"loss": terms["loss"] * float("nan")})
    message = (
        f"the loss is no number at step {per_epoch + 2}, in epoch 1; the last good checkpoint, of epoch 0, is kept"
    )
    with pytest.raises(DivergedError, match=message):
        train(LONG, treebank, tmp_path / "run")
    assert len(log(tmp_path / "run")) == 1
    monkeypatch.undo()
    train(LONG, treebank, tmp_path / "run")
    assert [line["epoch"] for line in log(tmp_path / "run")] == list(range(6))


def test_training_stops_early_and_keeps_the_best_epoch(treebank: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=40, patience=2, lr=0.2, average=0.5)
    student = train(config, treebank, tmp_path)
    lines = log(tmp_path)
    assert len(lines) < 40
    best = max(lines, key=lambda line: line["las"])
    assert lines[-1]["epoch"] == best["epoch"] + 2
    assert student.scores["las"] == pytest.approx(best["las"], abs=1e-4)
    assert load_student(tmp_path).scores == student.scores


def test_mixed_precision_trains_other_weights_to_like_scores(treebank: Path, tmp_path: Path) -> None:
    full, mixed = (train(replace(CONFIG, precision=p), treebank, tmp_path / p) for p in ("32-true", "bf16-mixed"))
    assert not torch.equal(full.parser.root, mixed.parser.root)
    torch.testing.assert_close(mixed.parser.root, full.parser.root, atol=0.05, rtol=0.05)
    assert mixed.scores["uas"] > 0


@pytest.mark.parametrize("scorer", ["linear", "biaffine"])
def test_gradient_checkpointing_changes_no_gradient(scorer: str, tmp_path: Path) -> None:
    examples = tiny(tmp_path)
    batch = examples.batch(np.arange(len(examples)))
    changes: dict[str, Any] = {"scorer": scorer, "trunk_dim": 6, "trunk_layers": 2}
    gradients = []
    for checkpointing in (False, True):
        parser = parser_of(**changes)
        for module in parser.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.5
        if checkpointing:
            checkpoint_gradients(parser)
        torch.manual_seed(0)
        loss = parser_losses(parser, batch, LossWeights())["loss"]
        torch.autograd.backward(loss)
        gradients.append({name: p.grad for name, p in parser.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    assert all(torch.equal(value, gradients[1][name]) for name, value in gradients[0].items())


def test_outside_a_checkout_the_environment_names_the_commit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path))  # no repository
    assert commit() == "unknown"
    monkeypatch.setenv("POSMOE_COMMIT", "abc123")
    assert commit() == "abc123"


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_every_process_has_as_many_batches_and_none_is_left_out(world: int, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = []
    for rank in range(world):
        monkeypatch.setattr("posmoe_train.run.rank_and_world", lambda rank=rank: (rank, world))
        parts.append(share(range(4)))
    assert {len(part) for part in parts} == {-(-4 // world)}
    assert {i for part in parts for i in part} == {0, 1, 2, 3}


def train_as(rank: int, port: int, config: StudentConfig, treebank: Path, folder: Path) -> None:
    """One process of two, as Lightning starts them; leaves its weights beside the run."""
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    student = train(config, treebank, folder / "run")
    torch.save(student.parser.state_dict(), folder / f"{rank}.pt")


@KILLS
@FORKS
@pytest.mark.parametrize("minutes", [0.0, 1 / 60])
def test_two_processes_train_one_model(minutes: float, treebank: Path, tmp_path: Path) -> None:
    config = replace(CONFIG, devices=2, minutes=minutes, epochs=2)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=train_as, args=(rank, port, config, treebank, tmp_path)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(50)
    assert [process.exitcode for process in processes] == [0, 0]
    one, two = (torch.load(tmp_path / f"{rank}.pt") for rank in (0, 1))
    assert all(torch.equal(value, two[name]) for name, value in one.items())
    lines = log(tmp_path / "run")
    assert [line["epoch"] for line in lines] == list(range(len(lines)))
    assert load_student(tmp_path / "run").scores["uas"] == pytest.approx(lines[-1]["uas"], abs=1e-4)
    if not minutes:
        train(replace(CONFIG, epochs=2), treebank, tmp_path / "alone")
        assert [line["step"] * 2 for line in lines] == [line["step"] for line in log(tmp_path / "alone")]
