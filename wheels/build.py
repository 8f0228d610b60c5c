"""Compile `posmoe._core` with CMake into runtime/posmoe; poetry-core calls this before it packs a wheel."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build() -> None:
    """Configure, compile and install the extension; any failure fails the build, in CI a warning does."""
    for pattern in ("_core*.so", "_core*.pyd"):
        for old in (ROOT / "runtime/posmoe").glob(pattern):
            old.unlink()
    tree = ROOT / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"
    cmake = [sys.executable, "-m", "cmake"]
    options = [
        f"-DPython_EXECUTABLE={sys.executable}",
        f"-DPOSMOE_WERROR={'ON' if os.environ.get('CI') == 'true' else 'OFF'}",
    ]
    if sys.platform != "win32":  # there Visual Studio's own generator finds its compiler without a prepared shell
        options += ["-G", "Ninja"]
    subprocess.run([*cmake, "--fresh", "-S", ROOT, "-B", tree, *options], check=True)
    subprocess.run([*cmake, "--build", tree, "--config", "Release"], check=True)
    subprocess.run(
        [*cmake, "--install", tree, "--config", "Release", "--prefix", ROOT / "runtime", "--component", "python"],
        check=True,
    )


if __name__ == "__main__":
    build()
