"""Hubs, best heads, tree check and relations as one kernel: a program a sentence, of any length.

A word's candidates are the root, its neighbours, and the hubs of its window of `hub_window` words, so time is linear in
the words. Words pass through in blocks of T; what a block needs of others (hubs, heads) goes through device memory,
which a barrier of the program orders.
"""

import triton
import triton.language as tl
from torch import Tensor

from posmoe_kernels.network import BUCKETS, LABELS, PROJECTED, Shape, Weights
from posmoe_kernels.tuning import tuned


@triton.jit
def _bucket(distance):
    """Bucket 0 .. 11 of a distance: 1 to 6 have one each, then 7-9, 10-14, 15-20, 21-30 and more."""
    bucket = tl.minimum(distance, 6)
    bucket += (distance >= 7).to(tl.int32) + (distance >= 10).to(tl.int32) + (distance >= 15).to(tl.int32)
    return bucket + (distance >= 21).to(tl.int32) + (distance >= 31).to(tl.int32)


@triton.jit
def _find_hubs(
    projected, hubs, begin, n, COLUMN: tl.constexpr, HUBS: tl.constexpr, WINDOW: tl.constexpr, OUT: tl.constexpr
):
    """hubs[begin + w + m], of a window that starts at w: its word (from 0) with the m-th largest logit."""
    lane = tl.arange(0, 128)
    start = 0
    while start < n:
        here = (lane < WINDOW) & (start + lane < n)
        logit = tl.load(projected + (begin + start + lane) * OUT + COLUMN, mask=here, other=float("-inf"))
        for m in tl.static_range(HUBS):
            best = tl.argmax(logit, 0)
            if start + m < n:
                tl.store(hubs + begin + start + m, start + best)
            logit = tl.where(lane == best, float("-inf"), logit)
        start += WINDOW


@triton.jit
def _find_heads(
    projected, tags, hubs, root, pair, scores, candidates, heads, begin, n,
    TAGS: tl.constexpr, RANK: tl.constexpr, BIAS: tl.constexpr, LEFT: tl.constexpr, RIGHT: tl.constexpr,
    HUBS: tl.constexpr, WINDOW: tl.constexpr, BUCKETS: tl.constexpr, OUT: tl.constexpr, T: tl.constexpr,
):  # fmt: skip
    """Every word's candidates with their scores, and its best head: of equal ones the smaller."""
    COUNT: tl.constexpr = 1 + LEFT + RIGHT + HUBS
    channel = tl.arange(0, RANK)
    start = 0
    while start < n:
        word = start + tl.arange(0, T)
        here = word < n
        row = projected + (begin + word) * OUT
        dependent = tl.load(row[:, None] + channel[None, :], mask=here[:, None], other=0.0)
        tag = tl.load(tags + begin + word, mask=here, other=0)
        window = word // WINDOW * WINDOW
        most = tl.full([T], float("-inf"), tl.float32)
        best = tl.zeros([T], tl.int32)
        for c in tl.static_range(COUNT):
            if c == 0:
                there = here
                head = word * 0 - 1
                known = tl.load(root + RANK + channel)[None, :]
                bias = tl.load(root + BIAS)
                other_tag = word * 0 + TAGS
            else:
                if c <= LEFT:
                    head = word - LEFT + (c - 1)
                elif c <= LEFT + RIGHT:
                    head = word + (c - LEFT)
                else:
                    m = c - 1 - LEFT - RIGHT
                    listed = here & (window + m < n)
                    head = tl.load(hubs + begin + window + m, mask=listed, other=-1)
                    head = tl.where((head < word - LEFT) | (head > word + RIGHT), head, -1)
                there = here & (head >= 0) & (head < n)
                at = projected + (begin + head) * OUT
                known = tl.load(at[:, None] + RANK + channel[None, :], mask=there[:, None], other=0.0)
                bias = tl.load(at + BIAS, mask=there, other=0.0)
                other_tag = tl.load(tags + begin + head, mask=there, other=0)
            right = (head > word).to(tl.int32)
            bucket = _bucket(tl.where(head > word, head - word, word - head)) + 12 * right
            place = (tag * (TAGS + 1) + other_tag) * BUCKETS + bucket
            score = tl.sum(dependent * known, 1) + bias + tl.load(pair + place, mask=there, other=0.0)
            score = tl.where(there, score, -1e9)
            number = tl.where(there, head + 1, -1)
            better = there & ((score > most) | ((score == most) & (number < best)))
            most = tl.where(better, score, most)
            best = tl.where(better, number, best)
            tl.store(scores + (begin + word) * COUNT + c, score, mask=here)
            tl.store(candidates + (begin + word) * COUNT + c, number, mask=here)
        tl.store(heads + begin + word, best, mask=here)
        start += T


@triton.jit
def _is_no_tree(heads, begin, n, T: tl.constexpr):
    """1 where the heads of n words form no tree with one root: every word climbs, n steps at most."""
    roots = 0
    lost = 0
    start = 0
    while start < n:
        word = start + tl.arange(0, T)
        at = tl.load(heads + begin + word, mask=word < n, other=-1)
        roots += tl.sum((at == 0).to(tl.int32), 0)
        steps = 0
        climbing = tl.max(at, 0)
        while (climbing > 0) & (steps < n):
            at = tl.load(heads + begin + at - 1, mask=at > 0, other=0)
            climbing = tl.max(at, 0)
            steps += 1
        lost = tl.maximum(lost, climbing)
        start += T
    return tl.where((roots != 1) | (lost > 0), 1, 0)


