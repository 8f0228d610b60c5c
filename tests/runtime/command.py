"""Runs the command in a process of its own, as users do."""

import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from posmoe.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "posmoe"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "runtime"), "COLUMNS": "100", "NO_COLOR": "1"}


def posmoe(
    *arguments: str | Path, given: bytes = b"", cwd: Path | None = None, before: str = "", **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """Run `posmoe` with standard input `given`; `before` is shell code, such as `ulimit -f 10`."""
    command = [*COMMAND, *map(str, arguments)]
    if before:
        command = ["/bin/sh", "-c", f'{before}\nexec "$@"', "sh", *command]
    options.setdefault("stdout", subprocess.PIPE)
    return subprocess.run(command, input=given, stderr=subprocess.PIPE, env=ENVIRONMENT, cwd=cwd, timeout=50, **options)


def inside(*arguments: str | Path) -> int:
    """Run `posmoe` in this process, which is faster; returns the exit code. Standard error is sys.stderr."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {name: signal.getsignal(getattr(signal, name)) for name in names}
    try:
        with warnings.catch_warnings():
            return int(app.main([*map(str, arguments)], standalone_mode=False))
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def said(result: subprocess.CompletedProcess[bytes]) -> str:
    """Standard error; a traceback there fails the test."""
    text = result.stderr.decode()
    assert "Traceback" not in text, text
    return text
