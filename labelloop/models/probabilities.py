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

_BLOCK_NUMBERS = 2**18
"""Numbers of a block of rows whose product is bound by memory: 1 MiB of float32, a core's own cache."""

_SOFTMAX_NUMBERS = 2**17
"""Scores that one softmax goes over, 512 KiB: its passes are short calls, and few of them."""

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
    intercept: np.ndarray | None = None,
    block_rows: int = BLOCK_ROWS,
    workers: int = 1,
) -> np.ndarray:
    """Probabilities of all classes, from scores of the classes that were trained.

    With several workers, blocks are shared out among threads and each block is computed by one, so that the
    passes over the scores run on all cores just like the product.

    Args:
        inputs: n rows, may be memory-mapped, or on disk and read when they are sliced; then with one worker.
        make_score: called once a thread, for what the thread needs of its own.
        present: shape (k,), int64: the classes that scores are of.
        intercept: shape (k,), float32: added to each row of scores.
        block_rows: rows that are scored together.
        n_classes: columns of the result.
        workers: threads; see `workers_for`. 1 where scoring holds the interpreter or brings its own.

    Returns:
        Shape (n, n_classes), float32, rows sum to 1; absent classes share `ABSENT_MASS`.
    """
    result = np.empty((len(inputs), n_classes), dtype=np.float32)
    complete = len(present) == n_classes
    if not isinstance(inputs, np.ndarray):
        workers = 1
    # The same for any number of workers: the last bits hang on what goes through one softmax.
    together = max(1, _SOFTMAX_NUMBERS // max(1, len(present) * block_rows))
    several = min(together * block_rows, len(inputs))
    starts = iter(range(0, len(inputs), together * block_rows))
    repeated = None if intercept is None else np.tile(intercept, several)

    def work() -> None:
        score = make_score()
        memory = np.empty((0 if complete else several, len(present)), dtype=np.float32)
        for start in starts:
            rows = slice(start, min(start + several, len(inputs)))
            out = result[rows] if complete else memory[: rows.stop - start]
            for first in range(0, len(out), block_rows):
                block = out[first : first + block_rows]
                score(inputs[start + first : start + first + len(block)], block)
            if repeated is not None:
                add_to_rows(out, repeated)
            softmax_in_place(out)
            if not complete:
                out *= np.float32(1 - ABSENT_MASS)
                result[rows] = ABSENT_MASS / (n_classes - len(present))
                result[rows, present] = out

    if workers == 1 or len(inputs) <= several:
        work()
        return result
    with one_thread(), ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work) for _ in range(workers)]:
            done.result()
    return result


def block_rows_of(width: int) -> int:
    """Rows of so many numbers that a core's own cache holds: at most `BLOCK_ROWS`, and 64 at least."""
    return max(64, min(BLOCK_ROWS, _BLOCK_NUMBERS // max(1, width)))


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
