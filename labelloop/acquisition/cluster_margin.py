"""Cluster-margin: the rows of the least margin, thinned out so that no two ask the same."""

from __future__ import annotations

import dataclasses

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.k_means import pick_k_means
from labelloop.acquisition.margin import pick_margin


@needs("probabilities", "embeddings")
def pick_cluster_margin(context: Context, batch_size: int, *, factor: float = 10.0) -> Picks:
    """Cluster the ``factor * batch_size`` rows of the highest margin score; pick each cluster's middle.

    Args:
        factor: batches that are clustered, at least 1; 1 is the plain margin, in another order.

    Returns:
        Picks of `pick_k_means` among those rows: without scores, large clusters first.

    Source: Zhdanov (2019), Diverse mini-batch active learning; at scale Citovsky et al. (2021), Batch active
    learning at scale.
    """
    wanted = min(len(context.candidates), int(np.ceil(factor * batch_size)))
    doubtful = np.sort(pick_margin(context, wanted).rows)
    nothing = np.empty(0, dtype=np.int64)
    return pick_k_means(dataclasses.replace(context, candidates=doubtful, labeled=nothing), batch_size)
