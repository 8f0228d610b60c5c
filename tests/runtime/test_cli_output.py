"""The command's output is whole or absent, whatever happens to it."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bundles import tiny_bundle
from tests.runtime.command import COMMAND, ENVIRONMENT, posmoe, said

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX devices and signals")
linux = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def test_a_new_file_has_the_usual_permissions(tiny: Path, tmp_path: Path) -> None:
    result = posmoe("parse", "--model", tiny, "a b", "-o", tmp_path / "out")
    assert (result.returncode, said(result), result.stdout) == (0, "", b"")
    (tmp_path / "usual").touch()
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "usual"]


@posix
def test_a_file_that_exists_is_replaced_and_keeps_permissions_and_links(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to("real")
    assert posmoe("parse", "--model", tiny, "a b", "-o", tmp_path / "link").returncode == 0
    assert (tmp_path / "link").is_symlink()
    assert "# text = a b" in (tmp_path / "real").read_text()
    assert stat.S_IMODE((tmp_path / "real").stat().st_mode) == 0o640


def test_a_file_may_be_read_and_replaced_at_once(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("One two.\n\nThree.")
    assert posmoe("parse", "--model", tiny, tmp_path / "x", "-o", tmp_path / "x").returncode == 0
    assert (tmp_path / "x").read_text().count("# sent_id") == 2


@linux
def test_a_full_disk_is_a_message(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, "a b", "-o", "/dev/full")
    assert (result.returncode, said(result)) == (
        1,
        "posmoe: cannot write /dev/full: No space left on device.\n",
    )
    with Path("/dev/full").open("wb") as full:
        result = posmoe("parse", "--model", tiny, "a b", stdout=full)
        assert result.returncode == 1
        assert said(result) == "posmoe: cannot write standard output: No space left on device.\n"
        assert posmoe("info", "--model", tiny, stdout=full).returncode == 1


@posix
def test_a_file_that_cannot_grow_stays_as_it_was(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("old")
    words = b"word after word.\n\n" * 20_000
    result = posmoe("parse", "--model", tiny, "-o", tmp_path / "out", given=words, before="ulimit -f 100")
    assert result.returncode == 1
    assert f"cannot write {tmp_path / 'out'}: File too large." in said(result)
    assert [file.name for file in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out").read_text() == "old"


@posix
@pytest.mark.parametrize("command", ["parse --model {} --threads 2 {}/in.txt", "info --model {}"])
def test_a_closed_pipe_is_quiet(tiny: Path, tmp_path: Path, command: str) -> None:
    (tmp_path / "in.txt").write_text("word after word.\n\n" * 20_000)
    arguments = command.format(tiny, tmp_path).split()
    read, write = os.pipe()
    process = subprocess.Popen([*COMMAND, *arguments], stdout=write, stderr=subprocess.PIPE, env=ENVIRONMENT)
    os.close(write)
    if "parse" in command:
        assert os.read(read, 10) == b"# sent_id "
    os.close(read)
    _, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (0, b"")


@posix
@pytest.mark.parametrize("kind", ["text", "lines", "conllu"])
def test_a_pipe_is_answered_at_each_pause(tiny: Path, kind: str) -> None:
    given = {"text": "a\n\n", "lines": "a\n", "conllu": "1\ta\t_\t_\t_\t_\t_\t_\t_\t_\n\n"}
    command = [*COMMAND, "parse", "--model", str(tiny), "--input", kind, "--format", "jsonl"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdin is not None and process.stdout is not None
    for number in (1, 2, 3):
        process.stdin.write(given[kind].encode())
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["id"] == str(number)
    assert process.communicate(timeout=30)[0] == b""
    assert process.returncode == 0


@posix
def test_devices_and_pipes_are_written_directly(tiny: Path, tmp_path: Path) -> None:
    assert posmoe("parse", "--model", tiny, "a b", "-o", os.devnull).returncode == 0
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE)
    assert posmoe("parse", "--model", tiny, "a b", "-o", pipe).returncode == 0
    assert b"# text = a b" in reader.communicate(timeout=20)[0]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


@posix
@pytest.mark.parametrize(
    ("name", "code"),
    [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)],
    ids=["Ctrl-C", "terminated", "hung up"],
)
@pytest.mark.parametrize(("threads", "paragraphs"), [("1", 20_000), ("2", 80_000)])
def test_an_interrupted_run_leaves_no_file(
    tiny: Path, tmp_path: Path, name: str, code: int, threads: str, paragraphs: int
) -> None:
    arguments = ["parse", "--model", str(tiny), "--threads", threads, "-o", str(tmp_path / "out")]

    def heed() -> None:
        signal.signal(getattr(signal, name), signal.SIG_DFL)  # these tests may themselves run under nohup

    process = subprocess.Popen(
        [*COMMAND, *arguments], stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT, preexec_fn=heed
    )
    assert process.stdin is not None
    process.stdin.write(b"word after word.\n\n" * paragraphs)
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not any(file.stat().st_size for file in tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert any(file.name.endswith(".tmp") for file in tmp_path.iterdir())
    process.send_signal(getattr(signal, name))
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (code, b"")
    assert list(tmp_path.iterdir()) == []


@posix
def test_a_run_under_nohup_outlives_its_terminal(tiny: Path, tmp_path: Path) -> None:
    arguments = ["nohup", *COMMAND, "parse", "--model", str(tiny), "-o", str(tmp_path / "out")]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    assert process.stdin is not None
    process.stdin.write(b"word after word.\n\n" * 20_000)
    process.stdin.flush()
    deadline = time.monotonic() + 30
    while not list(tmp_path.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=50)
    assert process.returncode == 0
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_closed_standard_streams_are_no_crash(tiny: Path) -> None:
    result = posmoe("parse", "--model", tiny, before="exec <&-")
    assert result.returncode == 1
    assert "standard input is closed" in said(result)
    result = posmoe("parse", "--model", tiny, "a b", "none.txt", before="exec 2>&-")
    assert result.returncode == 1
    assert result.stdout.startswith(b"# newdoc")
    assert b"none.txt" not in result.stdout
    result = posmoe("parse", "--model", tiny, "a b", before="exec >&-")
    assert result.returncode == 1
    assert "cannot write standard output" in said(result)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """Text without a paragraph break, the worst case, takes the memory of a block or two."""
    code = (
        "import resource, sys\nfrom posmoe.cli import main\nsys.argv[0] = 'posmoe'\n"
        "try:\n    main()\nfinally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    model = tiny_bundle(tmp_path / "model", max_sentence=100)
    peaks = []
    for megabytes in (2, 4):
        (tmp_path / "in.txt").write_bytes(b"some words and then a stop.\n" * (megabytes * 36_000))
        command = [sys.executable, "-c", code, "parse", "--model", str(model), str(tmp_path / "in.txt")]
        result = subprocess.run(
            [*command, "-o", os.devnull, "--format", "conllu"],
            env=ENVIRONMENT,
            capture_output=True,
            timeout=55,
        )
        assert result.returncode == 0, result.stderr
        peaks.append(int(result.stderr.split()[-1]))
    assert peaks[1] < 1.25 * peaks[0]
