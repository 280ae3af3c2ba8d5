"""Ranked batches: far from what is labeled while little is, doubtful once much is."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.distances import distances_to
from labelloop.acquisition.farthest import pick_greedily
from labelloop.acquisition.margin import margin


@needs("probabilities", "embeddings")
def pick_ranked_batch(context: Context, batch_size: int) -> Picks:
    """Pick the highest ``a (1 - similarity) + (1 - a) u`` again and again.

    The similarity is ``1 / (1 + distance to the nearest labeled or picked row)``, the distance in units of
    the pool's root mean square distance from its middle; u is the margin score; a is the unlabeled share of
    all rows, so the weight moves from distance to doubt as labels come in. It stays for the whole batch.

    Returns:
        Picks with that value as score; probability 1.

    Time and memory: as `pick_k_center`.

    Source: Cardoso, Silva, Canuto, Moro and Gonçalves (2017), Ranked batch-mode active learning.
    """
    assert context.probabilities is not None
    points, minimum = distances_to(context, context.labeled, "ranked_batch")
    share = np.float32(len(points) / (len(points) + len(context.labeled)))
    doubts = (1 - share) * margin(context.probabilities, points.rows)
    unit = np.float32(np.sqrt(points.norms.mean(dtype=np.float64)) or 1)

    def value(near: np.ndarray, places: np.ndarray) -> np.ndarray:
        similarity = 1 / (1 + np.sqrt(near) / unit)
        return np.asarray(share * (1 - similarity) + doubts[places], dtype=np.float32)

    picked, values = pick_greedily(points, minimum, value, batch_size)
    return Picks(points.rows[picked], values.astype(np.float64), np.ones(batch_size))
