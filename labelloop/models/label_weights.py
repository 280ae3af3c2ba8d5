"""How much each label counts in training, by how sure its votes make it."""

from __future__ import annotations

import numpy as np

LEAST_SHARE = 0.02
"""Posterior of a class below which an item is not shown as it."""


def weighed(
    targets: np.ndarray, posterior: np.ndarray, weights: np.ndarray | None, weighing: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Training rows with their weights.

    `confidence`: each label counts as much as fusion is sure of it. `soft`: each item is shown once for every
    class of its posterior from `LEAST_SHARE` on, weighed by it, so that the loss that is minimised is the
    expected one over what the label may be. `none`: labels count the same.

    Args:
        targets: shape (n,), int64, class codes.
        posterior: shape (n, n_classes), rows sum to 1.
        weights: shape (n,), what else rows weigh, such as by a bootstrap; None for all the same.

    Returns:
        Rows (positions among the n, repeated for `soft`), their targets, their weights or None.

    Source: for soft labels from crowds Peterson, Battleday, Griffiths and Russakovsky (2019), Human
    uncertainty makes classification more robust.
    """
    rows = np.arange(len(targets))
    if weighing == "none":
        return rows, targets, weights
    each = np.ones(len(targets)) if weights is None else weights
    if weighing == "confidence":
        return rows, targets, each * posterior[rows, targets]
    row, kind = np.nonzero((posterior >= LEAST_SHARE) & (each > 0)[:, None])
    return row, kind.astype(np.int64), posterior[row, kind] * each[row]
