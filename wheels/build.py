"""Compile `posmoe._core` with CMake into runtime/posmoe; poetry-core calls this before it packs a wheel."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def build() -> None:
    """Configure, compile and install the extension; any failure fails the build."""
    for old in (ROOT / "runtime/posmoe").glob("_core.*.so"):
        old.unlink()
    tree = ROOT / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"
    cmake = [sys.executable, "-m", "cmake"]
    subprocess.run(
        [*cmake, "--fresh", "-G", "Ninja", "-S", ROOT, "-B", tree, f"-DPython_EXECUTABLE={sys.executable}"],
        check=True,
    )
    subprocess.run([*cmake, "--build", tree], check=True)
    subprocess.run([*cmake, "--install", tree, "--prefix", ROOT / "runtime"], check=True)


if __name__ == "__main__":
    build()
