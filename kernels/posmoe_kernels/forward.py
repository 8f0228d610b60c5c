"""All stages of inference on a device, in buffers of one capacity, captured as CUDA graphs."""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posmoe_kernels import packed
from posmoe_kernels.context.triton import context_triton
from posmoe_kernels.experts.triton import words_triton
from posmoe_kernels.network import FEATURES, PROJECTED, Shape, Weights
from posmoe_kernels.trees.triton import trees_triton

COUNTS = 4


class Inputs(NamedTuple):
    """A batch as the kernels read it, int32, all in one block of memory so that one copy moves it."""

    counts: Tensor  # [4], as packed.py numbers them
    small: Tensor  # [R, 2]
    large: Tensor  # [R', 2]
    offsets: Tensor  # [S + 1]
    ids: Tensor  # [n, 6]
    gold: Tensor  # [n], known tags or -1


class Outputs(NamedTuple):
    """What comes out, int32, in one block: tags, heads and relations [n], and which sentences need a search [S]."""

    upos: Tensor
    heads: Tensor
    relations: Tensor
    searched: Tensor


class Capacity(NamedTuple):
    """The most words and sentences of a batch."""

    words: int
    sentences: int

    @property
    def _input_sizes(self) -> list[int]:
        small, large = packed.most_tiles(self.words, self.sentences)
        return [COUNTS, 2 * small, 2 * large, self.sentences + 1, FEATURES * self.words, self.words]

    @property
    def _output_sizes(self) -> list[int]:
        return [self.words] * 3 + [self.sentences]

    def inputs(self, block: Tensor) -> Inputs:
        """The parts of a block of `input_size` numbers."""
        counts, small, large, offsets, ids, gold = _parts(block, self._input_sizes)
        return Inputs(counts, small.view(-1, 2), large.view(-1, 2), offsets, ids.view(-1, FEATURES), gold)

    def outputs(self, block: Tensor) -> Outputs:
        """The parts of a block of `output_size` numbers."""
        return Outputs(*_parts(block, self._output_sizes))

    @property
    def input_size(self) -> int:
        """Numbers of an input block."""
        return sum(map(_aligned, self._input_sizes))

    @property
    def output_size(self) -> int:
        """Numbers of an output block."""
        return sum(map(_aligned, self._output_sizes))


