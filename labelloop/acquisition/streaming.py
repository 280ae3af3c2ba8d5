"""Scores of a large pool, a chunk at a time.

A chunk fits the processor's cache, and a formula is a few whole-array operations on it. Every formula must
give a row the same bits wherever in a chunk it stands: then neither its neighbours nor the number of threads
decide anything.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from labelloop.acquisition.embeddings import Embeddings
from labelloop.one_thread import cores, is_held

CHUNK_NUMBERS = 3 << 17
"""Numbers in a chunk: 1.5 MiB of float32. Smaller ones have threads wait for the interpreter, larger ones for
memory."""
_CHUNKS_A_THREAD = 4
"""Fewer than this are done before a thread has begun."""


class Formula(Protocol):
    """What `score_in_chunks` applies to a chunk."""

    def __call__(self, chunk: np.ndarray, room: np.ndarray, out: np.ndarray) -> None:
        """Score the rows of a chunk.

        Args:
            chunk: shape (k, n_classes), float32, contiguous; stays as it is.
            room: shape (n_classes + 4, k), float32, contiguous: room to work in. New arrays of this size
                for every chunk would cost more than what is computed in them.
            out: shape (k,), float32: where the scores go.
        """
        ...


class Score(Protocol):
    """How much a label of each row would teach, judged by probabilities alone."""

    def __call__(self, probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """Score rows; see `margin`."""
        ...


def score_in_chunks(formula: Formula, probabilities: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    """Apply `formula` to every row and clip to [0, 1].

    Args:
        formula: see `Formula`.
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
        room = np.empty((pool.shape[1] + 4) * min(step, n), dtype=np.float32)
        for start in starts:
            stop = min(start + step, n)
            chunk = pool[start:stop] if rows is None else rows_of(pool, rows[start:stop])
            chunk, out = np.ascontiguousarray(chunk, dtype=np.float32), scores[start:stop]
            formula(chunk, room[: chunk.size + 4 * len(chunk)].reshape(-1, len(chunk)), out)
            np.clip(out, 0.0, 1.0, out=out)

    workers = 1 if is_held() else min(cores(), n // (_CHUNKS_A_THREAD * step))
    if workers <= 1:
        work()
        return scores
    with ThreadPoolExecutor(workers) as threads:
        for done in [threads.submit(work) for _ in range(workers)]:
            done.result()
    return scores


def rows_of(pool: Embeddings, rows: np.ndarray) -> np.ndarray:
    """Rows of the pool, as a view where they follow each other, which most candidates do."""
    if rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return pool[rows[0] : rows[-1] + 1]
    return pool[rows]
