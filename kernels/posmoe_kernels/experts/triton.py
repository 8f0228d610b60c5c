"""Router, experts, second recurrence and projections as one kernel: a program a tile of whole sentences.

All experts are multiplied on the tensor cores, in INT8, and each word keeps the integer sums of the k that it is sent
to: 17 products of 32 × 64 codes a word cost less there than fetching k matrices for every word would. What follows the
product (gate, Möbius bias) is computed for the chosen ones alone.
"""

import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.context.triton import looked_up
from posmoe_kernels.maths import both_ways, encode, gelu, mobius, sigmoid
from posmoe_kernels.network import PROJECTED, Shape, Weights
from posmoe_kernels.tuning import tuned


@triton.jit
def _expert(gate, value, expert, weight, gate_size, value_size, ball, D: tl.constexpr):
    """weight · silu(gate) · mobius(value) of one chosen expert a word, from the integer sums [words, D]."""
    column = tl.arange(0, D)[None, :]
    place = expert[:, None] * D + column
    g = gate.to(tl.float32) * tl.load(gate_size + place)
    v = value.to(tl.float32) * tl.load(value_size + place)
    b = tl.load(ball + place)
    alpha, beta = mobius(tl.sum(v * v, 1), tl.sum(v * b, 1), tl.sum(b * b, 1), 1.0 / D, D**-0.5)
    return weight[:, None] * ((g * sigmoid(g)) * (alpha[:, None] * v + beta[:, None] * b))


