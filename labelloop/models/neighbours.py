"""Nearest neighbours among points, exactly and a block at a time: no n by n table is ever made."""

from __future__ import annotations

import numpy as np

_BLOCK_NUMBERS = 1 << 22
SAME = np.float32(1e-5)
"""Squared distances below this share of the squared norms are rounding: the points are the same."""


def nearest(
    queries: np.ndarray, points: np.ndarray, count: int, *, skip_same: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The nearest points of each query.

    Args:
        queries: shape (m, d), float32.
        points: shape (n, d), float32, n at least 1.
        count: neighbours wanted; fewer where there are fewer points.
        skip_same: leave out points that lie on the query, which for points of the pool is the point itself.

    Returns:
        Places in `points`, int32, and squared distances, float32: shapes (m, k), nearest first, equal ones
        by place. Where `skip_same` leaves too few, distances are infinite.

    Time: O(m n d) in matrix products. Memory: 16 MiB beside the result.
    """
    found = min(count, len(points))
    places = np.empty((len(queries), found), dtype=np.int32)
    distances = np.empty((len(queries), found), dtype=np.float32)
    norms = np.einsum("ij,ij->i", points, points)
    step = max(1, _BLOCK_NUMBERS // len(points))
    for start in range(0, len(queries), step):
        block = queries[start : start + step]
        own = np.einsum("ij,ij->i", block, block)[:, None]
        squared = block @ points.T
        squared *= np.float32(-2)
        squared += norms
        squared += own
        same = squared <= SAME * (norms + own)
        squared[same] = np.inf if skip_same else 0
        # Wanted plus ties would need a full sort; by place within the wanted ones is stable enough, since
        # equal distances at the border only occur for equal points.
        near = np.argpartition(squared, found - 1, axis=1)[:, :found]
        near.sort(axis=1)
        far = np.take_along_axis(squared, near, axis=1)
        order = np.argsort(far, axis=1, kind="stable")
        places[start : start + step] = np.take_along_axis(near, order, axis=1)
        distances[start : start + step] = np.take_along_axis(far, order, axis=1)
    return places, distances
