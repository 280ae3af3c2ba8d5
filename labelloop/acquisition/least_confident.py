"""Least confident: ask where even the likeliest class is doubtful."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_top


def least_confident(probabilities: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
    """Score how unlikely the likeliest class is: ``1 - max_c p_c``; higher means less certain.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1, may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.

    Returns:
        Shape (m,), float32, in [0, 1 - 1 / n_classes].

    Source: Lewis and Gale (1994), A sequential algorithm for training text classifiers.
    """
    return score_in_chunks(_least_confident, probabilities, rows)


@needs("probabilities")
def pick_least_confident(context: Context, batch_size: int) -> Picks:
    """Pick the rows with the highest `least_confident` score."""
    return pick_top(least_confident, context, batch_size)


def _least_confident(chunk: np.ndarray, room: np.ndarray, out: np.ndarray) -> None:
    columns = room[:-4]
    np.copyto(columns, chunk.T)
    np.subtract(np.float32(1), columns.max(axis=0), out=out)
