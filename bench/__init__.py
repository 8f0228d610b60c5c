"""The benchmarks; from a clone they run as they are, with the packages of its folders."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / folder) for folder in ("runtime", "models", "train") if str(ROOT / folder) not in sys.path]
