"""`posmoe parse … -o FOLDER`: a file for each input, a report, refusals."""

import gzip
import io
import json
import os
from pathlib import Path
from typing import Any

import click
import pytest

from posmoe import Parser
from posmoe.cli.journal import Journal
from posmoe.cli.target import target, wants_folder
from posmoe.packing import Unpacked
from tests.runtime.command import inside, posmoe, said
from tests.runtime.test_writers import GIVEN

TEXT = "I saw the dog. I don't know.\n\nHe waved at Wörld."
Said = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of inputs, `in`, in the current one."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in" / "sub").mkdir(parents=True)
    (tmp_path / "in" / "a.txt").write_text(TEXT)
    (tmp_path / "in" / "empty.txt").touch()
    (tmp_path / "in" / "sub" / "b.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "in" / "sub" / "c.jsonl").write_text(json.dumps({"text": TEXT}) + "\n")
    (tmp_path / "in" / "d.conllu").write_text(GIVEN)
    return tmp_path


def written(folder: Path) -> list[str]:
    """The names of the files of output."""
    files = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.startswith("_posmoe/"))


def report(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "_posmoe" / "report.json").read_bytes())
    return found


def test_every_input_has_its_file(tiny: Path, nlp: Parser, folder: Path, capsys: Said) -> None:
    assert inside("parse", "--model", tiny, "in", "-o", "out") == 0
    assert written(folder / "out") == ["a.conllu", "d.conllu", "empty.conllu", "sub/b.conllu", "sub/c.conllu"]
    expected = nlp(TEXT).to_conllu()
    for name, source in (("a", "a.txt"), ("sub/b", "sub/b.txt.gz"), ("sub/c", "sub/c.jsonl:1")):
        assert (folder / "out" / f"{name}.conllu").read_text() == f"# newdoc id = {source}\n{expected}"
    assert (folder / "out" / "empty.conllu").read_bytes() == b""
    sentences, words = 3 * len(nlp(TEXT)) + 1, 3 * len(nlp(TEXT).analysis.words)
    found = report(folder / "out")
    assert (found["complete"], found["inputs"], found["parsed"], found["empty"]) == (True, 5, 5, 1)
    assert (found["sentences"], found["problems"]) == (sentences, [])
    text = f"5 of 5 input(s) parsed, 1 of them empty: {sentences} sentences, {found['words']} words;"
    assert text in capsys.readouterr().err
    assert words < found["words"]
    assert sorted(path.name for path in (folder / "out" / "_posmoe").iterdir()) == [
        *("journal.jsonl", "report.json", "run.json"),
    ]


def unpacked(data: bytes, compress: str) -> bytes:
    return Unpacked(io.BytesIO(data), {"gz": "gzip", "zst": "zstd"}[compress]).read()


@pytest.mark.parametrize(
    ("form", "compress"),
    [("jsonl", "gz"), ("jsonl", "zst"), ("arrow", None), ("arrow", "zst"), ("parquet", None), ("tree", "gz")],
)
def test_formats_and_packing(tiny: Path, nlp: Parser, folder: Path, form: str, compress: str | None) -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    options = ["--format", form, *(["--compress", compress] if compress else [])]
    assert inside("parse", "--model", tiny, "in/*.txt", "-o", "out/", *options) == 0
    suffix = {"tree": ".txt"}.get(form, f".{form}") + (f".{compress}" if compress else "")
    assert written(folder / "out") == [f"a{suffix}", f"empty{suffix}"]
    found = []
    for name in ("a", "empty"):
        data = (folder / "out" / (name + suffix)).read_bytes()
        data = unpacked(data, compress) if compress else data
        if form == "arrow":
            found.append(pa.ipc.open_stream(data).read_all().to_pylist())
        elif form == "parquet":
            found.append(pq.read_table(pa.BufferReader(data)).to_pylist())
        else:
            found.append([json.loads(line) for line in data.splitlines()] if form == "jsonl" else data)
    assert not found[1]
    if form == "tree":
        assert found[0].startswith(b"a.txt:\n")
        return
    assert [row["text"] for row in found[0]] == [sentence.text for sentence in nlp(TEXT)]
    assert {row["source"] for row in found[0]} == {"a.txt"}


@pytest.mark.parametrize("threads", ["1", "2"])
def test_shards_together_are_the_whole(tiny: Path, folder: Path, threads: str) -> None:
    (folder / "in" / "long.txt").write_text("\n\n".join(f"Paragraph {i} of it." for i in range(20_000)))
    options = ["--model", str(tiny), "in/long.txt", "--threads", threads]
    assert inside("parse", *options, "-o", "whole/") == 0
    assert inside("parse", *options, "-o", "parts", "--shard-words", "20000") == 0
    names = written(folder / "parts")
    assert names == [f"long.{number:05}.conllu" for number in range(1, len(names) + 1)]
    assert len(names) > 3
    whole = b"".join((folder / "parts" / name).read_bytes() for name in names)
    assert whole == (folder / "whole" / "long.conllu").read_bytes()


