"""Scores of a large pool, a chunk at a time.

A chunk is turned so that each class is one contiguous run of numbers: formulas then are a few whole-array
operations a class, all within the processor's cache, and a row's score cannot depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np

CHUNK_NUMBERS = 1 << 17
"""Numbers in a chunk: 512 KiB of float32."""


class Score(Protocol):
    """How much a label of each row would teach, judged by probabilities alone."""

    def __call__(self, probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Score rows; see `margin`."""
        ...


def score_in_chunks(
    formula: Callable[[np.ndarray], np.ndarray], probabilities: np.ndarray, rows: np.ndarray | None
) -> np.ndarray:
    """Apply `formula` to every row and clip to [0, 1].

    Args:
        formula: takes shape (n_classes, k), float32, contiguous; gives shape (k,).
        probabilities: shape (n, n_classes), any float type and layout, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32. Beyond it only one chunk is in memory.
    """
    pool = np.asarray(probabilities)
    n = len(pool) if rows is None else len(rows)
    scores = np.empty(n, dtype=np.float32)
    step = max(256, CHUNK_NUMBERS // max(1, pool.shape[1]))
    for start in range(0, n, step):
        stop = min(start + step, n)
        chunk = pool[start:stop] if rows is None else pool[rows[start:stop]]
        scores[start:stop] = formula(np.ascontiguousarray(chunk.T, dtype=np.float32))
    return np.clip(scores, 0.0, 1.0, out=scores)
