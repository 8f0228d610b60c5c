"""A run into a folder that is killed at any moment and started again gives what an undisturbed one gives."""

import gzip
import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posmoe.cli.journal import Journal, Shard
from tests.runtime.command import COMMAND, ENVIRONMENT

KILLS = 20
SETTINGS = {"format": "conllu"}


def corpus(folder: Path) -> None:
    """About 600,000 words in files of all kinds, one record malformed, one file cut short."""
    rng = random.Random(7)
    words = "the a I we saw liked old dog man with telescope in park quickly , and then .".split(" ")  # noqa: SIM905

    def text(sentences: int) -> str:
        return "\n\n".join(" ".join(rng.choices(words, k=20)) + "." for _ in range(sentences))

    (folder / "sub").mkdir(parents=True)
    for number in range(8):
        (folder / f"{number}.txt").write_text(text(1500))
    (folder / "empty.txt").touch()
    (folder / "sub" / "packed.txt.gz").write_bytes(gzip.compress(text(9000).encode()))
    (folder / "sub" / "short.txt.gz").write_bytes(gzip.compress(text(4000).encode())[:-500])
    lines = [json.dumps({"text": text(80)}) for _ in range(50)]
    (folder / "x.jsonl").write_text("\n".join([*lines[:20], "{", *lines[20:]]))


def contents(folder: Path) -> dict[str, bytes]:
    """All files of a run."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
@pytest.mark.timeout(180)  # a few seconds, on a machine that does nothing else
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_run_killed_at_random_moments_is_resumed_to_the_same_bytes(tmp_path: Path, threads: str) -> None:
    corpus(tmp_path / "in")
    command = [
        *COMMAND,
        "parse",
        str(tmp_path / "in"),
        "--shard-words",
        "10000",
        "--threads",
        threads,
        "--resume",
        "-o",
    ]
    begun = time.monotonic()
    whole = subprocess.run([*command, str(tmp_path / "whole")], env=ENVIRONMENT, stderr=subprocess.DEVNULL, timeout=50)
    assert whole.returncode == 1  # of the record and the file that are bad
    span = time.monotonic() - begun
    expected = contents(tmp_path / "whole")
    assert len(expected) > 40
    rng = random.Random(11)
    killed = finished = 0
    moments = set()
    while killed < KILLS // 2 or finished == 0:
        out = tmp_path / f"out{finished}"
        process = subprocess.Popen([*command, str(out)], env=ENVIRONMENT, stderr=subprocess.DEVNULL)
        try:
            process.wait(None if killed >= KILLS // 2 else rng.uniform(0.05, 1.0) * span)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
            moments.add(len(list(out.rglob("*.conllu"))))
            continue
        assert process.returncode == 1
        assert contents(out) == expected
        finished += 1
    assert killed == KILLS // 2
    assert len(moments) > 1


def journal(folder: Path) -> Journal:
    return Journal(folder, SETTINGS, True)


def test_a_kill_between_a_file_and_its_line_costs_that_file(tmp_path: Path) -> None:
    first = journal(tmp_path)
    first.entry("a", [1, 2])
    shard = Shard(first, "a.conllu")
    shard.write(b"text")
    shard.finish()
    first.close()
    second = journal(tmp_path)
    assert second.entry("a", [1, 2]).files == []
    second.note(input="a", file="a.conllu", bytes=4, requests=3, totals={"words": 1})
    second.close()
    third = journal(tmp_path)
    entry = third.entry("a", [1, 2])
    assert (entry.files, entry.requests, entry.totals, entry.end) == ([("a.conllu", 4)], 3, {"words": 1}, None)
    third.close()


@pytest.mark.parametrize("kept", range(0, 60, 7))
def test_a_line_cut_short_by_a_kill_is_dropped(tmp_path: Path, kept: int) -> None:
    first = journal(tmp_path)
    first.entry("a", [1, 2])
    path = tmp_path / "_posmoe" / "journal.jsonl"
    before = path.read_bytes()
    first.note(input="a", file="a.conllu", bytes=0, requests=3, totals={})
    first.close()
    line = path.read_bytes()[len(before) :]
    path.write_bytes(before + line[:kept])
    second = journal(tmp_path)
    assert path.read_bytes() == before
    assert second.entry("a", [1, 2]).files == []
    second.close()


@pytest.mark.parametrize("change", ["stamp", "size", "gone"])
def test_an_input_that_changed_or_lost_a_file_begins_anew(tmp_path: Path, change: str) -> None:
    first = journal(tmp_path)
    first.entry("a", [1, 2])
    for name in ("a.1", "a.2"):
        shard = Shard(first, name)
        shard.write(b"text")
        shard.finish()
        first.note(input="a", file=name, bytes=4, requests=3, totals={})
    first.note(input="a", end={})
    first.close()
    if change == "size":
        (tmp_path / "a.2").write_text("te")
    elif change == "gone":
        (tmp_path / "a.1").unlink()
    second = journal(tmp_path)
    entry = second.entry("a", [1, 3 if change == "stamp" else 2])
    assert (entry.files, entry.requests, entry.end) == ([], 0, None)
    assert [path.name for path in tmp_path.iterdir()] == ["_posmoe"]
    second.close()