def test_a_folder_with_a_run_is_resumed_or_left_alone(tiny: Path, folder: Path, capsys: Said) -> None:
    options = ["--model", str(tiny), "in", "-o", "out"]
    assert inside("parse", *options, "--resume") == 0
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.conllu")}
    assert inside("parse", *options) == 1
    assert "out: holds a run already. Go on with it by --resume, or name another folder." in capsys.readouterr().err
    assert inside("parse", *options, "--resume", "--format", "jsonl") == 1
    message = 'out: cannot resume: its run has format "conllu", this one "jsonl". Give the same options'
    assert message in capsys.readouterr().err
    assert inside("parse", *options, "--resume", "--precision", "float32") == 1
    assert 'its run has precision "auto", this one "float32"' in capsys.readouterr().err
    (folder / "in" / "new.txt").write_text(TEXT)
    (folder / "in" / "a.txt").write_text("Another.")
    assert inside("parse", *options, "--resume") == 0
    assert "6 of 6 input(s) parsed" in capsys.readouterr().err
    after = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.conllu")}
    changed = {path.name for path, time in after.items() if before.get(path) != time}
    assert changed == {"new.conllu", "a.conllu"}


def test_a_folder_with_other_files_is_refused(tiny: Path, folder: Path, capsys: Said) -> None:
    (folder / "out").mkdir()
    (folder / "out" / "mine").touch()
    for options in ([], ["--resume"]):
        assert inside("parse", "--model", tiny, "in", "-o", "out", *options) == 1
        assert "out: holds files of something else, such as mine. Name an empty folder." in capsys.readouterr().err
        assert [path.name for path in (folder / "out").iterdir()] == ["mine"]


def test_two_runs_into_one_folder_are_refused(tiny: Path, folder: Path, capsys: Said) -> None:
    pytest.importorskip("fcntl")
    first = Journal(folder / "out", {}, False)
    assert inside("parse", "--model", tiny, "in", "-o", "out", "--resume") == 1
    assert "out: another run is writing there." in capsys.readouterr().err
    first.close()


@pytest.mark.parametrize("name", ["run.json", "journal.jsonl"])
def test_a_damaged_state_is_refused(tiny: Path, folder: Path, capsys: Said, name: str) -> None:
    assert inside("parse", "--model", tiny, "in", "-o", "out") == 0
    (folder / "out" / "_posmoe" / name).write_text("{\n")
    assert inside("parse", "--model", tiny, "in", "-o", "out", "--resume") == 1
    assert "is damaged" in capsys.readouterr().err


def test_inputs_that_share_an_output_are_named(tiny: Path, folder: Path, capsys: Said) -> None:
    (folder / "in" / "a.txt.gz").write_bytes(gzip.compress(b"Other."))
    assert inside("parse", "--model", tiny, "in", "-o", "out") == 1
    message = "in/a.txt.gz: its output a.conllu is that of in/a.txt too. Rename one, or parse it apart."
    assert message in capsys.readouterr().err
    assert (folder / "out" / "a.conllu").read_text().count("# sent_id") > 1
    assert report(folder / "out")["problems"] == [{"input": "a.txt.gz", "failure": message}]
    assert inside("parse", "--model", tiny, "in", "-o", "stopped", "--on-error", "stop") == 1
    assert message in capsys.readouterr().err
    assert not (folder / "stopped").exists()


