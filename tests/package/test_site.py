"""The documentation: the site builds without a broken link, and the guide's examples run."""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.paths import ROOT

PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "runtime"), "PYTHONUTF8": "1", "NO_MKDOCS_2_WARNING": "1"}


@pytest.mark.skipif(find_spec("mkdocs") is None, reason="needs the dependency group docs")
def test_the_site_builds_without_a_broken_link(tmp_path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "mkdocs", "build", "--strict", "-q"]
    run = subprocess.run([*command, "-d", tmp_path], check=False, capture_output=True, env=ENVIRONMENT, cwd=ROOT)
    assert run.returncode == 0, run.stderr.decode()
    page = (tmp_path / "reference" / "python.html").read_text(encoding="utf-8")
    assert "Parse a stream of texts: one document a text" in page
    assert "--k-best" in (tmp_path / "reference" / "command.html").read_text(encoding="utf-8")
    for path in tmp_path.rglob("*.html"):
        loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', path.read_text(encoding="utf-8"))
        assert loaded == [], f"{path.name} loads from elsewhere"


def examples(page: Path) -> str:
    """The Python examples of a page, one after the other."""
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S))


def imported(code: str) -> list[str]:
    """The packages that code imports."""
    return [name.split(".")[0] for name in re.findall(r"^(?:import|from) ([\w.]+)", code, re.M)]


@pytest.mark.parametrize("page", [page for page in PAGES if examples(page)], ids=lambda page: page.stem)
def test_the_examples_of_a_page_run_and_print_what_it_shows(page: Path, tmp_path: Path) -> None:
    code = examples(page)
    missing = [name for name in imported(code) if find_spec(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, env=ENVIRONMENT, cwd=tmp_path)
    assert run.returncode == 0, run.stderr.decode()
    printed = run.stdout.decode()
    for shown in re.findall(r"^```text\n(.*?)^```$", page.read_text(encoding="utf-8"), re.M | re.S):
        assert shown in printed
    for shown in re.findall(r"print\(.*\)  # (.+)$", code, re.M):
        assert shown in printed


def commands(page: Path) -> list[tuple[str, str]]:
    """The names and the options of the commands that a page shows."""
    lines = re.findall(r"^posmoe (\w+)(.*)$", page.read_text(encoding="utf-8"), re.M)
    return [(name, option) for name, rest in lines for option in re.findall(r" (--\w[\w-]*)", rest.partition("#")[0])]


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.stem)
def test_the_commands_of_a_page_have_the_options_that_it_shows(page: Path) -> None:
    shown = commands(page)
    for name in {name for name, _ in shown}:
        command = [sys.executable, "-m", "posmoe", name, "--help"]
        known = subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT).stdout.decode()
        for option in [option for other, option in shown if other == name]:
            assert option in known, f"posmoe {name} {option}"
