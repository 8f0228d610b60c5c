"""Hashed linear classifiers in int8, as the tokeniser uses them: logistic regression, rounded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def fit(
    features: NDArray[np.uint32],
    answers: NDArray[np.uint8],
    size: int,
    *,
    seed: int,
    epochs: int = 8,
    decay: float = 1e-5,
    rate: float = 0.02,
) -> tuple[NDArray[np.int8], int]:
    """Fit weights: their sum over a row's slots, plus the bias, shall be ≥ 0 where the answer is 1.

    Args:
        features: slots of the table, [rows, features].
        answers: 0 or 1, [rows].
        size: slots of the table.
    Returns:
        The weights, int8 [size], and the bias in the same unit. Without two kinds of answers: no weights.
    """
    n = len(answers)
    if n == 0 or answers.min() == answers.max():
        return np.zeros(size, np.int8), 0 if n and answers.max() else -1
    rng = np.random.default_rng(seed)
    slots = np.concatenate([features.astype(np.int64), np.full((n, 1), size)], axis=1)  # the last is the bias
    w, first, second, mean = (np.zeros(size + 1) for _ in range(4))
    batch = min(1024, max(64, n // 20))
    batches = -(-n // batch)
    total = epochs * batches
    order = rng.permutation(n)
    for step in range(1, total + 1):
        at = (step - 1) % batches * batch
        if at == 0:
            order = rng.permutation(n)
        rows = order[at : at + batch]
        picked = slots[rows]
        probability = 1 / (1 + np.exp(-np.clip(w[picked].sum(1), -30, 30)))
        error = np.repeat((probability - answers[rows]) / len(rows), picked.shape[1])
        gradient = np.bincount(picked.ravel(), error, size + 1) + decay * w
        first += 0.1 * (gradient - first)
        second += 0.001 * (gradient**2 - second)
        pace = rate * (1 - step / (total + 1)) * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        w -= pace * first / (np.sqrt(second) + 1e-8)
        if (averaged := step - total // 2) > 0:
            mean += (w - mean) / averaged
    return _rounded(mean)


def _rounded(w: NDArray[np.float64]) -> tuple[NDArray[np.int8], int]:
    weights, bias = w[:-1], w[-1]
    largest = np.quantile(np.abs(weights[weights != 0]), 0.9995)  # the few above are clipped
    scaled = np.clip(np.round(weights * (127 / largest)), -127, 127)
    return scaled.astype(np.int8), int(np.round(bias * (127 / largest)))
