"""Graph smoothing: items that lie close together are of one class more often than not.

The base learner's probabilities of a sample of the pool, with the known labels put in, are spread over the
graph of nearest neighbours. A new item takes most of its prediction from its neighbours in the sample and the
rest from the base learner, so the result predicts for any item, not only for those of the pool.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from labelloop.models.neighbour_cells import Cells, make_cells, neighbour_graph
from labelloop.models.neighbours import SAME, nearest
from labelloop.settings.pool import DEFAULT

NEIGHBOURS = DEFAULT.neighbours
ALPHA = DEFAULT.alpha
STEPS = 12
PRIOR = 0.01
"""Weight of the base learner's word about a point against a label's. Labels are few and their word is true:
with equal weights, what is spread would be the base learner's errors."""
EXACT = 30_000
"""Points up to which all are compared with all."""
_BLOCK_ROWS = 4096


@dataclass(frozen=True)
class Graph:
    """The pool's sample and who is whose neighbour in it."""

    points: np.ndarray
    """Shape (n, d), float32."""
    scales: np.ndarray
    """Shape (n,), float32: mean distance of a point to its neighbours, above 0."""
    transitions: Any
    """Shape (n, n), scipy CSR, float32: rows sum to 1 (or to 0 for a point without neighbours)."""
    neighbours: int = NEIGHBOURS
    """Nearest points that each is joined to."""


@dataclass(frozen=True)
class SmoothedPool:
    """Smoothed probabilities at the points of a sample, which predict for new points."""

    points: np.ndarray
    """Shape (n, d), float32."""
    scales: np.ndarray
    """Shape (n,), float32."""
    probabilities: np.ndarray
    """Shape (n, n_classes), float32."""
    neighbours: int = NEIGHBOURS
    """Points that a new one is predicted from."""
    share: float = DEFAULT.share
    """Part of a new item's prediction that comes from its neighbours."""

    def predict(self, queries: np.ndarray, base: np.ndarray, *, skip_same: bool = False) -> np.ndarray:
        """Probabilities of new points: shape (m, n_classes), float32, rows sum to 1.

        Args:
            queries: shape (m, d), float32.
            base: shape (m, n_classes): what the base learner says of them.
            skip_same: leave out points of the sample that lie on the query; see `nearest`.
        """
        result = np.empty_like(base, dtype=np.float32)
        for start in range(0, len(queries), _BLOCK_ROWS):
            part = slice(start, start + _BLOCK_ROWS)
            places, squared = self._nearest(queries[part], skip_same=skip_same)
            scale = _mean_distance(squared)
            weights = _weights(squared, scale[:, None] * self.scales[places])
            total = weights.sum(axis=1, keepdims=True)
            weights /= np.where(total > 0, total, 1)
            near = np.einsum("ik,ikc->ic", weights, self.probabilities[places])
            share = np.where(total > 0, np.float32(self.share), np.float32(0))
            mixed = share * near + (1 - share) * base[part]
            result[part] = mixed / mixed.sum(axis=1, keepdims=True)
        return result

    def _nearest(self, queries: np.ndarray, *, skip_same: bool) -> tuple[np.ndarray, np.ndarray]:
        if len(self.points) <= EXACT:
            return nearest(queries, self.points, self.neighbours, skip_same=skip_same)
        places, squared = self._cells.nearest(queries, self.neighbours + skip_same)
        if skip_same:
            norms = np.einsum("ij,ij->i", queries, queries)[:, None]
            squared = np.where(squared <= 2 * SAME * norms, np.float32(np.inf), squared)
        return places, squared

    @cached_property
    def _cells(self) -> Cells:
        return make_cells(self.points)