def _aligned(size: int) -> int:
    """A part's room: all parts begin at multiples of 128 bytes, or Triton compiles a kernel for each alignment."""
    return -(-size // 32) * 32


def _parts(block: Tensor, sizes: list[int]) -> list[Tensor]:
    return [
        part[:size] for part, size in zip(torch.split(block, [_aligned(size) for size in sizes]), sizes, strict=True)
    ]


class Scratch(NamedTuple):
    """What lies between the stages."""

    x: Tensor  # [n, width]
    ends: Tensor  # [n, 2]
    tags: Tensor  # [n]
    projected: Tensor  # [n, PROJECTED]
    hubs: Tensor  # [n]
    scores: Tensor  # [n, candidates]
    candidates: Tensor  # [n, candidates]


def bytes_a_word(shape: Shape) -> int:
    """Device memory of a word of capacity."""
    scratch = shape.width + 2 + 1 + PROJECTED + 1 + 2 * shape.candidates
    return 4 * (scratch + 2 * (FEATURES + 1) + 4)


class Forward:
    """One batch at a time from identifiers to trees; buffers and graphs are kept.

    Attributes:
        block, results: the input and output blocks on the device.
        inputs, outputs: their parts.
    """

    def __init__(self, shape: Shape, weights: Weights, capacity: Capacity) -> None:
        """Takes about `bytes_a_word(shape)` bytes of device memory a word of capacity."""
        device, n = weights.table.device, capacity.words
        self.shape, self.weights, self.capacity = shape, weights, capacity

        def room(*sizes: int, dtype: torch.dtype = torch.int32) -> Tensor:
            return torch.zeros(sizes, dtype=dtype, device=device)

        self.block, self.results = room(capacity.input_size), room(capacity.output_size)
        self.inputs, self.outputs = capacity.inputs(self.block), capacity.outputs(self.results)
        self.scratch = Scratch(
            x=room(n, shape.width, dtype=torch.float32),
            ends=room(n, 2),
            tags=room(n),
            projected=room(n, PROJECTED, dtype=torch.float32),
            hubs=room(n),
            scores=room(n, shape.candidates, dtype=torch.float32),
            candidates=room(n, shape.candidates),
        )

    def launch(self, large: bool = True, gold: bool = False, logits: Tensor | None = None) -> None:
        """Run the kernels over the input block.

        Args:
            large: whether it has large tiles.
            gold: whether tags are given.
            logits: gets the tags' logits, [n, tags].
        """
        i, s = self.inputs, self.scratch
        work = [(i.small, packed.SMALL_TILES, packed.SMALL)]
        if large and len(i.large):
            work.append((i.large, packed.LARGE_TILES, packed.LARGE))
        for tiles, number, size in work:
            count = i.counts[number : number + 1]
            context_triton(i.ids, i.offsets, tiles, count, size, self.shape, self.weights, s.x, s.ends)
        for tiles, number, size in work:
            count = i.counts[number : number + 1]
            words_triton(
                s.x, s.ends, i.ids, i.offsets, tiles, count, size, self.shape, self.weights, logits, s.tags, s.projected
            )
        count = i.counts[packed.SENTENCES : packed.SENTENCES + 1]
        self._trees(None, count, self.capacity.sentences, i.gold if gold else None)

    def rename(self, which: Tensor) -> None:
        """Relations anew for the sentences `which`, int32, whose heads were put into `outputs.heads`."""
        count = torch.tensor([len(which)], dtype=torch.int32, device=which.device)
        self._trees(which, count, len(which), None)

    def _trees(self, which: Tensor | None, count: Tensor, programs: int, gold: Tensor | None) -> None:
        s, o = self.scratch, self.outputs
        trees_triton(
            s.projected, s.tags, gold, self.inputs.offsets, which, count, programs, self.shape, self.weights,
            s.hubs, s.scores, s.candidates, o.upos, o.heads, o.relations, o.searched,
        )  # fmt: skip


class Host(NamedTuple):
    """Blocks in pinned host memory, with NumPy views of their parts."""

    block: Tensor
    results: Tensor
    inputs: tuple[NDArray[np.int32], ...]
    outputs: tuple[NDArray[np.int32], ...]


def host_blocks(capacity: Capacity, pinned: bool = True) -> Host:
    """Host memory for one batch."""
    block = torch.zeros(capacity.input_size, dtype=torch.int32, pin_memory=pinned)
    results = torch.zeros(capacity.output_size, dtype=torch.int32, pin_memory=pinned)
    inputs, outputs = capacity.inputs(block), capacity.outputs(results)
    return Host(block, results, tuple(x.numpy() for x in inputs), tuple(x.numpy() for x in outputs))


def fill(
    inputs: tuple[NDArray[np.int32], ...],
    features: NDArray[np.int32],
    offsets: NDArray[np.int64],
    gold: NDArray[np.int32] | None = None,
) -> bool:
    """Write a batch to the parts of an input block; whether it has large tiles.

    Args:
        features: identifiers [n, 6].
        offsets: sentence s has the words offsets[s] .. offsets[s + 1] of them, from 0 to n.
    Raises:
        ValueError: a sentence is longer than a tile.
    """
    counts, small, large, at, ids, known = inputs
    cut = packed.tiles(offsets, packed.SMALL, packed.LARGE)
    counts[:] = len(features), len(offsets) - 1, len(cut.small), len(cut.large)
    small[: len(cut.small)], large[: len(cut.large)] = cut.small, cut.large
    at[: len(offsets)] = offsets
    ids[: len(features)] = features
    if gold is not None:
        known[: len(features)] = gold
    return len(cut.large) > 0
