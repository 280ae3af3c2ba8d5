"""Shares of a batch as whole numbers of items."""

from __future__ import annotations

import numpy as np


def apportion(total: int, weights: np.ndarray, room: np.ndarray | None = None) -> np.ndarray:
    """Split `total` by weights; every part is its exact share rounded down or up, unless its room is less.

    What a part has no room for is split among the others in the same way.

    Args:
        total: items to split.
        weights: shape (k,), 0 or more; equal remainders go to the part that comes first.
        room: shape (k,), int64: what each part can take; None is as much as there is.

    Returns:
        Shape (k,), int64; sums to `total`, or to what there is room for (parts of weight 0 get nothing).

    Source: the method of largest remainders (Hamilton, 1792).
    """
    weights = np.asarray(weights, dtype=np.float64)
    limit = np.full(len(weights), total) if room is None else np.asarray(room, dtype=np.int64)
    parts = np.zeros(len(weights), dtype=np.int64)
    while (left := total - int(parts.sum())) > 0:
        able = np.where(parts < limit, weights, 0.0)
        if able.sum() <= 0:
            break
        exact = left * able / able.sum()
        more = np.floor(exact + 1e-9).astype(np.int64)
        order = np.lexsort((np.arange(len(weights)), -(exact - more)))
        order = order[able[order] > 0]
        more[order[: left - int(more.sum())]] += 1
        parts = np.minimum(parts + more, limit)
    return parts


def cross(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """A table of whole numbers with these sums, as close to their product as rounding lets it be.

    Args:
        rows: shape (k,), int64.
        columns: shape (m,), int64, with the same sum.

    Returns:
        Shape (k, m), int64.
    """
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    left = np.asarray(columns, dtype=np.int64).copy()
    for place, row in enumerate(rows):
        table[place] = apportion(int(row), left.astype(np.float64), left)
        left -= table[place]
    return table
