"""Tag a wheel for all Pythons that its extension serves: python wheels/tag.py WHEEL [FOLDER], which prints its path.

poetry-core tags a wheel for the Python that built it. An extension of the stable ABI serves all from 3.12 on, so its
wheel becomes cp312-abi3; others stay as they are. With a folder the wheel is moved there.
"""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

STABLE = {"posmoe/_core.abi3.so", "posmoe/_core.pyd"}


def tag(wheel: Path) -> Path:
    """Rename the wheel where it must be; returns its path."""
    with zipfile.ZipFile(wheel) as archive:
        (extension,) = [name for name in archive.namelist() if name.startswith("posmoe/_core.") and "pyi" not in name]
    if extension not in STABLE or "-abi3-" in wheel.name:
        return wheel
    command = [sys.executable, "-m", "wheel", "tags", "--python-tag=cp312", "--abi-tag=abi3", "--remove", str(wheel)]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    return wheel.with_name(run.stdout.split()[-1])


def main() -> None:
    """The command."""
    wheel = tag(Path(sys.argv[1]))
    print(shutil.move(wheel, sys.argv[2]) if len(sys.argv) > 2 else wheel)


if __name__ == "__main__":
    main()
