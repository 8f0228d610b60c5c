"""Compile `posmoe._core` with CMake into runtime/posmoe; poetry-core calls this before it packs a wheel."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "runtime" / "posmoe"


def build() -> None:
    """Configure, compile and install the extension; any failure fails the build, in CI a warning does.

    The environment's CMAKE_ARGS are options for CMake, such as a toolchain's.
    """
    for old in built():
        old.unlink()
    free_threaded = "t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    tree = ROOT / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}{free_threaded}"
    cmake = [sys.executable, "-m", "cmake"]
    options = [
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-DPOSMOE_WERROR={'ON' if os.environ.get('CI') == 'true' else 'OFF'}",
        *os.environ.get("CMAKE_ARGS", "").split(),
    ]
    if sys.platform != "win32":  # there Visual Studio's own generator finds its compiler without a prepared shell
        options += ["-G", "Ninja"]
    subprocess.run([*cmake, "--fresh", "-S", ROOT, "-B", tree, *options], check=True)
    subprocess.run([*cmake, "--build", tree, "--config", "Release"], check=True)
    place = ["--prefix", ROOT / "runtime", "--component", "python"]
    subprocess.run([*cmake, "--install", tree, "--config", "Release", *place], check=True)
    check(free_threaded=bool(free_threaded))


def built() -> list[Path]:
    """The compiled extensions that lie in the package."""
    return [path for pattern in ("_core*.so", "_core*.pyd") for path in PACKAGE.glob(pattern)]


def check(free_threaded: bool) -> None:
    """One extension, of the stable ABI where it is due: CMake drops that silently where Python lacks a part for it."""
    names = [path.name for path in built()]
    stable = sys.version_info >= (3, 12) and not free_threaded
    wanted = {"_core.abi3.so", "_core.pyd"} if stable else set(names)
    if len(names) != 1 or names[0] not in wanted:
        raise SystemExit(f"expected one extension{' of the stable ABI' if stable else ''}, got {names}.")


if __name__ == "__main__":
    build()
