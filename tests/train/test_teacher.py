"""Training of a teacher on an encoder made on the fly: from files to its folder, killed and resumed, refused."""

import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import posmoe_train.teacher_run as teacher_module
from posmoe_train.conllu import read_treebank
from posmoe_train.data import label_set
from posmoe_train.encoder import Encoder, load_encoder
from posmoe_train.errors import CheckpointError, DivergedError
from posmoe_train.teacher import teacher_loss
from posmoe_train.teacher_run import load_teacher
from tests.train.encoders import CONFIG, train, write_encoder
from tests.train.treebank import write_treebank

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Encoder and treebank."""
    folder = tmp_path_factory.mktemp("teacher")
    return write_encoder(folder / "encoder"), write_treebank(folder / "tiny.conllu", repeat=3)


def log(folder: Path) -> list[dict[str, float]]:
    path = folder / "log.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def test_published_names_are_read_and_what_is_missing_is_named(files: tuple[Path, Path], tmp_path: Path) -> None:
    encoder = load_encoder(files[0])
    torch.manual_seed(5)
    expected = Encoder(8, 2, 2, 16, encoder.word.num_embeddings, 130).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in encoder.state_dict().items())
    tensors = load_file(files[0] / "model.safetensors")
    del tensors["encoder.layer.1.output.dense.bias"]
    save_file(tensors, tmp_path / "model.safetensors")
    for name in ("config.json", "tokenizer.json"):
        (tmp_path / name).write_bytes((files[0] / name).read_bytes())
    with pytest.raises(CheckpointError, match=r"lacks 1 tensors, among them layers.1.outer.bias"):
        load_encoder(tmp_path)
    with pytest.raises(CheckpointError, match=r"expected model.safetensors of MPNet, which is missing"):
        load_encoder(tmp_path / "nowhere")


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded torch")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_teacher_that_was_killed_ends_as_if_nothing_had_been(files: tuple[Path, Path], tmp_path: Path) -> None:
    scores = train(CONFIG, files, tmp_path / "whole")
    broken = tmp_path / "broken"
    process = multiprocessing.get_context("fork").Process(target=train, args=(CONFIG, files, broken))
    process.start()
    while not (broken / "last.ckpt").is_file() and process.is_alive():
        time.sleep(0.002)
    assert process.pid
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert not (broken / "teacher.json").exists()
    assert train(CONFIG, files, broken) == scores
    for name in ("teacher.safetensors", "teacher.json"):
        assert (broken / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert [line["epoch"] for line in log(broken)] == [0, 1, 2]
    assert not (broken / "last.ckpt").exists()  # of a whole encoder it is a gigabyte
    assert train(CONFIG, files, broken) == scores
    assert len(log(broken)) == 3


def train_as(rank: int, port: int, files: tuple[Path, Path], folder: Path) -> None:
    """One process of two, as Lightning starts them."""
    os.environ |= {"LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    train(replace(CONFIG, devices=2, batch_sentences=7), files, folder)


@pytest.mark.skipif(sys.platform != "linux", reason="forks a process that has loaded torch")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_processes_train_one_teacher(files: tuple[Path, Path], tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    fork = multiprocessing.get_context("fork")
    processes = [fork.Process(target=train_as, args=(rank, port, files, tmp_path)) for rank in (0, 1)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(50)
    assert [process.exitcode for process in processes] == [0, 0]
    assert [line["epoch"] for line in log(tmp_path)] == [0, 1, 2]
    assert load_teacher(tmp_path)[1]


def test_a_teacher_comes_back_in_half_precision(files: tuple[Path, Path], tmp_path: Path) -> None:
    train(replace(CONFIG, epochs=1, gradient_checkpointing=True), files, tmp_path)
    teacher, labels = load_teacher(tmp_path)
    assert labels == label_set(read_treebank(files[1]))
    stored = load_file(tmp_path / "teacher.safetensors")
    assert all(torch.equal(value, stored[name].float()) for name, value in teacher.state_dict().items())
    assert teacher.encoder.checkpointing


def test_checkpointing_changes_nothing(files: tuple[Path, Path], tmp_path: Path) -> None:
    config = replace(CONFIG, epochs=1)
    assert train(config, files, tmp_path / "a") == train(
        replace(config, gradient_checkpointing=True), files, tmp_path / "b"
    )
    a, b = (load_file(tmp_path / name / "teacher.safetensors") for name in "ab")
    assert all(torch.equal(value, b[name]) for name, value in a.items())


def test_a_teacher_stops_early_and_keeps_the_best_epoch(files: tuple[Path, Path], tmp_path: Path) -> None:
    scores = train(replace(CONFIG, epochs=30, patience=2, head_lr=0.3), files, tmp_path)
    lines = log(tmp_path)
    assert len(lines) < 30
    assert scores["las"] == pytest.approx(max(line["las"] for line in lines), abs=1e-4)


def test_a_loss_that_is_no_number_stops_the_teacher(
    monkeypatch: pytest.MonkeyPatch, files: tuple[Path, Path], tmp_path: Path
) -> None:
    steps = iter(range(1, 1000))
    right = teacher_loss

    def loss(*arguments: object) -> torch.Tensor:
        found: torch.Tensor = right(*arguments)  # type: ignore[arg-type]
        return found * float("nan") if next(steps) == 8 else found

    monkeypatch.setattr(teacher_module, "teacher_loss", loss)
    with pytest.raises(DivergedError, match="no number at step 8, in epoch 1; the last good checkpoint, of epoch 0"):
        train(CONFIG, files, tmp_path)
    assert (tmp_path / "last.ckpt").is_file()


def test_a_teacher_cut_short_or_of_another_version_is_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected teacher.json and teacher.safetensors; train a teacher first"):
        load_teacher(tmp_path)
    train(replace(CONFIG, epochs=1), files, tmp_path)
    described = json.loads((tmp_path / "teacher.json").read_text())
    weights = tmp_path / "teacher.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-10])
    with pytest.raises(CheckpointError, match=r"teacher.safetensors: missing, cut short or altered"):
        load_teacher(tmp_path)
    weights.write_bytes(whole)
    (tmp_path / "teacher.json").write_text(json.dumps(described | {"labels": ["root"]}))
    with pytest.raises(CheckpointError, match=r"teacher.json and teacher.safetensors don't fit together"):
        load_teacher(tmp_path)
    (tmp_path / "teacher.json").write_text(json.dumps(described | {"format": 0}))
    with pytest.raises(CheckpointError, match="expected format 2, got 0; train it again"):
        load_teacher(tmp_path)
    (tmp_path / "teacher.json").write_text('{"format"')
    with pytest.raises(CheckpointError, match=r"teacher.json: cut short or altered"):
        load_teacher(tmp_path)
