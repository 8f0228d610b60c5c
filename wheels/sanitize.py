"""Run the core's tests under sanitizers: python wheels/sanitize.py address,undefined|thread [pytest's arguments].

Compiles the core with them into build/sanitize-NAME beside links to the package, and runs pytest on that package. The
sanitizer's library is loaded before Python, which knows nothing of it. GCC or Clang on Linux.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = {"address,undefined": "libasan.so", "thread": "libtsan.so"}
TESTS = {
    "address,undefined": ["tests/core", "tests/fuzz", "tests/runtime/test_writers.py"],
    "thread": ["tests/core", "tests/runtime/test_native.py", "tests/runtime/test_pipeline.py", "-k", "thread or pipe"],
}
OPTIONS = {
    # Python's own allocator would hide what lies behind a block; what Python keeps till its end is no leak of ours
    "PYTHONMALLOC": "malloc",
    "ASAN_OPTIONS": "detect_leaks=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": f"halt_on_error=1:suppressions={Path(__file__).parent / 'thread.supp'}",
}


def build(sanitizers: str) -> Path:
    """Compile; returns the folder that holds the package."""
    tree = ROOT / "build" / f"sanitize-{sanitizers.replace(',', '-')}"
    site = tree / "site"
    cmake = [sys.executable, "-m", "cmake"]
    options = [f"-DPython_EXECUTABLE={sys.executable}", f"-DPOSMOE_SANITIZE={sanitizers}", "-G", "Ninja"]
    options.append("-DCMAKE_BUILD_TYPE=RelWithDebInfo")
    subprocess.run([*cmake, "-S", ROOT, "-B", tree, *options], check=True)
    subprocess.run([*cmake, "--build", tree], check=True)
    (site / "posmoe").mkdir(parents=True, exist_ok=True)
    for old in (site / "posmoe").iterdir():
        old.unlink()
    for path in (ROOT / "runtime" / "posmoe").iterdir():
        if path.suffix not in {".so", ".pyd"} and path.name != "__pycache__":
            (site / "posmoe" / path.name).symlink_to(path)
    subprocess.run([*cmake, "--install", tree, "--prefix", site, "--component", "python"], check=True)
    return site


def preload(sanitizers: str) -> str:
    """The libraries that must be there before Python: the sanitizer's, and C++'s so that it sees exceptions."""
    compiler = os.environ.get("CXX", "g++")
    found = []
    for name in (LIBRARIES[sanitizers], "libstdc++.so.6"):
        run = subprocess.run([compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True)
        path = Path(run.stdout.strip())
        if not path.is_absolute():
            raise SystemExit(f"{compiler} has no {name}: install the compiler's sanitizer libraries.")
        found.append(str(path.resolve()))
    return ":".join(found)


def main() -> int:
    """Build and test; returns pytest's exit code."""
    if len(sys.argv) < 2 or sys.argv[1] not in LIBRARIES:
        print(f"usage: python wheels/sanitize.py {'|'.join(LIBRARIES)} [pytest's arguments]", file=sys.stderr)
        return 2
    sanitizers, given = sys.argv[1], sys.argv[2:]
    tests = given if any(argument.startswith("tests") for argument in given) else [*TESTS[sanitizers], *given]
    site = build(sanitizers)
    folders = [site, ROOT, *(ROOT / name for name in ("models", "train", "kernels", "quant", "export"))]
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-o", "timeout=900", "--capture=sys"]
    command += ["-o", f"pythonpath={' '.join(map(str, folders))}", *tests]
    environment = os.environ | OPTIONS | {"LD_PRELOAD": preload(sanitizers), "PYTHONPATH": str(site)}
    environment["POSMOE_C_LIBRARY"] = str(site.parent)
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


if __name__ == "__main__":
    raise SystemExit(main())
