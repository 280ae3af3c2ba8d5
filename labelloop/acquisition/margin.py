"""Margin: ask where the two likeliest classes are close."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_top


def margin(probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score how close the two likeliest classes are: ``1 - (p_first - p_second)``; higher means less certain.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32, in [0, 1].

    Source: Scheffer, Decomain and Wrobel (2001), Active hidden Markov models for information extraction.
    """
    return score_in_chunks(_margin, probabilities, rows)


@needs("probabilities")
def pick_margin(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `margin` score."""
    return pick_top(margin, context, batch_size)


def _margin(by_class: np.ndarray) -> np.ndarray:
    # The two largest so far, class by class: no sort, and no copy of the chunk. An only class has a second
    # of probability 0.
    first, second = by_class[0].copy(), np.zeros_like(by_class[0])
    smaller = np.empty_like(first)
    for column in by_class[1:]:
        np.minimum(first, column, out=smaller)
        np.maximum(second, smaller, out=second)
        np.maximum(first, column, out=first)
    return np.float32(1) - (first - second)
