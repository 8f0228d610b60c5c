"""Many commands over a few places: their order, their logs, what fails, and what is not run again."""

import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from posmoe_train.cli import main
from posmoe_train.jobs import Job, JobsError, _environment, read_jobs, run_jobs


def command(script: str, name: str) -> str:
    return shlex.join([sys.executable, "-c", script, name])


def jobs(*lines: str) -> list[Job]:
    return read_jobs("\n".join(lines), "jobs.txt")


def test_jobs_have_the_name_of_their_last_argument_and_come_once() -> None:
    first, second = jobs("# a list", "", "train --out runs/base-1  # the first", "train 'two words'")
    assert first.words == ["train", "--out", "runs/base-1"]
    assert first.name.startswith("base-1.") and second.name.startswith("two_words.")
    assert first.name != jobs("train --fast --out runs/base-1")[0].name
    for text, message in (
        ("a 'b", r"jobs.txt:1: expected a command line, got \"a 'b\""),
        ("a\na", "jobs.txt:2: expected every command once, got 'a' again"),
        ("# nothing", "jobs.txt: expected command lines, got none"),
    ):
        with pytest.raises(JobsError, match=message):
            read_jobs(text, "jobs.txt")


def test_a_job_that_fails_stops_no_other_and_what_is_done_is_not_run_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    fail = command(f"import pathlib, sys; print('no'); sys.exit(not pathlib.Path({str(mark)!r}).exists())", "bad")
    well = command(f"open({str(tmp_path / 'count')!r}, 'a').write('x'); print('well')", "good")
    todo, logs = jobs(fail, well), tmp_path / "logs"
    assert [job.name for job in run_jobs(todo, logs, 1, 0)] == [todo[0].name]
    assert (logs / f"{todo[1].name}.log").read_text().splitlines() == [f"$ {well}", "well"]
    mark.touch()
    assert run_jobs(todo, logs, 1, 0) == []
    assert (tmp_path / "count").read_text() == "x"
    assert (logs / f"{todo[0].name}.log").read_text().count("no\n") == 2


def test_each_gpu_gets_its_share_and_no_job_more_than_one(tmp_path: Path) -> None:
    # a job waits for all four, so that they must run at once
    wait = (
        "import os, sys, time; p = sys.argv[1]; open(p + '.' + os.environ['CUDA_VISIBLE_DEVICES'], 'w').close(); "
        "there = lambda: len(os.listdir(os.path.dirname(p))) == 4; [time.sleep(0.01) for _ in iter(there, True)]"
    )
    (tmp_path / "marks").mkdir()
    todo = jobs(*(command(wait, str(tmp_path / "marks" / str(i))) for i in range(4)))
    assert run_jobs(todo, tmp_path / "logs", 2, 2) == []
    assert sorted(path.suffix for path in (tmp_path / "marks").iterdir()) == [".0", ".0", ".1", ".1"]


def test_the_environment_keeps_what_the_caller_chose() -> None:
    assert _environment({"PATH": "x"}, 1, 2, 3) == {"PATH": "x", "CUDA_VISIBLE_DEVICES": "1", "OMP_NUM_THREADS": "3"}
    assert _environment({"CUDA_VISIBLE_DEVICES": "4,7"}, 1, 2, 3)["CUDA_VISIBLE_DEVICES"] == "7"
    given = {"OMP_NUM_THREADS": "9", "CUDA_VISIBLE_DEVICES": ""}
    assert _environment(given, 0, 0, 3) == given


@pytest.mark.skipif(sys.platform == "win32", reason="ends a process by a signal")
def test_ending_the_command_ends_its_jobs(tmp_path: Path) -> None:
    script = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    (tmp_path / "jobs.txt").write_text(command(script, "long") + "\n")
    arguments = ["-m", "posmoe_train", "jobs", str(tmp_path / "jobs.txt"), "--logs", str(tmp_path / "logs")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL, env=environment)
    while not (tmp_path / "pid").is_file() or not (tmp_path / "pid").read_text():
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    process.wait(20)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert not list((tmp_path / "logs").glob("*.done"))


def test_the_command_says_which_log_to_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(text: str) -> int | str | None:
        (tmp_path / "jobs.txt").write_text(text)
        monkeypatch.setattr("sys.argv", ["posmoe-train", "jobs", str(tmp_path / "jobs.txt"), "--logs", str(tmp_path)])
        with pytest.raises(SystemExit) as stopped:
            main()
        return stopped.value.code

    assert run(command("", "well")) == 0
    assert run(command("raise SystemExit(3)", "bad")) == 1
    out, err = capsys.readouterr()
    assert "failed with exit code 3" in out
    assert err.startswith(f"failed: {tmp_path}/bad.") and err.endswith(".log\n")
    assert run("posmoe-nothing x") == 1
    assert "posmoe-nothing: expected a command, got: No such file or directory" in capsys.readouterr().err
