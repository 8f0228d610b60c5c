"""The instruction sets that this machine and build have."""

from posmoe import _core


def _has(name: str) -> bool:
    try:
        return _core.instruction_set(name) == name
    except ValueError:
        return False


SETS = [name for name in ("plain", "neon", "avx2", "avxvnni", "avx512") if _has(name)]