@triton.jit
def _name_arcs(
    projected, upos, heads, root, label_weight, label_pair, relations, begin, n,
    TAGS: tl.constexpr, DEPENDENT: tl.constexpr, Q: tl.constexpr, LABELS: tl.constexpr, OUT: tl.constexpr,
    T: tl.constexpr,
):  # fmt: skip
    """The best relation of every word to its head."""
    label = tl.arange(0, LABELS)[None, :]
    start = 0
    while start < n:
        word = start + tl.arange(0, T)
        here = word < n
        head = tl.load(heads + begin + word, mask=here, other=0)
        inner = here & (head > 0)
        tag = tl.load(upos + begin + word, mask=here, other=0)
        head_tag = tl.load(upos + begin + head - 1, mask=inner, other=TAGS)
        pair = (tag * (TAGS + 1) + head_tag) * 2 + (head > word + 1).to(tl.int32)
        total = tl.load(label_pair + pair[:, None] * LABELS + label)
        own = projected + (begin + word) * OUT + DEPENDENT
        other = projected + (begin + head - 1) * OUT + DEPENDENT + Q
        for r in tl.static_range(Q):
            known = tl.where(inner, tl.load(other + r, mask=inner, other=0.0), tl.load(root + DEPENDENT + Q + r))
            hidden = tl.maximum(tl.load(own + r, mask=here, other=0.0) + known, 0.0)
            total += hidden[:, None] * tl.load(label_weight + r * LABELS + label)
        tl.store(relations + begin + word, tl.argmax(total, 1), mask=here)
        start += T


@tuned(warps=(1, 2, 4), key=("FIND",))
@triton.jit
def trees_kernel(
    projected, tags, gold, offsets, which, count, root, pair, label_weight, label_pair,
    hubs, scores, candidates, upos, heads, relations, searched,
    TAGS: tl.constexpr, RANK: tl.constexpr, Q: tl.constexpr, LEFT: tl.constexpr, RIGHT: tl.constexpr,
    HUBS: tl.constexpr, WINDOW: tl.constexpr, BUCKETS: tl.constexpr, LABELS: tl.constexpr, OUT: tl.constexpr,
    T: tl.constexpr, FIND: tl.constexpr, GOLD: tl.constexpr,
):  # fmt: skip
    """With FIND, heads and relations of all sentences; else relations of those in `which`, whose heads are given."""
    program = tl.program_id(0)
    if program < tl.load(count):
        sentence = program
        if FIND == 0:
            sentence = tl.load(which + program)
        begin = tl.load(offsets + sentence)
        n = tl.load(offsets + sentence + 1) - begin
        if FIND:
            _find_hubs(projected, hubs, begin, n, 2 * RANK + 2 * Q + 1, HUBS, WINDOW, OUT)
            tl.debug_barrier()
            _find_heads(
                projected, tags, hubs, root, pair, scores, candidates, heads, begin, n,
                TAGS, RANK, 2 * RANK + 2 * Q, LEFT, RIGHT, HUBS, WINDOW, BUCKETS, OUT, T,
            )  # fmt: skip
            start = 0
            while start < n:
                word = start + tl.arange(0, T)
                tag = tl.load(tags + begin + word, mask=word < n, other=0)
                if GOLD:
                    known = tl.load(gold + begin + word, mask=word < n, other=-1)
                    tag = tl.where(known >= 0, known, tag)
                tl.store(upos + begin + word, tag, mask=word < n)
                start += T
            tl.debug_barrier()
            tl.store(searched + sentence, _is_no_tree(heads, begin, n, T))
        _name_arcs(
            projected,
            upos,
            heads,
            root,
            label_weight,
            label_pair,
            relations,
            begin,
            n,
            TAGS,
            2 * RANK,
            Q,
            LABELS,
            OUT,
            T,
        )


def trees_triton(
    projected: Tensor, tags: Tensor, gold: Tensor | None, offsets: Tensor, which: Tensor | None, count: Tensor,
    programs: int, shape: Shape, weights: Weights, hubs: Tensor, scores: Tensor, candidates: Tensor,
    upos: Tensor, heads: Tensor, relations: Tensor, searched: Tensor,
) -> None:  # fmt: skip
    """Fused form of `trees_naive`; the arguments after `weights` get the results.

    Args:
        which: sentences whose `heads` are given, int32; all are found where it is None.
        count: how many sentences there are, int32 [1] on the device; at most `programs`.
        hubs: scratch, int32 [n].
    """
    w, s = weights, shape
    trees_kernel[(programs,)](
        projected, tags, tags if gold is None else gold, offsets, offsets if which is None else which, count,
        w.root, w.pair, w.label_weight, w.label_pair, hubs, scores, candidates, upos, heads, relations, searched,
        TAGS=s.tags, RANK=s.rank, Q=s.label_rank, LEFT=s.left, RIGHT=s.right, HUBS=s.hubs, WINDOW=s.hub_window,
        BUCKETS=BUCKETS, LABELS=LABELS, OUT=PROJECTED, T=32, FIND=which is None, GOLD=gold is not None,
        enable_fp_fusion=False,
    )  # fmt: skip
