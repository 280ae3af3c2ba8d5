"""k-center (core-set): ask where the pool is farthest from all that is labeled."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.distances import distances_to
from labelloop.acquisition.farthest import SHORTLIST, pick_greedily


@needs("embeddings")
def pick_k_center(context: Context, batch_size: int, *, shortlist: int = SHORTLIST) -> Picks:
    """Pick the row farthest from its nearest labeled or picked row, again and again.

    The exact picks of the greedy, up to float32 rounding. With nothing labeled the first is random.

    Args:
        shortlist: rows that are kept up to date after each pick; it changes the time, not the picks.

    Returns:
        Picks with the distance to the nearest labeled or earlier row as score, infinite for the first one
        where nothing is labeled; probability 1.

    Time: O((batch_size + n_labeled) n d), in matrix products over a few passes. Memory: 40 bytes a row, the
    embeddings of the labeled and the shortlist.

    Source: Sener and Savarese (2018), Active learning for convolutional neural networks: a core-set approach.
    """
    points, minimum = distances_to(context, context.labeled, "k_center")
    picked, squared = pick_greedily(
        points, minimum, lambda near, _: near.copy(), batch_size, shortlist=shortlist
    )
    return Picks(points.rows[picked], np.sqrt(squared.astype(np.float64)), np.ones(batch_size))
