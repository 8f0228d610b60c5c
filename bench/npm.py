"""Sizes of the npm package and of the example page, as they are built now.

python -m bench.npm                # prints the sizes and appends a row to bench/results/npm.csv

tarball_mb, unpacked_mb    the package as npm publishes it, and on disk
model_mb, wasm_kb, js_kb   of it the model, the core, and the JavaScript with its types
page_mb                    the example page, one file with all of that in it
"""

import json
import subprocess
import tempfile

from bench import ROOT, results

PACKAGE = ROOT / "js"
PAGE = ROOT / "build" / "browser" / "posmoe.html"


def measure() -> dict[str, str]:
    """The sizes.

    Raises:
        subprocess.CalledProcessError: the package cannot be built or packed.
    """
    for script in ("build", "example"):
        subprocess.run(["npm", "run", "--silent", script], cwd=PACKAGE, check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", folder]
        packed = json.loads(subprocess.run(command, cwd=PACKAGE, check=True, capture_output=True).stdout)
    (package,) = packed if isinstance(packed, list) else packed.values()
    files = {file["path"]: file["size"] for file in package["files"]}
    sizes = {
        "tarball_mb": package["size"],
        "unpacked_mb": package["unpackedSize"],
        "model_mb": sum(size for path, size in files.items() if path.startswith("dist/models/")),
        "page_mb": PAGE.stat().st_size,
        "wasm_kb": files["dist/posmoe.wasm"],
        "js_kb": sum(size for path, size in files.items() if path.endswith((".js", ".d.ts"))),
    }
    return {name: f"{size / 1e6:.2f}" if name.endswith("_mb") else f"{size / 1e3:.0f}" for name, size in sizes.items()}


def main() -> None:
    """The command."""
    row = measure()
    results.append("npm", [{**results.stamp(), **row}])
    for name, value in row.items():
        print(f"{name:<14}{value:>8}")


if __name__ == "__main__":
    main()
