"""The same thousand sentences from every language that embeds the parser: equal trees, and words a second of each.

    python -m bench.embedding          # prints a table and appends rows to bench/results/embedding.csv

Every program of PROGRAMS parses the first thousand sentences of EWT's dev part, a sentence a line, on one thread: a
fresh process a turn, RUNS turns in which the programs alternate. Its CoNLL-U must be that of the first one, byte for
byte, or nothing is written. Loading, and writing CoNLL-U, are not counted. A program that can't be had is left out,
with the reason.
"""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from bench import ROOT, data, results

RUNS = 7
ROUNDS = 10
SENTENCES = 1000
FOLDER = ROOT / "bench" / "programs"
MADE = data.MADE / "programs"
CORE = ROOT / "runtime" / "core"
BUNDLE = ROOT / "runtime" / "posmoe" / "models" / "en-edge"


class Missing(Exception):
    """Why a program can't be had here."""


class Program(NamedTuple):
    """A row of the table: its name, the engine it uses, and its command, which is made ready once."""

    name: str
    engine: str
    command: Callable[[], list[str]]


def python(engine: str) -> Callable[[], list[str]]:
    """The Python package with one of its engines."""
    return lambda: [sys.executable, str(FOLDER / "parse.py"), engine]


def library() -> Path:
    """The C library that wheels/build.py compiled."""
    folder = ROOT / "build" / f"cp{sys.version_info.major}{sys.version_info.minor}"
    if not any((folder / name).exists() for name in ("libposmoe.so", "libposmoe.dylib")):
        raise Missing("the C library is not compiled: python wheels/build.py")
    return folder


def compiled(name: str, compiler: str, *arguments: str) -> list[str]:
    """A program, compiled against the C library."""
    if shutil.which(compiler) is None:
        raise Missing(f"there is no compiler named {compiler}")
    folder, program = library(), MADE / name
    MADE.mkdir(parents=True, exist_ok=True)
    link = [f"-I{CORE}", f"-L{folder}", "-lposmoe", f"-Wl,-rpath,{folder}"]
    subprocess.run([compiler, "-O2", *arguments, *link, "-o", str(program)], check=True)
    return [str(program)]


def c() -> list[str]:
    """The C library."""
    return compiled("parse", "cc", str(FOLDER / "parse.c"))


def cpp_onnxruntime() -> list[str]:
    """The C library around the ONNX Runtime that lies in its Python package; ONNXRUNTIME_INCLUDE has its header."""
    header = Path(os.environ.get("ONNXRUNTIME_INCLUDE", "nowhere")) / "onnxruntime_c_api.h"
    if not header.is_file():
        raise Missing("ONNXRUNTIME_INCLUDE names no folder of onnxruntime_c_api.h")
    try:
        import onnxruntime
    except ImportError:
        raise Missing("onnxruntime is not installed") from None
    libraries = sorted(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))
    if not libraries:
        raise Missing("this onnxruntime has no shared library")
    MADE.mkdir(parents=True, exist_ok=True)
    for name in ("libonnxruntime.so", "libonnxruntime.so.1"):
        (MADE / name).unlink(missing_ok=True)
        (MADE / name).symlink_to(libraries[-1])
    example = ROOT / "examples" / "cpp-onnxruntime"
    sources = [str(FOLDER / "parse_onnxruntime.cc"), str(example / "onnx_parser.cc")]
    find = [f"-I{example}", f"-I{header.parent}", f"-L{MADE}", "-lonnxruntime", f"-Wl,-rpath,{MADE}"]
    return compiled("parse_onnxruntime", "c++", "-std=c++17", *sources, *find)


def javascript(program: str, engine: str) -> list[str]:
    """The npm package as js/build.mjs has built it, in Node.js or, by parse_chromium.mjs, in a page of Chromium."""
    package = ROOT / "js"
    if shutil.which("node") is None:
        raise Missing("there is no node")
    if not (package / "dist" / "posmoe.wasm").is_file():
        raise Missing("the npm package is not built: npm run build in js")
    if engine != "native" and not (package / "node_modules" / engine).is_dir():
        raise Missing(f"there is no {engine}: npm ci --ignore-scripts in js")
    return ["node", str(FOLDER / program), engine]


