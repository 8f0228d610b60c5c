"""The commands in the order of the data: tokenizer, corpus, teacher, silver, student."""

import json
from pathlib import Path
from typing import Any

import pytest

from posmoe_train.checkpoint import load_student
from posmoe_train.cli import main
from posmoe_train.corpus import Corpus, Targets
from tests.train.encoders import write_encoder
from tests.train.treebank import write_treebank

TEXT = """A cat sings .
Ada reads old books in Rome .
We met twice and they will not come .
A cat sings .
The small dog sleeps on the chair .
The cat sleeps on the chair . Go !
"""
TEACHER: dict[str, object] = {"epochs": 2, "batch_sentences": 4, "arc_dim": 8, "label_dim": 4, "mixed_layers": 2}
SMALL = "parser.features={words=20, remainder=8, suffix2=8, suffix3=8, suffix4=8, prefix3=8, shape=8}"


class Pipeline:
    """A folder in which the commands run."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self._monkeypatch = folder, monkeypatch
        self.treebank = write_treebank(folder / "tiny.conllu", repeat=2)
        self.encoder = write_encoder(folder / "encoder")
        (folder / "raw.txt").write_text(TEXT)

    def __call__(self, *arguments: object) -> int | str | None:
        """Run `posmoe-train`; its exit code."""
        self._monkeypatch.setattr("sys.argv", ["posmoe-train", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    def run(self, *arguments: object) -> None:
        """Run `posmoe-train`, which must succeed."""
        assert self(*arguments) == 0

    @property
    def corpus_file(self) -> Path:
        """What `corpus` writes."""
        return self.folder / "corpus" / "corpus.safetensors"

    def corpus(self) -> Path:
        """The raw text, tokenised and cleaned."""
        self.run("tokenizer", "--train", self.treebank, "--dev", self.treebank, "--out", self.folder / "tokenizer")
        out = self.folder / "corpus"
        options = ["--held-out", self.treebank, "--tokenizer", self.folder / "tokenizer", "--out", out]
        self.run("corpus", self.folder / "raw.txt", *options)
        return self.corpus_file

    def teacher(self, seed: int, **changes: object) -> Path:
        """A teacher of a few epochs."""
        out = self.folder / f"teacher{seed}"
        settings = [f"--set={name}={value}" for name, value in (TEACHER | {"seed": seed} | changes).items()]
        self.run("teacher", self.encoder, "--train", self.treebank, "--dev", self.treebank, "--out", out, *settings)
        return out


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    return Pipeline(tmp_path, monkeypatch)


def test_from_raw_text_to_a_student(pipeline: Pipeline) -> None:
    corpus = Corpus.load(pipeline.corpus())
    summary = json.loads((pipeline.folder / "corpus" / "corpus.json").read_text())
    sentences = [" ".join(corpus.sentence(i)) for i in range(len(corpus))]
    # what comes twice is kept once; sentences of fewer than three words, or with eight words of the treebank, are not
    assert "A cat sings ." in sentences
    assert len(sentences) == len(set(sentences)) == summary["kept"] < summary["sentences"]
    assert "Go !" not in sentences
    assert summary["texts"] == ["raw.txt"]
    assert len(summary["data"]) == 4

    learns = {"epochs": 25, "head_lr": 0.03, "encoder_lr": 0.01, "dropout": 0.0, "biaffine_dropout": 0.0}
    teachers = [pipeline.teacher(seed, **learns) for seed in (1, 2)]
    record = json.loads((teachers[1] / "run.json").read_text())
    assert (record["config"]["seed"], record["config"]["epochs"]) == (2, 25)
    assert len((teachers[1] / "log.jsonl").read_text().splitlines()) == 25

    options: list[Any] = ["--tokenizer", pipeline.encoder / "tokenizer.json", "--min-confidence", "0.0"]
    options += [option for teacher in teachers for option in ("--teacher", teacher)]
    parts = [pipeline.folder / f"silver{i}" for i in range(2)]
    for i, part in enumerate(parts):
        pipeline.run("silver", pipeline.corpus_file, "--out", part, *options, f"--part={i}/2")
    silver = [json.loads((part / "silver.json").read_text()) for part in parts]
    assert sum(part["sentences"] for part in silver) == len(corpus)
    assert silver[0]["teachers"] == ["teacher1", "teacher2"]
    assert list(silver[0]["data"])[2:] == ["teacher1/teacher.safetensors", "teacher2/teacher.safetensors"]
    assert silver[0]["commit"] == summary["commit"] == record["commit"]
    for part, described in zip(parts, silver, strict=True):
        kept, targets = Corpus.load(part / "corpus.safetensors"), Targets.load(part / "targets.safetensors")
        assert len(kept) == described["kept"] > 0
        assert len(kept.words) == len(targets.heads)
        assert (targets.head_p[:, 0] > 0).all()

    out = pipeline.folder / "student"
    options = ["--train", pipeline.treebank, "--dev", pipeline.treebank, "--out", out, "--no-bundle"]
    options += ["--set", "epochs=2", "--set", "batch_words=32", "--set", SMALL]
    pipeline.run("student", *options, *(option for part in parts for option in ("--silver", part)))
    student = load_student(out)
    assert student.labels == silver[0]["labels"]
    assert len(student.keys) == 20
    data = json.loads((out / "run.json").read_text())["data"]
    assert list(data)[1:] == ["silver0/targets.safetensors", "silver1/targets.safetensors"]


def test_teachers_of_other_treebanks_are_refused(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = pipeline.corpus()
    first = pipeline.teacher(1)
    other = pipeline.teacher(2)
    described = json.loads((other / "teacher.json").read_text())
    described["labels"] = described["labels"][::-1]
    (other / "teacher.json").write_text(json.dumps(described))
    options = ["--tokenizer", pipeline.encoder / "tokenizer.json", "--teacher", first, "--teacher", other]
    for command in (["silver", corpus, "--out", pipeline.folder / "silver"], ["ensemble", "--dev", pipeline.treebank]):
        capsys.readouterr()
        assert pipeline(*command, *options) == 1
        assert "teacher2: expected the relations of " in capsys.readouterr().err


def test_teachers_are_scored_one_by_one_and_together(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    teachers = [pipeline.teacher(1), pipeline.teacher(2, tag_weight=1.0, tag_layers=1)]
    capsys.readouterr()
    options = [option for teacher in teachers for option in ("--teacher", teacher)]
    tokenizer = pipeline.encoder / "tokenizer.json"
    assert pipeline("ensemble", *options, "--tokenizer", tokenizer, "--dev", pipeline.treebank) == 0
    scores = json.loads(capsys.readouterr().out)
    assert list(scores) == ["teacher1", "teacher2", "mean"]
    for teacher in teachers:
        # the weights on disk have half the digits
        expected = json.loads((teacher / "teacher.json").read_text())["dev"]
        assert scores[teacher.name] == pytest.approx(expected, abs=3)


def test_teachers_that_know_nothing_leave_no_silver_trees(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = pipeline.corpus()
    options = ["--tokenizer", pipeline.encoder / "tokenizer.json", "--teacher", pipeline.teacher(1)]
    capsys.readouterr()
    assert pipeline("silver", corpus, "--out", pipeline.folder / "silver", *options) == 1
    message = "corpus.safetensors: no sentence of 5 got a tree with a mean confidence of 0.8; lower --min-confidence"
    assert message in capsys.readouterr().err
    assert not (pipeline.folder / "silver").exists()


@pytest.mark.parametrize("part", ["2/2", "1", "-1/2", "a/b"])
def test_a_part_that_is_none_is_refused(part: str, pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = pipeline.folder / "corpus.safetensors"
    Corpus.build([["a", "b", "c"]]).save(corpus)
    options = ["--tokenizer", pipeline.encoder / "tokenizer.json", "--teacher", pipeline.folder, f"--part={part}"]
    assert pipeline("silver", corpus, "--out", pipeline.folder / "silver", *options) == 2
    assert "expected i/n with 0 ≤ i < n" in " ".join(capsys.readouterr().err.split())


def test_without_a_tokeniser_or_a_corpus_the_command_says_which(
    pipeline: Pipeline, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--held-out", pipeline.treebank, "--tokenizer", pipeline.folder / "none", "--out", pipeline.folder]
    assert pipeline("corpus", pipeline.folder / "raw.txt", *options) == 1
    assert "none: expected spec.json and weights.npy of a tokeniser" in capsys.readouterr().err
    options = ["--train", pipeline.treebank, "--dev", pipeline.treebank, "--out", pipeline.folder / "out"]
    assert pipeline("teacher", pipeline.folder, *options) == 1
    assert "expected model.safetensors of MPNet, which is missing" in capsys.readouterr().err
    options = ["--tokenizer", pipeline.encoder / "tokenizer.json", "--teacher", pipeline.folder]
    assert pipeline("silver", pipeline.folder / "none", "--out", pipeline.folder / "silver", *options) == 1
    assert "none: missing, cut short or altered" in capsys.readouterr().err
