"""A compiler for another platform: the `zig` that the package ziglang brings, as CMake wants it.

    python wheels/zig.py TARGET c++ ARGUMENTS...      # TARGET such as x86_64-linux-gnu.2.17, aarch64-linux-musl

`toolchain` writes small programs that call this, for CMAKE_C_COMPILER and the like.
"""

import platform
import subprocess
import sys
from pathlib import Path

# GCC's names of instruction sets that zig calls otherwise
FLAGS = {"-march=armv8.2-a+dotprod": "-mcpu=generic+v8_2a+dotprod"}


def toolchain(target: str, folder: Path) -> list[str]:
    """Write the compilers for a target; returns CMake's options that take them."""
    folder.mkdir(parents=True, exist_ok=True)
    for tool in ("cc", "c++", "ar", "ranlib"):
        program = folder / f"zig-{tool}"
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{__file__}" {target} {tool} "$@"\n')
        program.chmod(0o755)
    options = {"C_COMPILER": "cc", "CXX_COMPILER": "c++", "AR": "ar", "RANLIB": "ranlib"}
    machine = target.partition("-")[0]
    other = (
        [] if machine == platform.machine() else ["-DCMAKE_SYSTEM_NAME=Linux", f"-DCMAKE_SYSTEM_PROCESSOR={machine}"]
    )
    return [*(f"-DCMAKE_{name}={folder / f'zig-{tool}'}" for name, tool in options.items()), *other]


def main() -> int:
    """Call zig; returns its exit code."""
    target, tool, *arguments = sys.argv[1:]
    if tool in {"cc", "c++"}:
        arguments = ["-target", target, *(FLAGS.get(argument, argument) for argument in arguments)]
    return subprocess.run([sys.executable, "-m", "ziglang", tool, *arguments], check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