def node(engine: str) -> Callable[[], list[str]]:
    """The npm package in Node.js."""
    return lambda: javascript("parse.mjs", engine)


def chromium(engine: str) -> Callable[[], list[str]]:
    """The npm package in a page of Chromium."""

    def command() -> list[str]:
        browser = shutil.which("chromium") or shutil.which("google-chrome")
        if browser is None:
            raise Missing("there is no Chromium")
        return [*javascript("parse_chromium.mjs", engine), browser]

    return command


PROGRAMS = [
    Program("Python", "native", python("native")),
    Program("C", "native", c),
    Program("Node.js", "native", node("native")),
    Program("Chromium", "native", chromium("native")),
    Program("Python", "onnxruntime", python("onnxruntime")),
    Program("C++", "onnxruntime", cpp_onnxruntime),
    Program("Node.js", "onnxruntime", node("onnxruntime-node")),
    Program("Chromium", "onnxruntime", chromium("onnxruntime-web")),
]


def sentences() -> Path:
    """The text that all programs parse."""
    path = data.path_of("embedding.txt")
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [sentence.text for sentence in data.dev()[:SENTENCES]]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def once(command: list[str], text: Path, rounds: int) -> tuple[bytes, float]:
    """One process: its CoNLL-U, and the seconds of its rounds."""
    run = subprocess.run([*command, str(BUNDLE), str(text), str(rounds)], capture_output=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {run.stderr.decode()}")
    return run.stdout, float(run.stderr)


def measure(runs: int, rounds: int) -> tuple[list[dict[str, object]], list[str]]:
    """The rows of all programs that can be had, and why others can't.

    Raises:
        RuntimeError: a program fails, or its trees are not those of the first one.
    """
    text, commands = sentences(), dict[tuple[str, str], list[str]]()
    missing = []
    for program in PROGRAMS:
        try:
            commands[program.name, program.engine] = program.command()
        except Missing as reason:
            missing.append(f"{program.name} with {program.engine}: {reason}")
    speeds: dict[tuple[str, str], list[float]] = {row: [] for row in commands}
    expected = b""
    for _ in range(runs):
        for row, command in commands.items():
            written, seconds = once(command, text, rounds)
            expected = expected or written
            if written != expected:
                raise RuntimeError(f"{row[0]} with {row[1]} gives other trees than {PROGRAMS[0].name}.")
            speeds[row].append(rounds * words(written) / seconds)
    base = statistics.median(next(iter(speeds.values())))
    rows: list[dict[str, object]] = []
    for (name, engine), values in speeds.items():
        median = statistics.median(values)
        spread = [round(results.quantile(values, share)) for share in (0.2, 0.8)]
        figures = {"words_s": round(median), "low": spread[0], "high": spread[1], "times": f"{median / base:.2f}"}
        rows.append({"program": name, "engine": engine, "sentences": SENTENCES, "runs": runs, **figures})
    return rows, missing


def words(conllu: bytes) -> int:
    """Words of a CoNLL-U text."""
    return sum(line[:1].isdigit() and b"-" not in line.split(b"\t", 1)[0] for line in conllu.split(b"\n"))


def main() -> None:
    """The command."""
    rows, missing = measure(RUNS, ROUNDS)
    stamp = results.stamp()
    results.append("embedding", [{**stamp, **row} for row in rows])
    print(f"{'program':<12}{'engine':<14}{'words/s':>12}  times Python, native")
    for row in rows:
        print(f"{row['program']:<12}{row['engine']:<14}{row['words_s']:>12,}  {row['times']}")
    for reason in missing:
        print(f"left out: {reason}")


if __name__ == "__main__":
    main()
