"""Compile the inference kernels ahead of time for a card that need not be there, and say what they take.

    python -m posmoe_kernels.ahead [--arch 80 89 90] [--small]

`--small` leaves out the kernels of large tiles.

Prints kernel, tile, warps, registers a thread, bytes of local memory a thread (spills), bytes of shared memory.
"""

import argparse
from collections.abc import Iterator
from typing import Any, NamedTuple

from posmoe_kernels.network import BUCKETS, LABELS, PROJECTED, Shape

EDGE = Shape(42_498, 17, 51, 48, 24, 32, 32, 16, 2, 16, 8, 5, 4, 6, 80)
ARCHITECTURES = (80, 89, 90)
BYTES, FLOATS = {"table", "pointwise", "output", "gate", "value", "projections"}, {"int8": "*i8"}
INTEGERS = {
    *("ids", "offsets", "tiles", "count", "ends", "tags_out", "tags", "gold", "which", "hubs", "candidates", "upos"),
    *("heads", "relations", "searched"),
}
SCALARS = {"pointwise_inverse", "hidden_inverse", "words_inverse"}


class Compiled(NamedTuple):
    """What one kernel takes on one architecture."""

    kernel: str
    arch: int
    warps: int
    registers: int
    spilled: int
    shared: int


def kernels(s: Shape, small: bool) -> Iterator[tuple[str, Any, dict[str, int], int]]:
    """Name, kernel, compile-time constants and warps of all inference kernels."""
    from posmoe_kernels.context.triton import context_kernel
    from posmoe_kernels.experts.triton import words_kernel
    from posmoe_kernels.packed import LARGE, SMALL
    from posmoe_kernels.trees.triton import trees_kernel

    for size, warps in ((SMALL, 8), (LARGE, 8))[: 1 if small else 2]:
        yield f"context {size}", context_kernel, {"LEXICAL": s.lexical_dim, "ROW": s.row, "W": size, "C": 64}, warps
        constants = {"WIDTH": s.width, "ROW": s.row, "TAGS": s.tags, "K": s.k, "D": s.expert_dim, "OUT": PROJECTED}
        yield f"words {size}", words_kernel, constants | {"W": size, "C": 128, "LOGITS": 0}, warps
    constants = {"TAGS": s.tags, "RANK": s.rank, "Q": s.label_rank, "LEFT": s.left, "RIGHT": s.right, "HUBS": s.hubs}
    constants |= {"WINDOW": s.hub_window, "BUCKETS": BUCKETS, "LABELS": LABELS, "OUT": PROJECTED, "T": 32, "GOLD": 0}
    yield "trees", trees_kernel, constants | {"FIND": 1}, 4
    yield "relations", trees_kernel, constants | {"FIND": 0}, 4


def compile_for(arch: int, small: bool = False, shape: Shape = EDGE) -> Iterator[Compiled]:
    """Compile everything for compute capability arch / 10."""
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    for name, kernel, constants, warps in kernels(shape, small):
        function = kernel.fn  # beneath the choice of warps
        signature = {}
        for argument in function.arg_names:
            kind = "*i8" if argument in BYTES else "*i32" if argument in INTEGERS else "*fp32"
            signature[argument] = "constexpr" if argument in constants else "fp32" if argument in SCALARS else kind
        pointers = [i for i, argument in enumerate(function.arg_names) if signature[argument].startswith("*")]
        source = ASTSource(
            function, signature, constexprs=constants, attrs={(i,): [["tt.divisibility", 16]] for i in pointers}
        )
        options = {"num_warps": warps, "num_stages": 1, "enable_fp_fusion": False}
        built = triton.compile(source, target=GPUTarget("cuda", arch, 32), options=options)
        registers, spilled = resources(built.asm["cubin"])
        yield Compiled(name, arch, warps, registers, spilled, built.metadata.shared)


def resources(cubin: bytes) -> tuple[int, int]:
    """Registers a thread and bytes of local memory a thread, by the cuobjdump that Triton brings; -1 without it."""
    import re
    import subprocess
    import tempfile

    from triton import knobs

    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"REG:(\d+) STACK:(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (-1, -1)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", type=int, nargs="+", default=list(ARCHITECTURES))
    parser.add_argument("--small", action="store_true")
    given = parser.parse_args()
    for arch in given.arch:
        for row in compile_for(arch, given.small):
            print(*row, sep="\t", flush=True)


if __name__ == "__main__":
    main()
