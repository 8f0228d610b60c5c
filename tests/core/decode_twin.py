"""Single-root spanning trees in plain Python: every tree of short sentences, Chu-Liu/Edmonds for longer ones.

Arcs are dense here: `scores[word, head]` for words 1..n and heads 0..n, row 0 unused, -inf for no arc.
"""

from functools import cache
from heapq import heappop, heappush
from itertools import product

import numpy as np
from numpy.typing import NDArray

NONE = float("-inf")


@cache
def all_trees(n: int) -> NDArray[np.int64]:
    """The heads [trees, n] of every tree over n words in which one word hangs on the root."""
    choices = [[head for head in range(n + 1) if head != word] for word in range(1, n + 1)]
    heads = np.array(list(product(*choices)), dtype=np.int64).reshape(-1, n)
    heads = heads[(heads == 0).sum(axis=1) == 1]
    above = heads
    for _ in range(n):
        padded = np.concatenate([np.zeros((len(heads), 1), np.int64), heads], axis=1)
        above = np.take_along_axis(padded, above, axis=1)
    trees: NDArray[np.int64] = heads[(above == 0).all(axis=1)]
    return trees


def dense(scores: NDArray[np.float32], heads: NDArray[np.int64]) -> NDArray[np.float64]:
    """Candidate lists [n, C] as a matrix [n + 1, n + 1] of word by head; of duplicates the best."""
    n = len(scores)
    matrix = np.full((n + 1, n + 1), NONE)
    for word in range(n):
        for score, head in zip(scores[word].tolist(), heads[word].tolist(), strict=True):
            if 0 <= head != word + 1:
                matrix[word + 1, head] = max(matrix[word + 1, head], score)
    return matrix


def tree_score(matrix: NDArray[np.float64], heads: NDArray[np.int32]) -> float:
    """The sum of a tree's arcs."""
    return float(sum(matrix[word, head] for word, head in enumerate(heads.tolist(), start=1)))


def is_tree(heads: NDArray[np.int32]) -> bool:
    """Whether every word reaches the root and one word hangs on it."""
    safe = {0}
    for word in range(1, len(heads) + 1):
        path: list[int] = []
        while word not in safe and len(path) <= len(heads):
            path.append(word)
            word = int(heads[word - 1])
        if word not in safe:
            return False
        safe.update(path)
    return len(heads) == 0 or int((heads == 0).sum()) == 1


def scored_trees(matrix: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Every possible tree and its score, best first; n up to 7."""
    n = len(matrix) - 1
    trees = all_trees(n)
    scores = matrix[np.arange(1, n + 1), trees].sum(axis=1)
    possible = scores > NONE
    order = np.argsort(-scores[possible], kind="stable")
    return trees[possible][order], scores[possible][order]


def _edmonds(arcs: dict[int, dict[int, float]]) -> dict[int, int] | None:
    """Best arborescence from node 0; `arcs[node][source]` are scores. None where a node can't be reached."""
    if not all(arcs.values()):
        return None
    best = {node: max(sources, key=lambda source: (sources[source], -source)) for node, sources in arcs.items()}
    for start in best:
        seen = [start]
        while (node := best.get(seen[-1], 0)) != 0 and node not in seen:
            seen.append(node)
        if node != 0:
            break
    else:
        return best
    cycle = set(seen[seen.index(node) :])
    new = max(max(arcs), max(max(sources) for sources in arcs.values())) + 1
    outer: dict[int, dict[int, float]] = {new: {}}
    enters: dict[int, int] = {}
    leaves: dict[int, int] = {}
    for word, sources in arcs.items():
        for source, score in sources.items():
            if word in cycle and source not in cycle:
                gain = score - arcs[word][best[word]]
                if gain > outer[new].get(source, NONE):
                    outer[new][source], enters[source] = gain, word
            elif word not in cycle:
                row = outer.setdefault(word, {})
                end = new if source in cycle else source
                if score > row.get(end, NONE):
                    row[end] = score
                    if source in cycle:
                        leaves[word] = source
        if word not in cycle:
            outer.setdefault(word, {})
    tree = _edmonds(outer)
    if tree is None:
        return None
    source = tree.pop(new)
    opened = {word: leaves[word] if head == new else head for word, head in tree.items()}
    return {**opened, **{word: best[word] for word in cycle}, enters[source]: source}


def ranked_trees(matrix: NDArray[np.float64], k: int) -> list[list[int]]:
    """The k best trees: each set of trees is split by every arc of its best tree (Lawler 1972)."""
    first = best_tree(matrix)
    queue = [] if first is None else [(-tree_score(matrix, first), first.tolist(), matrix, 0)]
    trees: list[list[int]] = []
    while queue and len(trees) < k:
        _, tree, rest, fixed = heappop(queue)
        trees.append(tree)
        rest = rest.copy()
        for word in range(fixed + 1, len(tree) + 1):
            without = rest.copy()
            without[word, tree[word - 1]] = NONE
            other = best_tree(without)
            if other is not None:
                heappush(queue, (-tree_score(matrix, other), other.tolist(), without, word - 1))
            kept = rest[word, tree[word - 1]]
            rest[word] = NONE
            rest[word, tree[word - 1]] = kept
    return trees


def log_partition(matrix: NDArray[np.float64]) -> float:
    """The determinant of the single-root Laplacian (Koo et al. 2007, eq. 11)."""
    weights = np.exp(matrix[1:])  # [word, head]
    laplacian = np.diag(weights[:, 1:].sum(axis=1)) - weights[:, 1:].T  # [head, word]
    laplacian[0] = weights[:, 0]
    return float(np.linalg.slogdet(laplacian)[1])


def best_tree(matrix: NDArray[np.float64]) -> NDArray[np.int32] | None:
    """The best tree with one root arc: each root arc is tried alone. None where there is no tree."""
    n = len(matrix) - 1
    found: tuple[float, NDArray[np.int32]] | None = None
    for root in range(1, n + 1):
        arcs = {
            word: {h: float(matrix[word, h]) for h in range(n + 1) if matrix[word, h] > NONE and (h or word == root)}
            for word in range(1, n + 1)
        }
        tree = _edmonds(arcs)
        if tree is None:
            continue
        heads = np.array([tree[word] for word in range(1, n + 1)], dtype=np.int32)
        score = tree_score(matrix, heads)
        if found is None or score > found[0]:
            found = score, heads
    return None if found is None else found[1]
