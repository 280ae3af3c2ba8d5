"""TypiClust: the most typical row of each part of the pool that has no label yet."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.k_means import Clusters, cluster_rows, take_turns
from labelloop.acquisition.points import Points, centred_reader, points_of, squared_distances

NEIGHBOURS = 20
MAX_MEMBERS = 2000
"""Members of a cluster among which neighbours are looked for; more of them hardly change who is typical."""


@needs("embeddings")
def pick_typiclust(
    context: Context,
    batch_size: int,
    *,
    neighbours: int = NEIGHBOURS,
    max_clusters: int = 500,
    mini_batch_above: int = 50_000,
) -> Picks:
    """Cluster the pool and pick the most typical row of each of the largest clusters without a label.

    The typicality of a row is the inverse of its mean distance to its nearest neighbours in its cluster;
    neighbours are looked for only in the clusters that are picked from. Clusters are those of `pick_k_means`,
    and so is the order of clusters and what happens when they run out.

    Args:
        neighbours: at most; in clusters of fewer than twice as many, half the cluster.
        max_clusters: see `pick_k_means`; 500 is the reference's.
        mini_batch_above: see `pick_k_means`.

    Returns:
        Picks without scores; probability NaN, as k-means starts by chance.

    Memory: as `pick_k_means`.

    Source: Hacohen, Dekel and Weinshall (2022), Active learning on a budget: opposite strategies suit high
    and low budgets.
    """
    assert context.embeddings is not None
    embeddings = context.embeddings
    found = cluster_rows(context, batch_size, max_clusters, mini_batch_above)
    # Rows whose typicality is not looked at follow by their distance to the centroid; all values are below 1.
    value = 1 + found.distance
    order = np.argsort(found.cluster, kind="stable")
    bounds = np.searchsorted(found.cluster[order], np.arange(len(found.covered) + 1))
    for cluster in _picked_from(found, batch_size):
        members = order[bounds[cluster] : bounds[cluster + 1]][:MAX_MEMBERS]
        rows = found.rows[members]
        points = points_of(rows, centred_reader(embeddings, rows), embeddings.shape[1])
        spread = _mean_neighbour_distances(points, neighbours)
        value[members] = spread / (1 + spread)
    return take_turns(found, value, batch_size, chance=np.nan)


def _picked_from(found: Clusters, batch_size: int) -> np.ndarray:
    """Clusters that a batch touches, in the order of `take_turns`; empty ones are never among them."""
    sizes = np.bincount(found.cluster, minlength=len(found.covered))
    order = np.lexsort((-sizes, found.covered))
    return order[sizes[order] > 0][:batch_size]


def _mean_neighbour_distances(points: Points, neighbours: int) -> np.ndarray:
    """Each point's mean distance to its nearest others: shape (n,), float32; 0 for a point alone."""
    count = min(neighbours, len(points) // 2)
    if count == 0:
        return np.zeros(len(points), dtype=np.float32)
    everything = points.at(np.arange(len(points)))
    means = np.empty(len(points), dtype=np.float32)
    step = max(64, points.step // 4)
    for start in range(0, len(points), step):
        part = slice(start, min(start + step, len(points)))
        block = tuple(factor[part] for factor in everything)
        squared = squared_distances(block, points.norms[part], everything, points.norms)
        squared[np.arange(part.stop - start), np.arange(start, part.stop)] = np.inf
        squared.partition(count - 1, axis=1)
        nearest = np.sort(squared[:, :count], axis=1)
        means[part] = np.sqrt(np.maximum(nearest, 0)).mean(axis=1)
    return means
