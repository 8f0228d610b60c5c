"""Source distribution and wheel, built as pip builds them, with the tools of this environment."""

import email
import email.message
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.package.test_public import VERSION
from tests.package.test_sources import tracked
from tests.paths import ROOT

pytest.importorskip("poetry.core", reason="building needs poetry-core, nanobind, cmake and ninja")
pytestmark = pytest.mark.timeout(300)

MEBIBYTE = 1 << 20
BUILD = "import sys; from poetry.core.masonry import api; print(getattr(api, sys.argv[1])(sys.argv[2]))"


def run_build(kind: str, source: Path, out: Path, ci: str = "false") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", BUILD, f"build_{kind}", str(out)]
    environment = os.environ | {"CI": ci}
    return subprocess.run(command, cwd=source, check=False, capture_output=True, text=True, env=environment)


def build(kind: str, source: Path, out: Path) -> Path:
    run = run_build(kind, source, out)
    assert run.returncode == 0, run.stdout + run.stderr
    return out / run.stdout.split()[-1]


def copy_to(copy: Path) -> None:
    """Copy the tracked files."""
    for path in tracked():
        target = copy / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A source distribution of a copy of the tracked files."""
    out = tmp_path_factory.mktemp("sdist")
    copy_to(out / "copy")
    return build("sdist", out / "copy", out)


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel that is built from the source distribution, and from nothing else."""
    out = tmp_path_factory.mktemp("wheel")
    with tarfile.open(sdist) as archive:
        archive.extractall(out, filter="data")
    with zipfile.ZipFile(build("wheel", out / f"pos_moe_parser-{VERSION}", out)) as archive:
        yield archive


def metadata(wheel: zipfile.ZipFile, name: str) -> email.message.Message:
    return email.message_from_bytes(wheel.read(f"pos_moe_parser-{VERSION}.dist-info/{name}"))


def test_the_source_distribution_has_all_packages_and_the_tests(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        if name.endswith((".py", ".cc", ".h", ".pyi")) and not name.startswith("bundles/"):
            assert name in names
    assert {"CMakeLists.txt", "train/pyproject.toml", "LICENSE", "NOTICE", "README.md"} <= names
    assert not [name for name in names if name.endswith((".so", ".pyd"))]


def test_the_wheel_holds_the_package_with_its_core_types_and_models_and_the_kernels(wheel: zipfile.ZipFile) -> None:
    names = wheel.namelist()
    assert {name.partition("/")[0] for name in names} == {
        "posmoe",
        "posmoe_kernels",
        f"pos_moe_parser-{VERSION}.dist-info",
    }
    assert len([name for name in names if name.startswith("posmoe/_core.") and name.endswith((".so", ".pyd"))]) == 1
    for package, folder in (("posmoe", "runtime"), ("posmoe_kernels", "kernels")):
        for path in tracked():
            if path.is_relative_to(ROOT / folder / package):
                assert path.relative_to(ROOT / folder).as_posix() in names
    assert "posmoe/py.typed" in names
    assert [name for name in names if name.startswith("posmoe/models/") and name.endswith("/manifest.json")]


def test_the_wheel_is_small(wheel: zipfile.ZipFile) -> None:
    assert wheel.filename is not None
    assert Path(wheel.filename).stat().st_size <= 15 * MEBIBYTE


def test_the_wheel_is_tagged_for_its_platform(wheel: zipfile.ZipFile) -> None:
    tag = f"cp{sys.version_info.major}{sys.version_info.minor}"
    assert wheel.filename is not None
    assert f"-{tag}-{tag}-" in Path(wheel.filename).name
    assert metadata(wheel, "WHEEL")["Root-Is-Purelib"] == "false"


def test_the_wheel_states_version_licence_requirements_and_the_command(wheel: zipfile.ZipFile) -> None:
    stated = metadata(wheel, "METADATA")
    assert (stated["Name"], stated["Version"]) == ("pos-moe-parser", VERSION)
    assert stated["License-Expression"] == "Apache-2.0"
    assert set(stated.get_all("License-File", [])) == {"LICENSE", "NOTICE"}
    required = {r.split()[0].partition(">")[0] for r in stated.get_all("Requires-Dist", []) if "extra ==" not in r}
    assert required == {"numpy", "click", "rich"}
    assert b"posmoe = posmoe.cli:main" in wheel.read(f"pos_moe_parser-{VERSION}.dist-info/entry_points.txt").replace(
        b"=posmoe", b" = posmoe"
    )


@pytest.mark.parametrize(
    ("ci", "line", "message"),
    [
        ("false", "#error broken on purpose", "broken on purpose"),
        ("true", "static int unused() { return 0; }", "unused"),
    ],
    ids=["an error", "in CI a warning"],
)
def test_a_failed_compile_fails_the_build(tmp_path: Path, ci: str, line: str, message: str) -> None:
    copy_to(tmp_path)
    with (tmp_path / "runtime" / "core" / "bind.cc").open("a") as source:  # compiled first
        source.write(line + "\n")
    run = run_build("wheel", tmp_path, tmp_path, ci)
    assert run.returncode != 0
    assert message in run.stdout + run.stderr
    assert list(tmp_path.glob("*.whl")) == []
