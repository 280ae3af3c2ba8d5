"""From a learner's scores to probabilities of every class, block by block.

Scoring a pool reads each row once and is bound by one matrix product. The softmax works in place on a
block that still is in the processor's cache, and its passes run over the block as one long vector:
reductions along a short last axis are what makes the plain formula as slow as the product itself.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.errors import DataError

ABSENT_MASS = 1e-3
"""Probability shared evenly by the classes that were not among the training labels.

Small enough to leave the order of the trained classes alone, large enough that a log loss stays finite and
that a class nobody has labeled yet is never ruled out.
"""

BLOCK_ROWS = 2048
"""Rows at a time: scores of 26 classes are then 200 KiB, within a core's own cache."""

_SAFE_RANGE = 80.0
"""exp(-80) is still a normal float32, so within this range one shift does for all rows of a block."""


def probabilities_of(
    inputs: np.ndarray,
    score: Callable[[np.ndarray, np.ndarray], None],
    present: np.ndarray,
    n_classes: int,
    block_rows: int = BLOCK_ROWS,
) -> np.ndarray:
    """Probabilities of all classes, from scores of the classes that were trained.

    Args:
        inputs: n rows, may be memory-mapped.
        score: called as `score(rows, out)`, writes into `out`, shape (rows, k), float32, the log of the
            chances up to a constant a row.
        present: shape (k,), int64: the classes that scores are of.
        n_classes: columns of the result.

    Returns:
        Shape (n, n_classes), float32, rows sum to 1; absent classes share `ABSENT_MASS`.
    """
    result = np.empty((len(inputs), n_classes), dtype=np.float32)
    complete = len(present) == n_classes
    block = np.empty((0 if complete else min(block_rows, len(inputs)), len(present)), dtype=np.float32)
    for start in range(0, len(inputs), block_rows):
        rows = inputs[start : start + block_rows]
        out = result[start : start + len(rows)] if complete else block[: len(rows)]
        score(rows, out)
        softmax_in_place(out)
        if not complete:
            out *= np.float32(1 - ABSENT_MASS)
            result[start : start + len(rows)] = ABSENT_MASS / (n_classes - len(present))
            result[start : start + len(rows), present] = out
    return result


def softmax_in_place(scores: np.ndarray) -> None:
    """Turn each row of `scores`, shape (n, k), float32, contiguous, into probabilities that sum to 1."""
    if scores.size == 0:
        return
    flat = scores.reshape(-1)
    highest = flat.max()
    if highest - flat.min() < _SAFE_RANGE:
        flat -= highest
    else:
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
