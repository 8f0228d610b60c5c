"""What each stage of the native engine costs, by sampling: Linux with `perf`, a compiler and CMake.

    python -m bench.stages [--model NAME|PATH] [--text heldout] [--seconds 10]

Compiles the core with symbols into build/stages, parses a text over and over on one thread (raw text to trees,
`nlp.pipe`) and shares the time out by the functions that samples fall into. Appends to bench/results/stages.csv. Cycles
are those of the time stamp counter, at the processor's nominal frequency; stages below half a per cent go to `other`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench import ROOT, data
from bench.results import append, stamp
from bench.verify import verify

TEST = "tests/core/test_analysis.py"
BUILD = ROOT / "build" / "stages"
WARM = 2  # seconds before the first sample
LOOP = """
import sys, time, posmoe
from bench import data
nlp, texts = posmoe.load(sys.argv[1] or None, backend="native"), data.text(sys.argv[2])
words, end, begin = 0, time.time() + float(sys.argv[3]), time.process_time()
while time.time() < end:
    words += sum(len(document.arrays().heads) for document in nlp.pipe(texts))
each = 1e9 * (time.process_time() - begin) / words
arithmetic = nlp.bundle.manifest["constants"].get("arithmetic", "float32")
print(nlp.bundle.name, nlp.bundle.version, arithmetic, nlp._network.engine.instruction_set, each, sep="|")
"""
# stage → functions, the first that fits counts
STAGES = {
    "tokenise": r"Tokenizer|next_atom|Multiwords|cut_features|BoundaryWalk|mark_|multiword|char_class|find_url",
    "features": r"Features|hash_form|normalise",
    "word table and lookup": r"look_up|lookup|WordCache|ShortForm",
    "gates (sigmoid)": r"sigmoid",
    "norms": r"rms_norm",
    "recurrences": r"recurrence",
    "convolution": r"convolve",
    "matrix products": r"dense|panel|tile",
    "routing": r"route",
    "experts, less products": r"mix_expert",
    "activations and codes": r"gelu|copy\b",
    "arc scores and best heads": r"arcs|is_tree|has_cycle",
    "tree search": r"ListArcs|HeapArcs|Candidates|Contraction|TreeSearch|Decoder|span<",
    "relations": r"label",
    "hand-over of columns": r"Analys|columns|PointWords|Words::|flush",
}


def build() -> Path:
    """A copy of the package with an unstripped core; the folder that holds it."""
    package = BUILD / "package" / "posmoe"
    shutil.rmtree(package, ignore_errors=True)
    shutil.copytree(ROOT / "runtime/posmoe", package, ignore=shutil.ignore_patterns("_core*.so", "__pycache__"))
    options = [f"-DPython_EXECUTABLE={sys.executable}", "-DCMAKE_BUILD_TYPE=RelWithDebInfo"]
    options += ["-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O3 -g1 -DNDEBUG"]
    cmake = [sys.executable, "-m", "cmake"]
    subprocess.run([*cmake, "-S", ROOT, "-B", BUILD / "cmake", *options], check=True, stdout=subprocess.DEVNULL)
    subprocess.run([*cmake, "--build", BUILD / "cmake", "-j", "2"], check=True, stdout=subprocess.DEVNULL)
    for core in (BUILD / "cmake").glob("_core*.so"):
        shutil.copy(core, package)
    return package.parent


def frequency() -> float:
    """Cycles of the time stamp counter in a nanosecond; 0 where the system doesn't tell."""
    info = Path("/proc/cpuinfo")
    found = re.search(r"bogomips\s*:\s*([\d.]+)", info.read_text()) if info.is_file() else None
    return float(found[1]) / 2000 if found else 0.0


def sampled(package: Path, model: str, text: str, seconds: float) -> tuple[list[str], dict[str, float]]:
    """What the loop printed, and the share of each stage."""
    record = BUILD / "perf.data"
    path = os.pathsep.join(map(str, (package, ROOT, ROOT / "train", ROOT / "models")))
    sampling = ["perf", "record", "-q", "-e", "cpu-clock", "-F", "5000", "-D", str(1000 * WARM), "-o", str(record)]
    loop = [sys.executable, "-c", LOOP, model, text, str(WARM + seconds)]
    environment = os.environ | {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run([*sampling, "--", *loop], check=True, capture_output=True, text=True, env=environment)
    report = [
        "perf",
        "report",
        "-i",
        str(record),
        "--stdio",
        "-q",
        "--sort",
        "dso,sym",
        "-F",
        "overhead,dso,sym",
        "-g",
        "none",
    ]
    listing = subprocess.run(report, check=True, capture_output=True, text=True).stdout
    shares: dict[str, float] = {}
    for line in listing.splitlines():
        found = re.match(r"\s*([\d.]+)%\s+(\S+)\s+\[(.)\]\s+(.*)", line)
        if found is None:
            continue
        share, library, level, symbol = float(found[1]) / 100, found[2], found[3], found[4]
        stage = "other"
        if library.startswith("_core"):
            stage = next((name for name, pattern in STAGES.items() if re.search(pattern, symbol)), "other")
        elif level == "k":
            stage = "kernel of the system"
        elif library.startswith("libc."):
            stage = "C library: memory"
        elif "python" in library or "multiarray" in library:
            stage = "Python and NumPy"
        shares[stage] = shares.get(stage, 0.0) + share
    return run.stdout.strip().split("|"), shares


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="")
    parser.add_argument("--text", default="heldout")
    parser.add_argument("--seconds", type=float, default=10)
    given = parser.parse_args()
    if shutil.which("perf") is None:
        raise SystemExit("expected the command perf (Debian: linux-perf), it is not installed: nothing was measured.")
    verify([TEST])
    (name, version, arithmetic, instructions, each), shares = sampled(build(), given.model, given.text, given.seconds)
    small = [stage for stage, share in shares.items() if share < 0.005 and stage != "other"]
    shares["other"] = shares.get("other", 0.0) + sum(shares.pop(stage) for stage in small)
    rows: list[dict[str, object]] = []
    for stage, share in [("all", 1.0), *sorted(shares.items(), key=lambda item: -item[1])]:
        ns = float(each) * share
        row: dict[str, object] = {
            **stamp(),
            "model": f"{name} {version}",
            "arithmetic": arithmetic,
            "instructions": instructions,
        }
        row |= {"instructions": instructions, "text": data.digest(given.text), "stage": stage, "share": round(share, 4)}
        rows.append(row | {"ns_per_word": round(ns, 1), "cycles_per_word": round(ns * frequency())})
        print(f"{share:6.1%} {ns:7.1f} ns  {stage}")
    append("stages", rows)


if __name__ == "__main__":
    main()
