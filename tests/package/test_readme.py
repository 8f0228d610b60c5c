"""The README shows what really comes out."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from bench import plots, results, tables, terminal
from tests.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "runtime"), "PYTHONUTF8": "1"}


def output(arguments: list[str], folder: Path = ROOT) -> str:
    """What Python prints, given arguments."""
    command = [sys.executable, *arguments]
    run = subprocess.run(command, check=False, capture_output=True, env=ENVIRONMENT, cwd=folder)
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode()


def test_the_first_example_gives_the_output_that_is_shown() -> None:
    shown = re.search(r"^```console\n\$ posmoe (.*)\n([^`]*)```$", README, re.M)
    assert shown is not None
    assert output(["-m", "posmoe", *shlex.split(shown[1])]).strip("\n") == shown[2].strip("\n")


def test_the_python_example_runs(tmp_path: Path) -> None:
    (code,) = re.findall(r"^```python\n(.*?)^```$", README, re.M | re.S)
    (tmp_path / "corpus.txt").write_text("One text.\nAnother one.\n")
    first = output(["-c", code], tmp_path).splitlines()[0].split(" ")
    assert first[:4] == ["I", "0", "1", "PRON"]


def test_the_shell_examples_are_commands_that_exist() -> None:
    (block,) = re.findall(r"^```sh\n(posmoe .*?)^```$", README, re.M | re.S)
    for name in set(re.findall(r"posmoe (\w+)", block)):
        page = output(["-m", "posmoe", name, "--help"])
        for line in block.splitlines():
            if f"posmoe {name}" in line:
                for option in re.findall(r" (--\w[\w-]*)", line.partition("#")[0]):
                    assert option in page


def test_the_picture_in_the_guide_is_what_is_drawn() -> None:
    drawn = output(["-m", "posmoe", "render", "--format", "svg", "--k-best", "2", "I saw the man with a telescope."])
    assert (ROOT / "docs" / "guide" / "telescope.svg").read_text(encoding="utf-8") == drawn


def test_the_tables_and_claims_are_what_was_measured() -> None:
    assert tables.inputs_table() in README
    assert tables.systems_table() in README
    for path in tables.READMES:
        text = path.read_text(encoding="utf-8")
        assert tables.renewed(text) == text, f"{path.relative_to(ROOT)} is not of the last run: python -m bench readme"
    for _, claim in tables.claims():
        assert claim in " ".join(README.split())


def test_the_charts_are_of_the_last_run() -> None:
    charts = plots.draw()
    speed = {"accuracy.svg", "badge.svg", "batch.svg", "latency.svg", "length.svg", "stages.svg", "threads.svg"}
    assert {*speed, "service_load.svg", "service_soak.svg"} == set(charts)
    for name, chart in charts.items():
        assert (results.FOLDER / name).read_text(encoding="utf-8") == chart, f"{name}: python -m bench plot"


def test_the_terminal_shows_what_the_command_prints() -> None:
    assert terminal.PICTURE.read_text(encoding="utf-8") == terminal.draw(), "python -m bench.terminal"
