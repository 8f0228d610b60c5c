"""What `cmake --install` gives a C program: header, libraries, model, CMake package and pkg-config file."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.core.c_library import run
from tests.paths import ROOT

EXAMPLE = ROOT / "examples" / "c"
TEXT = "I don't think so."
TREE = """I\tPRON\t4\tnsubj
do\tAUX\t4\taux
n't\tPART\t4\tadvmod
think\tVERB\t0\troot
so\tADV\t4\tadvmod
.\tPUNCT\t4\tpunct
"""
pytestmark = [
    pytest.mark.skipif(sys.platform == "win32" or shutil.which("cc") is None, reason="needs a compiler named cc"),
    pytest.mark.skipif("POSMOE_C_LIBRARY" in os.environ, reason="programs are not compiled with sanitizers"),
]


@pytest.fixture(scope="module")
def model(prefix: Path) -> Path:
    return prefix / "share" / "posmoe" / "models" / "en-edge"


def library(prefix: Path) -> Path:
    (folder,) = [path.parent for path in prefix.glob("lib*/**/libposmoe.a")]
    return folder


def pkg_config(prefix: Path, *arguments: str) -> list[str]:
    if shutil.which("pkg-config") is None:
        pytest.skip("needs pkg-config")
    return run("pkg-config", *arguments, "posmoe", PKG_CONFIG_PATH=str(library(prefix) / "pkgconfig")).split()


@pytest.fixture(scope="module")
def program(prefix: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, linked with the shared library as its README says."""
    program = tmp_path_factory.mktemp("pkg-config") / "parse"
    flags = pkg_config(prefix, "--cflags", "--libs")
    run("cc", "-std=c99", "-Wall", "-Wextra", "-Werror", EXAMPLE / "parse.c", "-o", program, *flags,
        f"-Wl,-rpath,{library(prefix)}")  # fmt: skip
    return program


def test_a_program_by_pkg_config_parses(program: Path, model: Path) -> None:
    assert run(program, model, TEXT) == TREE


def test_the_pkg_config_file_knows_the_models(prefix: Path, model: Path) -> None:
    (models,) = pkg_config(prefix, "--variable=models")
    assert (Path(models) / "en-edge").resolve() == model.resolve()


def test_a_program_with_the_static_library_parses(prefix: Path, model: Path, tmp_path: Path) -> None:
    flags = pkg_config(prefix, "--cflags", "--libs", "--static")
    run("cc", "-DPOSMOE_STATIC", EXAMPLE / "parse.c", "-o", tmp_path / "parse",
        *["-l:libposmoe.a" if flag == "-lposmoe" and sys.platform == "linux" else flag for flag in flags])  # fmt: skip
    assert run(tmp_path / "parse", model, TEXT) == TREE


def test_a_program_by_cmake_parses(prefix: Path, model: Path, tmp_path: Path) -> None:
    cmake = (sys.executable, "-m", "cmake")
    generator = ("-G", "Ninja") if shutil.which("ninja") else ()
    out = run(*cmake, "-S", EXAMPLE, "-B", tmp_path, f"-DCMAKE_PREFIX_PATH={prefix}", *generator)
    assert f"the English model: {model}" in out
    run(*cmake, "--build", tmp_path)
    assert run(tmp_path / "parse", model, TEXT) == TREE


def test_bad_input_is_told(program: Path, model: Path, tmp_path: Path) -> None:
    for arguments, message in (
        ((tmp_path, TEXT), "manifest.json is missing"),
        ((model, b"caf\xe9"), "expected UTF-8, got an invalid byte at 3"),
        ((model,), "usage:"),
    ):
        result = subprocess.run([program, *arguments], check=False, capture_output=True)
        assert result.returncode in {1, 2}
        assert message in result.stderr.decode()


@pytest.mark.parametrize("text", [TEXT, b"caf\xe9"], ids=["parsed", "refused"])
def test_valgrind_finds_no_leak(program: Path, model: Path, text: str | bytes) -> None:
    if shutil.which("valgrind") is None:
        pytest.skip("needs valgrind")
    command = ["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", "--errors-for-leak-kinds=definite,possible"]
    result = subprocess.run([*command, program, model, text], check=False, capture_output=True)
    assert result.returncode == (0 if text == TEXT else 1), result.stderr.decode()
    assert b"lost" not in result.stderr
