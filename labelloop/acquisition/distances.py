"""How far a context's candidates are from rows that are labeled."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.points import Points, centred_reader, lower_minimum, points_of


def distances_to(context: Context, labeled: np.ndarray, purpose: str) -> tuple[Points, np.ndarray]:
    """The candidates in their canonical order, and each one's squared distance to the nearest of these rows.

    Args:
        labeled: shape (k,), int64, ascending.
        purpose: of the order; see `canonical_order`.

    Returns:
        Points, and shape (n_candidates,), float32: infinite where nothing is labeled.
    """
    assert context.embeddings is not None
    rows = canonical_order(context, context.candidates, purpose)
    read = centred_reader(context.embeddings, rows)
    points = points_of(rows, read, context.embeddings.shape[1])
    minimum = np.full(len(rows), np.inf, dtype=np.float32)
    lower_minimum(points, minimum, read(canonical_order(context, labeled, purpose)))
    return points, minimum