def build_graph(points: np.ndarray, neighbours: int = NEIGHBOURS) -> Graph:
    """Join every point with its nearest neighbours, in both directions.

    The weight of an edge is ``exp(-|x - y|^2 / (s_x s_y))``, s being the mean distance to the neighbours.

    Args:
        points: shape (n, d), float32.

    Memory: O(n (d + neighbours)). Time: O(n^2 d) in matrix products up to `EXACT` points; beyond, neighbours
    are those of `neighbour_graph`, in O(n sqrt(n) d).

    Source: Zelnik-Manor and Perona (2004), Self-tuning spectral clustering, for the weights.
    """
    from scipy.sparse import csr_matrix, diags

    n = len(points)
    if n > EXACT:
        places, squared = neighbour_graph(points, neighbours + 1)
    else:
        places, squared = nearest(points, points, neighbours + 1)
    # The nearest is the point itself, or one on top of it.
    itself = places == np.arange(n)[:, None]
    squared = np.where(itself, np.inf, squared)
    scales = _mean_distance(squared)
    weights = _weights(squared, scales[:, None] * scales[places])
    rows = np.repeat(np.arange(n), places.shape[1])
    edges = csr_matrix((weights.ravel(), (rows, places.ravel())), shape=(n, n), dtype=np.float32)
    edges = edges.maximum(edges.T).tocsr()
    edges.eliminate_zeros()
    degree = np.asarray(edges.sum(axis=1)).ravel()
    transitions = (diags(1 / np.where(degree > 0, degree, 1)) @ edges).tocsr().astype(np.float32)
    return Graph(points, scales, transitions, neighbours)


def smooth(
    graph: Graph,
    base: np.ndarray,
    labeled: np.ndarray,
    targets: np.ndarray,
    weight: np.ndarray,
    *,
    alpha: float = ALPHA,
    share: float = DEFAULT.share,
) -> SmoothedPool:
    """Spread probabilities and labels: ``F <- alpha S F + (1 - alpha) F_0``, `STEPS` times.

    F_0 is the label where there is one, and `PRIOR` times the base learner's probabilities elsewhere; rows
    of the last F over their sums are the result.

    Args:
        base: shape (n, n_classes): the base learner's probabilities of the graph's points.
        labeled: shape (l,), int64: points with a label; one may occur several times.
        targets: shape (l,), int64, class codes.
        weight: shape (l,), above 0: of a point's labels among each other.
        alpha: what a point takes over from its neighbours in each step.
        share: part of a new item's prediction that will come from its neighbours.

    Source: Zhou, Bousquet, Lal, Weston and Schölkopf (2004), Learning with local and global consistency, with
    the base learner's probabilities as prior as in Zhu, Ghahramani and Lafferty (2003), section 5.
    """
    first = base.astype(np.float32) * np.float32(PRIOR)
    votes = np.zeros((len(first), first.shape[1]), dtype=np.float32)
    np.add.at(votes, (labeled, targets), weight.astype(np.float32))
    known = np.unique(labeled)
    first[known] = votes[known] / votes[known].sum(axis=1, keepdims=True)
    spread = first.copy()
    for _ in range(STEPS):
        spread = np.asarray(graph.transitions @ spread) * np.float32(alpha)
        spread += np.float32(1 - alpha) * first
    # A point without neighbours keeps what it had.
    total = spread.sum(axis=1, keepdims=True)
    probabilities = spread / np.where(total > 0, total, 1)
    return SmoothedPool(graph.points, graph.scales, probabilities, graph.neighbours, share)


def _mean_distance(squared: np.ndarray) -> np.ndarray:
    """Mean of the finite distances of each row, above 0: shape (n,), float32."""
    finite = np.isfinite(squared)
    total = np.sqrt(np.where(finite, squared, 0)).sum(axis=1)
    mean = total / np.maximum(finite.sum(axis=1), 1)
    return np.where(mean > 0, mean, 1).astype(np.float32)


def _weights(squared: np.ndarray, scale: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        weights = np.exp(-squared / scale)
    return np.where(np.isfinite(squared), weights, 0).astype(np.float32)
