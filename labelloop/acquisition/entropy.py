"""Entropy: ask where the probabilities are spread over many classes."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_top

_TINY = np.finfo(np.float32).tiny


def entropy(probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score the entropy over its largest value: ``-sum_c p_c log p_c / log n_classes``.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32, in [0, 1]: 0 where one class is certain, 1 where all are equally likely.

    Source: Shannon (1948); as a strategy Dagan and Engelson (1995), Committee-based sampling.
    """
    return score_in_chunks(_entropy, probabilities, rows)


@needs("probabilities")
def pick_entropy(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `entropy` score."""
    return pick_top(entropy, context, batch_size)


def _entropy(by_class: np.ndarray) -> np.ndarray:
    total = np.zeros(by_class.shape[1], dtype=np.float64)
    if len(by_class) == 1:
        return total
    # 0 log 0 is 0: the logarithm of the smallest normal number is finite, and times 0 it is gone; it is too
    # small to change any other.
    terms = by_class + _TINY
    np.log(terms, out=terms)
    terms *= by_class
    # Pair by pair of classes, because a sum over the axis may group its terms by the chunk's shape, and a
    # row's score must not depend on where in a chunk it is.
    while len(terms):
        if len(terms) % 2:
            total -= terms[-1]
        half = len(terms) // 2
        terms[:half] += terms[half : 2 * half]
        terms = terms[:half]
    return total / np.log(len(by_class))
