"""k-means: a batch that covers the pool, for rounds without a model to ask."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.embeddings import Embeddings
from labelloop.acquisition.keys import content_keys, derived_seed, item_keys
from labelloop.one_thread import one_thread

POINTS_PER_CENTROID = 256
"""More points than this hardly move a centroid."""


@needs("embeddings")
def pick_k_means(
    context: Context, batch_size: int, *, max_clusters: int = 500, mini_batch_above: int = 50_000
) -> Picks:
    """Cluster the embeddings and pick the item nearest to each centroid.

    Labeled items take part: there are as many clusters as labeled items and picks together, and clusters with
    a labeled item are covered, so they come last. Large clusters come first. Where clusters run out (fewer
    distinct points than picks, or `max_clusters` reached), the second nearest items follow, and so on.

    All is done in the order of a keyed hash of the items, so the order of the pool decides nothing, not even
    the last bit of a sum.

    Args:
        max_clusters: clusters at most, unless the batch itself is larger.
        mini_batch_above: number of points above which centroids are found by mini-batches, on a random
            sample of the points.

    Returns:
        Picks without scores. The probability is NaN: chance enters by where k-means starts, and has no closed
        form.

    Memory: about 80 bytes an item, and a float32 copy of the points that centroids are trained on (at most
    `mini_batch_above` or 256 a cluster, whichever is more), twice.

    Source: Lloyd (1982); Sculley (2010), Web-scale k-means clustering; with labeled items as in Hacohen,
    Dekel and Weinshall (2022), Active learning on a budget.
    """
    found = cluster_rows(context, batch_size, max_clusters, mini_batch_above)
    return take_turns(found, found.distance, batch_size, chance=np.nan)


@dataclass(frozen=True)
class Clusters:
    """Candidates by cluster."""

    rows: np.ndarray
    """Shape (n,), int64: the candidates, in the order of their keyed hashes."""
    cluster: np.ndarray
    """Shape (n,), int32."""
    distance: np.ndarray
    """Shape (n,), float32: squared distance to the centroid."""
    covered: np.ndarray
    """Shape (n_clusters,), bool: clusters with a labeled item."""


def cluster_rows(context: Context, batch_size: int, max_clusters: int, mini_batch_above: int) -> Clusters:
    """Cluster candidates and labeled items together; the arguments are those of `pick_k_means`."""
    assert context.embeddings is not None
    embeddings = context.embeddings
    rows = np.concatenate([context.candidates, context.labeled])
    is_candidate = np.arange(len(rows)) < len(context.candidates)
    order = np.argsort(item_keys(context, rows, "k_means"), kind="stable")
    rows, is_candidate = rows[order], is_candidate[order]

    wanted = max(batch_size, min(batch_size + len(context.labeled), max_clusters))
    sample = rows[: max(mini_batch_above, POINTS_PER_CENTROID * wanted)]
    points = embeddings[sample].astype(np.float32)
    centre = points.mean(axis=0)
    points -= centre
    centroids = _centroids(
        points,
        wanted,
        derived_seed(context.seed, "k_means"),
        mini_batch=len(rows) > mini_batch_above,
    )
    del points
    cluster, distance = _nearest(embeddings, rows, centre, centroids)

    covered = np.zeros(len(centroids), dtype=bool)
    covered[cluster[~is_candidate]] = True
    rows, cluster, distance = rows[is_candidate], cluster[is_candidate], distance[is_candidate]
    return Clusters(rows, cluster, distance, covered)


def _centroids(points: np.ndarray, wanted: int, seed: int, *, mini_batch: bool) -> np.ndarray:
    """At most `wanted` centroids, shape (k, d); every distinct point where there are no more than that."""
    from sklearn.cluster import KMeans, MiniBatchKMeans
    from sklearn.exceptions import ConvergenceWarning

    _, distinct = np.unique(content_keys(points, 0, "distinct"), return_index=True)
    if len(distinct) <= wanted:
        return points[np.sort(distinct)]
    shared = {"n_clusters": wanted, "n_init": 1, "random_state": seed}
    # With several threads the order of sums, and with it the last bits, would depend on the machine.
    with one_thread(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if mini_batch:
            model = MiniBatchKMeans(batch_size=max(4096, 4 * wanted), max_iter=20, **shared)
        else:
            model = KMeans(max_iter=100, **shared)
        return np.asarray(model.fit(points).cluster_centers_, dtype=np.float32)


def _nearest(
    embeddings: Embeddings, rows: np.ndarray, centre: np.ndarray, centroids: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each row's nearest centroid and its squared distance: shapes (n,), int32 and float32."""
    cluster, distance = np.empty(len(rows), dtype=np.int32), np.empty(len(rows), dtype=np.float32)
    norms = (centroids**2).sum(axis=1)
    step = max(64, (1 << 20) // max(len(centroids), embeddings.shape[1]))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        points = embeddings[rows[part]].astype(np.float32) - centre
        nearest = (norms - 2 * (points @ centroids.T)).argmin(axis=1)
        cluster[part] = nearest
        distance[part] = ((points - centroids[nearest]) ** 2).sum(axis=1)
    return cluster, distance


def take_turns(found: Clusters, value: np.ndarray, batch_size: int, *, chance: float) -> Picks:
    """One row a cluster, that of the lowest value, then a second one a cluster, until the batch is full.

    Args:
        chance: of every pick: 1 for clusters that chance had no part in, NaN for others.
    """
    order = np.lexsort((value, found.cluster))
    rows, cluster = found.rows[order], found.cluster[order]
    sizes = np.bincount(cluster, minlength=len(found.covered))
    starts = np.cumsum(sizes) - sizes
    turn = np.arange(len(rows)) - starts[cluster]
    first = np.lexsort((cluster, -sizes[cluster], found.covered[cluster], turn))[:batch_size]
    return Picks(rows[first], np.full(batch_size, np.nan), np.full(batch_size, chance))