def test_what_cannot_be_read_is_reported_and_tried_again(tiny: Path, folder: Path, capsys: Said) -> None:
    (folder / "in" / "cut.txt.gz").write_bytes(gzip.compress(TEXT.encode() * 100)[:-9])
    (folder / "in" / "gone.txt").symlink_to("nowhere")
    (folder / "in" / "sub" / "c.jsonl").write_text(json.dumps({"text": TEXT}) + '\n{"body": 1}\n{"text": "\\ud800"}\n')
    (folder / "in" / "mixed.txt").write_bytes(b"one \xff two")
    options = ["--model", str(tiny), "in", "-o", "out"]
    assert inside("parse", *options) == 1
    err = capsys.readouterr().err
    assert "in/cut.txt.gz: cannot read it: its gzip data end too early." in err
    assert "in/gone.txt: cannot open it: No such file or directory." in err
    assert "2 of 8 inputs could not be read, or not to their end." in err
    assert "6 of 8 input(s) parsed" in err
    assert "What was left out: out/_posmoe/report.json." in err
    found = report(folder / "out")
    assert (found["failed"], found["skipped"], found["replaced"]) == (2, 1, 1)
    problems = {problem["input"]: problem for problem in found["problems"]}
    assert problems.keys() == {"cut.txt.gz", "gone.txt", "mixed.txt", "sub/c.jsonl"}
    assert problems["sub/c.jsonl"] == {
        "input": "sub/c.jsonl",
        "skipped": 1,
        "records": [{"line": 2, "expected": "a text under 'text'", "found": "the keys 'body'"}],
    }
    assert not any("cut" in name for name in written(folder / "out"))
    (folder / "in" / "cut.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (folder / "in" / "gone.txt").unlink()
    assert inside("parse", *options, "--resume") == 1  # of the record that was left out
    assert (report(folder / "out")["failed"], report(folder / "out")["skipped"]) == (0, 1)
    assert "cut.conllu" in written(folder / "out")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails when it is read")
def test_a_file_that_fails_while_it_is_read(tiny: Path, folder: Path, capsys: Said) -> None:
    (folder / "in" / "bad.txt").symlink_to("/proc/self/mem")
    assert inside("parse", "--model", tiny, "in", "-o", "out") == 1
    assert "in/bad.txt: cannot read it: Input/output error." in capsys.readouterr().err
    assert len(written(folder / "out")) == 5


def test_a_stopped_run_keeps_what_is_whole_and_goes_on(tiny: Path, folder: Path, capsys: Said) -> None:
    (folder / "in" / "b.jsonl").write_text("no\n")
    options = ["--model", str(tiny), "in", "-o", "out", "--on-error", "stop"]
    assert inside("parse", *options) == 1
    assert "in/b.jsonl:1: expected a JSON object" in capsys.readouterr().err
    assert written(folder / "out") == ["a.conllu"]
    found = report(folder / "out")
    assert (found["complete"], found["parsed"]) == (False, 1)
    assert found["stopped"].startswith("in/b.jsonl:1: expected a JSON object")
    (folder / "in" / "b.jsonl").write_text("{}".replace("{}", json.dumps({"text": "Mended."})) + "\n")
    assert inside("parse", *options, "--resume") == 0
    assert report(folder / "out")["complete"]
    assert len(written(folder / "out")) == 6


def test_a_full_disk_is_a_message_and_the_run_can_go_on(tiny: Path, folder: Path) -> None:
    (folder / "in" / "long.txt").write_text("word after word.\n\n" * 20_000)
    options = ["parse", "--model", str(tiny), "in", "-o", "out"]
    result = posmoe(*options, before="ulimit -f 100")
    assert result.returncode == 1
    assert "cannot write out/long.conllu: File too large." in said(result)
    assert "long.conllu" not in written(folder / "out")
    assert posmoe(*options, "--resume").returncode == 0
    assert "long.conllu" in written(folder / "out")


def test_the_output_is_no_input(tiny: Path, folder: Path) -> None:
    for given in (".", "**/*"):
        found = []
        for _ in range(2):
            assert inside("parse", "--model", tiny, given, "-o", "all.conllu") == 0
            found.append((folder / "all.conllu").read_bytes())
        assert found[0] == found[1]
        (folder / "all.conllu").unlink()


def test_texts_and_pipes_have_no_place_in_a_folder(tiny: Path, folder: Path, capsys: Said) -> None:
    for arguments in (["a b"], ["-"], []):
        assert inside("parse", "--model", tiny, *arguments, "-o", "out/") == 1
        assert "cannot write out: it is a folder, for the outputs of files; " in capsys.readouterr().err
    os.mkfifo(folder / "in" / "pipe")
    assert inside("parse", "--model", tiny, "in", "-o", "out") == 1
    assert "in/pipe: is no regular file, so that a run could not be resumed." in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--resume"], ["--shard-words", "5"], ["--resume", "-o", "-"], ["--shard-words", "0", "-o", "out"]],
)
def test_options_of_folders_need_one(tiny: Path, folder: Path, arguments: list[str]) -> None:
    with pytest.raises(click.UsageError):
        inside("parse", "--model", tiny, "in/a.txt", *arguments)


@pytest.mark.parametrize(
    ("output", "inputs", "asked", "expected"),
    [
        (None, ["in"], False, False),
        ("-", ["in"], True, False),
        ("out", ["in"], False, True),
        ("out", ["in/*.txt"], False, True),
        ("out", ["in/a.txt"], False, False),
        ("out/", ["in/a.txt"], False, True),
        ("in", ["in/a.txt"], False, True),
        ("out.conllu", ["in"], False, False),
        ("out.jsonl.gz", ["in"], False, False),
        ("out.d", ["in"], False, True),
        ("out", ["in/a.txt"], True, True),
        ("in/a.txt", ["in"], False, False),
    ],
)
def test_when_the_output_is_a_folder(
    folder: Path, output: str | None, inputs: list[str], asked: bool, expected: bool
) -> None:
    assert wants_folder(output, inputs, asked) == expected


def test_names_tell_format_and_packing() -> None:
    assert target("a.jsonl.zst", None, None) == ("jsonl", ".zst")
    assert target("a.parquet", None, None).suffix == ".parquet"
    assert target("a.out", None, ".gz").suffix == ".conllu.gz"
    assert target("a.jsonl", "conllu", None) == ("conllu", "")
    assert target(None, None, None) == ("conllu", "")
