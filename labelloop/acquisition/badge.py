"""BADGE: a batch that is spread over the directions in which the model would learn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.embeddings import Embeddings
from labelloop.acquisition.keys import derived_seed
from labelloop.acquisition.points import Block, points_of
from labelloop.acquisition.spread import draw_spread


@needs("probabilities", "embeddings")
def pick_badge(context: Context, batch_size: int) -> Picks:
    """Draw rows as k-means++ does, in the space of the last layer's gradients.

    The gradient of a row, were its likeliest class y the right one, is the outer product of (p - onehot(y))
    and the embedding h. It is never made: ``<g_i, g_j> = <p_i - y_i, p_j - y_j> <h_i, h_j>``. Exact in
    distribution. Rows that the model is certain of all have the gradient 0: they are one point, picked once.

    Returns:
        Picks without scores, and with probability NaN: a row's chance to be in the batch has no closed form,
        and its chance at its draw would take one more pass over the pool a pick.

    Time: O(batch_size n (n_classes + d)), in matrix products over a few passes. Memory: 50 bytes a row.

    Source: Ash, Zhang, Krishnamurthy, Langford and Agarwal (2020), Deep batch active learning by diverse,
    uncertain gradient lower bounds.
    """
    assert context.embeddings is not None
    assert context.probabilities is not None
    embeddings, probabilities = context.embeddings, np.asarray(context.probabilities)
    rows = canonical_order(context, context.candidates, "badge")
    width = embeddings.shape[1] + probabilities.shape[1]
    points = points_of(rows, gradient_reader(embeddings, probabilities), width)
    random = np.random.default_rng(derived_seed(context.seed, "badge"))
    picked = draw_spread(points, batch_size, random)
    return Picks(rows[picked], np.full(batch_size, np.nan), np.full(batch_size, np.nan))


def gradient_reader(embeddings: Embeddings, probabilities: np.ndarray) -> Callable[[np.ndarray], Block]:
    """Read gradients as two factors: p - onehot(likeliest class), shape (k, n_classes), and h, (k, d)."""

    def read(some: np.ndarray) -> Block:
        pulls = probabilities[some].astype(np.float32)
        pulls[np.arange(len(some)), pulls.argmax(axis=1)] -= 1
        return pulls, np.ascontiguousarray(embeddings[some], dtype=np.float32)

    return read
