"""Start-up, latency, the command and its memory: what a user waits for who has little text, or writes much of it.

    python -m bench.startup            # prints a table and appends a row to bench/results/startup.csv

A row is of one run: medians of RUNS turns, in which the cases alternate, a fresh process each; bare Python and NumPy
are measured beside them, as the floor. Texts are made from EWT's dev part.

    python_ms, numpy_ms        start and exit of bare Python; of one that imports NumPy
    import_ms, load_ms         the same with `import posmoe`; with `posmoe.load()` besides
    loading_ms                 import and load alone, by the clock of a process that has started
    command_ms                 `posmoe parse "one sentence"` from start to exit
    thousand_ms                `posmoe parse --input lines` of a thousand sentences, into a file
    latency_p50_us, _p99_us    nlp(text) with one sentence of about 20 words, after warming up
    file_words_s               words of a long text a second, from a file to a file of CoNLL-U; start and exit left out
    file_2_words_s             the same with --threads 2
    *_peak_mb                  peak memory: of Python with NumPy, of the command with one sentence, with a text, with
                               one STREAM times as long
    package_mb                 the package with its model on disk
"""

import statistics
import subprocess
import sys
import time
from pathlib import Path

from bench import data, results

RUNS = 11
STREAM = 8
SENTENCE = "I saw the man with a telescope."
PYTHON = [sys.executable, "-c"]
PARSE = [sys.executable, "-m", "posmoe", "parse"]
LOADING = "import time; begin = time.perf_counter(); import posmoe; posmoe.load(); print(time.perf_counter() - begin)"
LATENCY = """
import json, pathlib, sys, time, posmoe
nlp, texts, times = posmoe.load(), pathlib.Path(sys.argv[1]).read_text(encoding="utf-8").splitlines(), []
for turn in range(12):
    for text in map(json.loads, texts):
        begin = time.perf_counter_ns()
        nlp(text)
        times.append(time.perf_counter_ns() - begin)
times = sorted(times[2 * len(texts) :])
print(times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000)
"""
PEAK = "import sys; from bench.worker import peak_mib\ntry: {}\nfinally: print(peak_mib() * 1.048576)"
COMMAND = "sys.argv[0] = 'posmoe'; from posmoe.cli import main; main()"


def texts(folder: Path) -> dict[str, Path]:
    """Writes the texts that the command reads: a thousand sentences, a text, and one STREAM times as long."""
    sentences = [sentence.text for sentence in data.dev()]
    paragraphs = "\n\n".join(" ".join(sentences[i : i + 5]) for i in range(0, len(sentences), 5)) + "\n\n"
    contents = {"thousand": "\n".join(sentences[:1000]), "stream": paragraphs * 8, "long": paragraphs * 8 * STREAM}
    for name, content in contents.items():
        (folder / f"{name}.txt").write_text(content, encoding="utf-8")
    return {name: folder / f"{name}.txt" for name in contents}


def milliseconds(command: list[str]) -> float:
    """Wall time of one fresh process."""
    begin = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1000 * (time.perf_counter() - begin)


def answer(command: list[str]) -> list[float]:
    """The numbers that a fresh process prints."""
    return [float(word) for word in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()]


def measure() -> dict[str, str | float]:
    """All figures of a row."""
    import posmoe

    data.prepare()
    folder = data.path_of("startup")
    folder.mkdir(exist_ok=True)
    paths, out = texts(folder), str(folder / "out.conllu")
    cases = {
        "python": [*PYTHON, "pass"],
        "numpy": [*PYTHON, "import numpy"],
        "import": [*PYTHON, "import posmoe"],
        "load": [*PYTHON, "import posmoe; posmoe.load()"],
        "command": [*PARSE, SENTENCE],
        "thousand": [*PARSE, "--input", "lines", str(paths["thousand"]), "-o", out],
        "stream": [*PARSE, str(paths["stream"]), "-o", out],
        "long": [*PARSE, str(paths["long"]), "-o", out],
        "stream_2": [*PARSE, "--threads", "2", str(paths["stream"]), "-o", out],
        "long_2": [*PARSE, "--threads", "2", str(paths["long"]), "-o", out],
    }
    times: dict[str, list[float]] = {name: [] for name in cases}
    loading: list[float] = []
    latency: list[list[float]] = []
    for _ in range(RUNS):
        for name, command in cases.items():
            times[name].append(milliseconds(command))
        loading += answer([*PYTHON, LOADING])
        latency.append(answer([*PYTHON, LATENCY, str(data.path_of("twenty"))]))
    median = {name: statistics.median(values) for name, values in times.items()}
    words = sum(
        len(document.analysis.words) for document in posmoe.load().pipe([paths["stream"].read_text(encoding="utf-8")])
    )
    package = Path(posmoe.__file__).parent
    row: dict[str, str | float] = {**results.stamp(), "python": sys.version.split()[0]}
    row |= {f"{name}_ms": round(median[name], 1) for name in ("python", "numpy", "import", "load")}
    row["loading_ms"] = round(1000 * statistics.median(loading), 1)
    row |= {f"{name}_ms": round(median[name], 1) for name in ("command", "thousand")}
    for place, name in enumerate(("latency_p50_us", "latency_p99_us")):
        row[name] = round(statistics.median(pair[place] for pair in latency), 1)
    for name in ("", "_2"):
        seconds = (median[f"long{name}"] - median[f"stream{name}"]) / 1000
        row[f"file{name}_words_s"] = round(words * (STREAM - 1) / seconds)
    row["numpy_peak_mb"] = round(answer([*PYTHON, PEAK.format("import numpy")])[0], 1)
    for name, text in (("command", SENTENCE), ("stream", paths["stream"]), ("long", paths["long"])):
        peak = answer([*PYTHON, PEAK.format(COMMAND), "parse", str(text), "-o", out])[0]
        row[f"{name}_peak_mb"] = round(peak, 1)
    files = (file for file in package.rglob("*") if file.is_file() and "__pycache__" not in file.parts)
    row["package_mb"] = round(sum(file.stat().st_size for file in files) / 1e6, 2)
    return row


def main() -> None:
    """Measure, print and append."""
    row = measure()
    results.append("startup", [row])
    for name, value in row.items():
        print(f"{name:16} {value}")


if __name__ == "__main__":
    main()
