"""Scores of a large pool, a chunk at a time.

A chunk is turned so that each class is one contiguous run of numbers: formulas then are a few whole-array
operations a class, all within the processor's cache, and a row's score cannot depend on its neighbours,
nor on which thread computes it.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from labelloop.one_thread import cores, is_held

CHUNK_NUMBERS = 1 << 17
"""Numbers in a chunk: 512 KiB of float32."""
_CHUNKS_A_THREAD = 4
"""Fewer than this are done before a thread has begun."""


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
        Shape (m,), float32. Beyond it only one chunk a core is in memory.
    """
    pool = np.asarray(probabilities)
    n = len(pool) if rows is None else len(rows)
    scores = np.empty(n, dtype=np.float32)
    step = max(256, CHUNK_NUMBERS // max(1, pool.shape[1]))
    starts = iter(range(0, n, step))

    def work() -> None:
        turned = np.empty((pool.shape[1], min(step, n)), dtype=np.float32)
        for start in starts:
            stop = min(start + step, n)
            chunk = pool[start:stop] if rows is None else _rows_of(pool, rows[start:stop])
            if stop - start < turned.shape[1]:
                turned = np.empty((pool.shape[1], stop - start), dtype=np.float32)
            np.copyto(turned, chunk.T)
            np.clip(formula(turned), 0.0, 1.0, out=scores[start:stop], casting="same_kind")

    workers = 1 if is_held() else min(cores(), n // (_CHUNKS_A_THREAD * step))
    if workers <= 1:
        work()
        return scores
    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(work) for _ in range(workers)]:
            done.result()
    return scores


def _rows_of(pool: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows of the pool, as a view where they follow each other, which most candidates do."""
    if rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return pool[rows[0] : rows[-1] + 1]
    return pool[rows]