@tuned(warps=(4, 8), key=("W",), stages=(1, 3))
@triton.jit
def words_kernel(
    x, ends, ids, offsets, tiles, count, table, scale, depthwise, pointwise, pointwise_size, pointwise_bias,
    output, output_size, output_bias, gate, gate_size, value, value_size, ball, word_norm,
    projections, projections_size, projections_bias, logits_out, tags_out, projected,
    pointwise_inverse, hidden_inverse, words_inverse,
    WIDTH: tl.constexpr, ROW: tl.constexpr, TAGS: tl.constexpr, K: tl.constexpr, D: tl.constexpr,
    OUT: tl.constexpr, W: tl.constexpr, C: tl.constexpr, LOGITS: tl.constexpr,
):  # fmt: skip
    """Best tags and projections [n, OUT] of words in context [n, WIDTH]; with LOGITS, the tags' logits as well."""
    tile = tl.program_id(0)
    if tile < tl.load(count):
        begin = tl.load(offsets + tl.load(tiles + 2 * tile))
        end = tl.load(offsets + tl.load(tiles + 2 * tile + 1))
        word = begin + tl.arange(0, W)
        inside = word < end
        opens = tl.load(ends + 2 * word, mask=inside, other=0)
        closes = tl.load(ends + 2 * word + 1, mask=inside, other=0)
        first, last = (word == opens)[:, None], (word == closes - 1)[:, None]
        real = inside[:, None]

        # router: a window of three words, then two products
        wide = tl.arange(0, C)[None, :]
        used = wide < WIDTH
        place = x + word[:, None] * WIDTH + wide
        window = tl.load(depthwise + wide, mask=used, other=0.0) + tl.load(
            depthwise + WIDTH + wide, mask=used, other=0.0
        ) * tl.load(place - WIDTH, mask=real & used & (first == 0), other=0.0)
        window = window + tl.load(depthwise + 2 * WIDTH + wide, mask=used, other=0.0) * tl.load(
            place, mask=real & used, other=0.0
        )
        window = window + tl.load(depthwise + 3 * WIDTH + wide, mask=used, other=0.0) * tl.load(
            place + WIDTH, mask=real & used & (last == 0), other=0.0
        )
        deep = tl.arange(0, C)[:, None]
        column = tl.arange(0, D)
        row = column[:, None]
        weights = tl.load(pointwise + column[None, :] * WIDTH + deep, mask=deep < WIDTH, other=0)
        sums = tl.dot(encode(window, pointwise_inverse), weights, out_dtype=tl.int32)
        hidden = (
            sums.to(tl.float32) * tl.load(pointwise_size + column)[None, :] + tl.load(pointwise_bias + column)[None, :]
        )
        codes = encode(gelu(hidden), hidden_inverse)
        tag = column < TAGS
        weights = tl.load(output + column[None, :] * D + row, mask=tag[None, :], other=0)
        sums = tl.dot(codes, weights, out_dtype=tl.int32)
        logits = sums.to(tl.float32) * tl.load(output_size + column, mask=tag, other=0.0)[None, :]
        logits = logits + tl.load(output_bias + column, mask=tag, other=0.0)[None, :]
        logits = tl.where(tag[None, :], logits, float("-inf"))
        if LOGITS:
            tl.store(logits_out + word[:, None] * TAGS + column[None, :], logits, mask=real & tag[None, :])
        best = tl.max(logits, 1)
        one = tl.argmax(logits, 1)
        tl.store(tags_out + word, one, mask=inside)

        # experts: the integer sums of the chosen ones
        if K == 2:
            others = tl.where(column[None, :] == one[:, None], float("-inf"), logits)
            share = tl.exp(tl.max(others, 1) - best)
            two = tl.argmax(others, 1)
        gate_one = tl.zeros([W, D], dtype=tl.int32)
        value_one = tl.zeros([W, D], dtype=tl.int32)
        gate_two = tl.zeros([W, D], dtype=tl.int32)
        value_two = tl.zeros([W, D], dtype=tl.int32)
        for expert in range(TAGS):
            at = (expert * D + column[None, :]) * D + row
            gates = tl.dot(codes, tl.load(gate + at), out_dtype=tl.int32)
            values = tl.dot(codes, tl.load(value + at), out_dtype=tl.int32)
            chosen = (one == expert)[:, None]
            gate_one = tl.where(chosen, gates, gate_one)
            value_one = tl.where(chosen, values, value_one)
            if K == 2:
                chosen = (two == expert)[:, None]
                gate_two = tl.where(chosen, gates, gate_two)
                value_two = tl.where(chosen, values, value_two)
        if K == 2:
            total = 1.0 + share
            mixed = _expert(gate_one, value_one, one, 1.0 / total, gate_size, value_size, ball, D)
            mixed += _expert(gate_two, value_two, two, share / total, gate_size, value_size, ball, D)
        else:
            mixed = _expert(gate_one, value_one, one, best * 0.0 + 1.0, gate_size, value_size, ball, D)
        mixed = tl.where(real, mixed, 0.0)

        # second recurrence and projections
        channel = column[None, :]
        gates = looked_up(ids, table, scale, word, inside, channel, channel < D, WIDTH, ROW)
        z = tl.where(real, sigmoid(gates), 0.0)
        state = both_ways(z, mixed, channel, first, last, D // 2)
        mean = (tl.sum(mixed * mixed, 1) + tl.sum(state * state, 1)) / (2 * D)
        norm = (1.0 / tl.sqrt_rn(mean + 1e-6))[:, None]
        wide_out = tl.arange(0, OUT)[None, :]
        at = projections + wide_out * (2 * D) + row
        near = encode(mixed * norm * tl.load(word_norm + channel), words_inverse)
        sums = tl.dot(near, tl.load(at), out_dtype=tl.int32)
        far = encode(state * norm * tl.load(word_norm + D + channel), words_inverse)
        sums = tl.dot(far, tl.load(at + D), acc=sums, out_dtype=tl.int32)
        result = sums.to(tl.float32) * tl.load(projections_size + wide_out) + tl.load(projections_bias + wide_out)
        tl.store(projected + word[:, None] * OUT + wide_out, result, mask=real)


def words_triton(
    x: Tensor, ends: Tensor, ids: Tensor, offsets: Tensor, tiles: Tensor, count: Tensor, size: int,
    shape: Shape, weights: Weights, logits: Tensor | None, tags: Tensor, projected: Tensor,
) -> None:  # fmt: skip
    """Fused form of `words_naive` for the tiles of one size; `logits`, `tags` and `projected` get the results.

    The arguments before `shape` are those of `context_triton`, and its results.
    """
    w = weights
    words_kernel[(len(tiles),)](
        x, ends, ids, offsets, tiles, count, w.table, w.scale, w.depthwise,
        w.pointwise.codes, w.pointwise.multiplier, w.pointwise.bias, w.output.codes, w.output.multiplier, w.output.bias,
        w.gate.codes, w.gate.multiplier, w.value.codes, w.value.multiplier, w.ball, w.word_norm,
        w.projections.codes, w.projections.multiplier, w.projections.bias, tags if logits is None else logits, tags,
        projected, w.pointwise.inverse_step, w.output.inverse_step, w.projections.inverse_step,
        WIDTH=shape.width, ROW=shape.row, TAGS=shape.tags, K=shape.k, D=shape.expert_dim, OUT=PROJECTED,
        W=size, C=triton.next_power_of_2(shape.width), LOGITS=logits is not None,
        enable_fp_fusion=False,
    )  # fmt: skip
