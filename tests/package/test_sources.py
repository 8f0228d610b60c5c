"""The tracked files: no traces of a machine, pinned actions, folders that explain themselves."""

import json
import re
import subprocess
import tempfile
import tomllib
from pathlib import Path

from tests.package.test_imports import FOLDERS
from tests.paths import ROOT


def tracked() -> list[Path]:
    """The files of the repository, or all but the built ones where git does not know them."""
    command = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    if run.returncode == 0 and run.stdout:
        return [path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file()]
    built = {
        "build",
        "dist",
        ".venv",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        "__pycache__",
    }
    return [
        path
        for path in ROOT.rglob("*")
        if path.is_file() and not built & set(path.relative_to(ROOT).parts) and path.suffix not in {".so", ".pyd"}
    ]


def test_no_file_names_a_machine_or_a_package_registry() -> None:
    hosts = [b"pypi." + b"org", b"python" + b"hosted.org", b"registry." + b"npmjs", b"file:" + b"///"]
    folders = {ROOT, ROOT.parent, Path.home()} - {Path("/"), Path(tempfile.gettempdir())}
    places = [str(folder).encode() + b"/" for folder in folders]
    found = [
        f"{path.relative_to(ROOT)}: {trace.decode()}"
        for path in tracked()
        for trace in hosts + places
        if trace in path.read_bytes()
    ]
    assert found == []


def test_actions_are_pinned_by_commit_and_permissions_stated() -> None:
    workflows = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
    assert workflows
    for path in workflows:
        text = path.read_text()
        assert "\npermissions:\n  contents: read\n" in text, path
        for action in re.findall(r"uses: (\S+)", text):
            assert action.startswith("./") or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action), action


def test_every_folder_says_what_lives_there() -> None:
    for folder in [*FOLDERS.values(), "wheels", "bench", "tests", "docs", "docs/decisions"]:
        assert (ROOT / folder / "README.md").read_text().startswith("# "), folder


def test_the_training_distribution_collects_the_packages_that_the_wheel_leaves_out() -> None:
    train = tomllib.loads((ROOT / "train" / "pyproject.toml").read_text())
    where = {
        (ROOT / "train" / folder).resolve().name for folder in train["tool"]["setuptools"]["packages"]["find"]["where"]
    }
    assert where == set(FOLDERS.values()) - {"runtime", "kernels"}
    main = tomllib.loads((ROOT / "pyproject.toml").read_text())
    packages = {package["include"]: package.get("format") for package in main["tool"]["poetry"]["packages"]}
    assert packages == {name: None if name in ("posmoe", "posmoe_kernels") else "sdist" for name in FOLDERS}
    assert train["project"]["requires-python"] == main["project"]["requires-python"]


def test_the_npm_package_has_the_same_version() -> None:
    main = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert json.loads((ROOT / "js" / "package.json").read_text())["version"] == main["project"]["version"]


def test_links_between_documents_lead_somewhere() -> None:
    for path in tracked():
        if path.suffix != ".md":
            continue
        for target in re.findall(r"\]\(([^)#:]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path.relative_to(ROOT)}: {target}"
