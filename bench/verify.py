"""No figure on a red gate: the tests that a case names run first."""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench import ROOT


def verify(nodes: Iterable[str], rivals: Path | None = None) -> None:
    """Run tests by their pytest node ids; `rivals` is the Python that those of rivals need.

    Raises:
        SystemExit: one of them fails, is missing, or none of an id's tests ran.
    """
    wanted = list(dict.fromkeys(nodes))
    command = [sys.executable, "-m", "pytest", "-q", "-rpfEs", "-p", "no:cacheprovider", *wanted]
    environment = os.environ | ({"POSMOE_RIVALS": str(rivals)} if rivals is not None else {})
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, env=environment)
    idle = unproved(wanted, run.stdout)
    if run.returncode or idle:
        print(run.stdout[-4000:] + run.stderr[-2000:], file=sys.stderr)
        what = f"no test of {', '.join(idle)} passed" if idle else "a test is red"
        raise SystemExit(f"{what}: nothing was measured.")
    print(f"green: {', '.join(wanted)}", flush=True)


def unproved(nodes: Sequence[str], output: str) -> list[str]:
    """The ids of which pytest's summary names no test that passed."""
    passed = [line.removeprefix("PASSED ") for line in output.splitlines() if line.startswith("PASSED ")]
    return [node for node in nodes if not any(one.startswith(node) for one in passed)]
