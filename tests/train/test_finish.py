"""One command from a treebank to a bundle that parses, and what it says where something is missing."""

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("onnxruntime", reason="the export is checked with ONNX Runtime")

import posmoe
from posmoe_train.checkpoint import load_student
from posmoe_train.cli import main
from posmoe_train.conllu import TreebankError, read_treebank
from posmoe_train.data import read_parts
from posmoe_train.finish import default_about
from tests.train.treebank import write_treebank

SMALL = "parser.features={words=20, remainder=8, suffix2=8, suffix3=8, suffix4=8, prefix3=8, shape=8}"


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `posmoe-train` in this process; gives its exit code."""

    def run(*arguments: object) -> int | str | None:
        monkeypatch.setattr("sys.argv", ["posmoe-train", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    return run


@pytest.fixture
def treebank(tmp_path: Path) -> Path:
    return write_treebank(tmp_path / "af_tiny-ud-train.conllu", repeat=3)


@pytest.mark.timeout(240)  # torch.onnx.export takes its time, more on a busy machine
def test_a_treebank_alone_gives_a_bundle_that_parses(command: Any, treebank: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    options = ["--set", "epochs=2", "--set", SMALL, "--set", "parser.expert_dim=16"]
    assert command("student", "--train", treebank, "--out", out, *options) == 0
    nlp = posmoe.load(out / "bundle")
    assert len({path.stat().st_mode for path in (out / "bundle").iterdir()}) == 1  # who may read one may read all
    doc = nlp("The cat sleeps . Go !")
    assert [token.text for sentence in doc for token in sentence] == ["The", "cat", "sleeps", ".", "Go", "!"]
    manifest = json.loads((out / "bundle" / "manifest.json").read_text())
    assert (manifest["name"], manifest["language"], manifest["licence"]) == ("mine", "af", "unknown")
    words = sum(map(len, read_parts(treebank, None)[0]))
    (data,) = manifest["training_data"]
    assert (data["name"], data["licence"], data["words"]) == (treebank.name, "unknown", words)
    record = json.loads((out / "run.json").read_text())
    assert record["config"]["name"] == "gold"
    assert record["config"]["batch_words"] == 1024
    assert json.loads((out / "bundle" / "metrics.json").read_text())["run"]["commit"] == record["commit"]


def test_what_the_export_needs_is_asked_for_before_the_training(
    command: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    treebank: Path,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, "posmoe_export", None)
    assert command("student", "--train", treebank, "--out", tmp_path / "out") == 1
    message = "a bundle needs the package posmoe_export, which is not installed; install it, or train with --no-bundle"
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_bundle_that_cannot_be_made_leaves_the_student(
    command: Any,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    treebank: Path,
    tmp_path: Path,
) -> None:
    def export(*_: Any, **__: Any) -> Path:
        raise ValueError("only 3 % of words equal PyTorch's")

    monkeypatch.setitem(sys.modules, "posmoe_export", SimpleNamespace(export_run=export))
    out = tmp_path / "out"
    assert command("student", "--train", treebank, "--out", out, "--set", "epochs=1", "--set", SMALL) == 1
    assert "out: the parser is trained, but no bundle was made: only 3 %" in capsys.readouterr().err
    assert load_student(out).labels


def test_without_a_development_part_every_tenth_sentence_is_held_out(treebank: Path, tmp_path: Path) -> None:
    sentences = read_treebank(treebank)
    train, dev = read_parts(treebank, None)
    assert dev == [sentences[9], sentences[19]]
    assert train + dev == [s for i, s in enumerate(sentences) if i not in (9, 19)] + dev
    one = tmp_path / "one.conllu"
    one.write_text(treebank.read_text().split("\n\n")[0] + "\n\n")
    assert read_parts(one, None) == (sentences[:1], sentences[:1])
    assert read_parts(treebank, one) == (sentences, sentences[:1])


@pytest.mark.parametrize("part", ["train", "dev"])
def test_a_file_without_a_sentence_is_named(part: str, treebank: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.conllu"
    empty.write_text("\n")
    paths = {"train": treebank, "dev": treebank} | {part: empty}
    with pytest.raises(TreebankError, match=r"empty.conllu:1: expected a sentence, found none in the file"):
        read_parts(paths["train"], paths["dev"])


def test_one_sentence_is_enough_to_train_on(command: Any, treebank: Path, tmp_path: Path) -> None:
    one = tmp_path / "one.conllu"
    one.write_text(treebank.read_text().split("\n\n")[0] + "\n\n")
    out = tmp_path / "out"
    options = ["--no-bundle", "--set", "epochs=30", "--set", SMALL, "--set", "lr=0.02", "--set", "word_dropout=0.0"]
    assert command("student", "--train", one, "--out", out, *options) == 0
    assert load_student(out).scores["uas"] == 100


def test_names_of_ud_tell_the_language() -> None:
    silver = [Path("runs/silver0")]
    assert default_about("x", Path("fro_profiterole-ud-train.conllu.xz"), 7)["language"] == "fro"
    described = default_about("x", Path("train.conllu"), 7, silver)
    assert described["language"] == "und"
    assert [data["name"] for data in described["training_data"]] == ["train.conllu", "silver0"]
    assert {data["licence"] for data in described["training_data"]} == {"unknown"}


class Wandb(ModuleType):
    """Stands in for Weights & Biases: keeps what it is given."""

    def __init__(self) -> None:
        super().__init__("wandb")
        self.__spec__ = SimpleNamespace(name="wandb")  # type: ignore[assignment]
        self.opened: list[dict[str, Any]] = []
        self.lines: list[dict[str, Any]] = []
        self.finished = 0

    def init(self, **options: Any) -> Any:
        self.opened.append(options)
        return self

    def log(self, line: dict[str, Any]) -> None:
        self.lines.append(line)

    def finish(self) -> None:
        self.finished += 1


def test_weights_and_biases_has_the_log_offline(
    command: Any, monkeypatch: pytest.MonkeyPatch, treebank: Path, tmp_path: Path
) -> None:
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setitem(sys.modules, "wandb", wandb := Wandb())
    out = tmp_path / "out"
    options = ["--no-bundle", "--set", "epochs=2", "--set", SMALL]
    for _ in range(2):  # the second time nothing is left to do
        assert command("student", "--train", treebank, "--out", out, *options) == 0
    (first,) = wandb.opened
    assert first["mode"] == "offline"
    assert first["dir"] == out
    assert first["config"]["epochs"] == 2
    assert first["id"]
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in wandb.lines] == [line["epoch"] for line in log]
    assert wandb.lines[1]["las"] == pytest.approx(log[1]["las"], abs=1e-4)
    assert wandb.finished == 1
