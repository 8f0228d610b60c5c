"""The workflows and the list of a release's wheels, as far as they can be checked where they don't run."""

import importlib.util
import shutil
import subprocess
import sys
import tomllib

import pytest

from tests.paths import ROOT

SETTINGS = ROOT / "wheels" / "cibuildwheel.toml"
# platform → its architectures
PLATFORMS = {"linux": ("x86_64", "aarch64"), "macos": ("x86_64", "arm64"), "windows": ("AMD64", "ARM64")}


def test_zizmor_finds_nothing() -> None:
    program = shutil.which("zizmor", path=f"{sys.prefix}/bin") or shutil.which("zizmor")
    if program is None:
        pytest.skip("needs zizmor")
    command = [program, "--offline", "--quiet", "--config", ".github/zizmor.yml", ".github/workflows"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("platform", PLATFORMS)
def test_wheels_are_built_for_every_python_and_machine(platform: str) -> None:
    if importlib.util.find_spec("cibuildwheel") is None:
        pytest.skip("needs cibuildwheel")
    command = [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--config-file", str(SETTINGS)]
    options = ["--platform", platform, "--archs", ",".join(PLATFORMS[platform])]
    run = subprocess.run([*command, *options], cwd=ROOT, capture_output=True, text=True, check=True)
    kinds = {"linux": 2}.get(platform, 1)  # of C libraries
    assert len(run.stdout.split()) == 5 * 2 * kinds
    assert {name.partition("-")[0] for name in run.stdout.split()} == {"cp311", "cp312", "cp313", "cp314", "cp314t"}


def test_the_tests_of_a_wheel_are_there() -> None:
    settings = tomllib.loads(SETTINGS.read_text())["tool"]["cibuildwheel"]
    for name in settings["test-sources"]:
        assert (ROOT / name).exists()
    assert (ROOT / settings["test-command"][1].split()[-1]).is_dir()
