"""From a learner's scores to probabilities of every class, block by block.

Scoring a pool reads each row once and is bound by one matrix product. The softmax works in place on a
block that still is in the processor's cache, and its passes run over the block as one long vector:
reductions along a short last axis are what makes the plain formula as slow as the product itself.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from labelloop.errors import DataError
from labelloop.one_thread import cores, is_held, one_thread

ABSENT_MASS = 1e-3
"""Probability shared evenly by the classes that were not among the training labels.

Small enough to leave the order of the trained classes alone, large enough that a log loss stays finite and
that a class nobody has labeled yet is never ruled out.
"""

BLOCK_ROWS = 2048
"""Rows at a time: scores of 26 classes are then 200 KiB, within a core's own cache."""

_SAFE = 60.0
"""exp(60) times a million classes, and exp(-60), still are normal float32 numbers: within this range
scores need no shift."""

_MUCH_WORK = 2**14
"""Multiplications a row from which sharing blocks out among threads pays; measured on two cores. Below, the
product is bound by memory, and handing blocks from thread to thread costs more than the softmax saves."""

Score = Callable[[np.ndarray, np.ndarray], None]
"""Called as `score(rows, out)`: writes into `out`, shape (rows, k), float32, the log of each class's chance,
up to a constant a row."""


def probabilities_of(
    inputs: np.ndarray,
    make_score: Callable[[], Score],
    present: np.ndarray,
    n_classes: int,
    *,
    block_rows: int = BLOCK_ROWS,
    workers: int = 1,
) -> np.ndarray:
    """Probabilities of all classes, from scores of the classes that were trained.

    With several workers, blocks are shared out among threads and each block is computed by one, so that the
    passes over the scores run on all cores just like the product.

    Args:
        inputs: n rows, may be memory-mapped.
        make_score: called once a thread, for what the thread needs of its own.
        present: shape (k,), int64: the classes that scores are of.
        n_classes: columns of the result.
        workers: threads; see `workers_for`. 1 where scoring holds the interpreter or brings its own.

    Returns:
        Shape (n, n_classes), float32, rows sum to 1; absent classes share `ABSENT_MASS`.
    """
    result = np.empty((len(inputs), n_classes), dtype=np.float32)
    complete = len(present) == n_classes
    starts = iter(range(0, len(inputs), block_rows))

    def work() -> None:
        score = make_score()
        block = np.empty((0 if complete else min(block_rows, len(inputs)), len(present)), dtype=np.float32)
        for start in starts:
            rows = inputs[start : start + block_rows]
            out = result[start : start + len(rows)] if complete else block[: len(rows)]
            score(rows, out)
            softmax_in_place(out)
            if not complete:
                out *= np.float32(1 - ABSENT_MASS)
                result[start : start + len(rows)] = ABSENT_MASS / (n_classes - len(present))
                result[start : start + len(rows), present] = out

    if workers == 1 or len(inputs) <= block_rows:
        work()
        return result
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    return result


def workers_for(multiplications: int) -> int:
    """Threads that pay for a score of so many multiplications a row: 1, or one for each core.

    Also 1 where linear algebra is held to one thread: there the rows themselves are shared out.
    """
    return 1 if multiplications < _MUCH_WORK or is_held() else cores()


def softmax_in_place(scores: np.ndarray) -> None:
    """Turn each row of `scores`, shape (n, k), float32, contiguous, into probabilities that sum to 1."""
    if scores.size == 0:
        return
    flat = scores.reshape(-1)
    if flat.max() > _SAFE or flat.min() < -_SAFE:
        scores -= scores.max(axis=1, keepdims=True)
    np.exp(flat, out=flat)
    k = scores.shape[1]
    # Row sums as a product; for few classes written out k times, which spares a broadcast over short rows.
    scores /= scores @ np.ones((k, k if k <= 32 else 1), dtype=np.float32)


def add_to_rows(scores: np.ndarray, repeated: np.ndarray) -> None:
    """Add a vector to every row in place.

    Args:
        scores: shape (n, k), float32, contiguous.
        repeated: the vector n or more times over, flat, so that the sum is one long pass.
    """
    flat = scores.reshape(-1)
    flat += repeated[: flat.size]


def require_fitted(present: np.ndarray | None) -> np.ndarray:
    """Return `present`, or say that the learner has not been trained.

    Raises:
        DataError: it has not.
    """
    if present is None:
        raise DataError("this learner has not been trained, so it has no probabilities; call fit first")
    return present
