"""Lookup, norms and the first recurrence as one kernel: a program a tile of whole sentences."""

import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.maths import both_ways, sigmoid
from posmoe_kernels.network import FEATURES, Shape, Weights
from posmoe_kernels.tuning import tuned


@triton.jit
def looked_up(ids, table, scale, word, inside, channel, used, FIRST: tl.constexpr, ROW: tl.constexpr):
    """Channels FIRST + `channel` of the sum of a word's six table rows, [words, channels]."""
    total = tl.load(ids + word * 6, mask=inside, other=0)[:, None] * 0.0
    for feature in tl.static_range(6):
        row = tl.load(ids + word * 6 + feature, mask=inside, other=0)
        size = tl.load(scale + row, mask=inside, other=0.0)
        place = row[:, None] * ROW + (FIRST + channel)
        codes = tl.load(table + place, mask=inside[:, None] & used, other=0)
        total += codes.to(tl.float32) * size[:, None]
    return total


@triton.jit
def sentence_of(offsets, word, first, last, W: tl.constexpr):
    """The sentence of first .. last that holds each word, by bisection."""
    low = word * 0 + first
    high = word * 0 + last
    step = W
    while step > 0:
        middle = (low + high) // 2
        below = tl.load(offsets + middle) <= word
        more = high - low > 1
        low = tl.where(more & below, middle, low)
        high = tl.where(more & (below == 0), middle, high)
        step = step // 2
    return low


@tuned(warps=(2, 4, 8), key=("W",))
@triton.jit
def context_kernel(
    ids, offsets, tiles, count, table, scale, lexical_norm, context_norm, x, ends,
    LEXICAL: tl.constexpr, ROW: tl.constexpr, W: tl.constexpr, C: tl.constexpr,
):  # fmt: skip
    """x [n, 2 LEXICAL], and begin and end of each word's sentence, int32 [n, 2], for the kernel that comes next."""
    tile = tl.program_id(0)
    if tile < tl.load(count):
        first, last = tl.load(tiles + 2 * tile), tl.load(tiles + 2 * tile + 1)
        begin, end = tl.load(offsets + first), tl.load(offsets + last)
        word = begin + tl.arange(0, W)
        inside = word < end
        sentence = sentence_of(offsets, word, first, last, W)
        opens, closes = tl.load(offsets + sentence), tl.load(offsets + sentence + 1)
        tl.store(ends + 2 * word, opens, mask=inside)
        tl.store(ends + 2 * word + 1, closes, mask=inside)

        channel = tl.arange(0, C)[None, :]
        used = channel < LEXICAL
        real = inside[:, None] & used
        lexical = looked_up(ids, table, scale, word, inside, channel, used, 0, ROW)
        mean = tl.sum(lexical * lexical, 1) / LEXICAL
        norm = 1.0 / tl.sqrt_rn(mean + 1e-6)
        lexical = lexical * norm[:, None] * tl.load(lexical_norm + channel, mask=used, other=0.0)
        gates = looked_up(ids, table, scale, word, inside, channel, used, LEXICAL, ROW)
        z = tl.where(real, sigmoid(gates), 0.0)
        state = both_ways(z, lexical, channel, (word == opens)[:, None], (word == closes - 1)[:, None], LEXICAL // 2)

        mean = (tl.sum(lexical * lexical, 1) + tl.sum(state * state, 1)) / (2 * LEXICAL)
        norm = (1.0 / tl.sqrt_rn(mean + 1e-6))[:, None]
        place = x + word[:, None] * (2 * LEXICAL) + channel
        tl.store(place, lexical * norm * tl.load(context_norm + channel, mask=used, other=0.0), mask=real)
        weight = tl.load(context_norm + LEXICAL + channel, mask=used, other=0.0)
        tl.store(place + LEXICAL, state * norm * weight, mask=real)


def context_triton(
    ids: Tensor, offsets: Tensor, tiles: Tensor, count: Tensor, size: int, shape: Shape, weights: Weights,
    x: Tensor, ends: Tensor,
) -> None:  # fmt: skip
    """Fused form of `context_naive` for the tiles of one size.

    Args:
        ids, offsets: int32 [n, 6] and [S + 1].
        tiles: int32 [R, 2], of `packed.tiles`; those before `count` (int32 [1], on the device) are computed.
        x: gets [n, width]; `ends`, int32 [n, 2], gets where each word's sentence begins and ends.
    """
    assert ids.shape[1] == FEATURES
    context_kernel[(len(tiles),)](
        ids, offsets, tiles, count, weights.table, weights.scale, weights.lexical_norm, weights.context_norm, x, ends,
        LEXICAL=shape.lexical_dim, ROW=shape.row, W=size,
        C=triton.next_power_of_2(shape.lexical_dim), enable_fp_fusion=False,
    )  # fmt: skip
