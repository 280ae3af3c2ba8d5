"""Hard negatives: what the model is sure is of one class, although it lies among labeled items of another."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.canonical import canonical_order
from labelloop.acquisition.named import class_code
from labelloop.acquisition.points import centred_reader, points_of, squared_distances, squared_norms
from labelloop.acquisition.top import pick_highest

MOST_LABELED = 2000
"""Labeled items that are looked at; of more a random sample, keyed by item."""


@needs("probabilities", "embeddings", "labels", doubt=False)
def pick_hard_negatives(context: Context, batch_size: int, *, label: str | int | None = None) -> Picks:
    """Pick rows with a high probability of their likeliest class c that are nearer to other classes' labels.

    The score is ``p_c * d_c / (d_c + d_o)``: d_c is the distance to the nearest labeled item of class c, d_o
    that to the nearest of another class. 0 where all labeled items are of class c, p_c where none is.

    Args:
        label: rows predicted to be of this class, by name or code, come first; all others after them.

    Returns:
        Picks with the score, in [0, 1] (of other classes than `label` less 1); probability 1. With nothing
        labeled, the rows of the least confident predictions.

    Raises:
        SettingsError: there is no such class.

    Time: O(n d labeled), in matrix products. Memory: 60 bytes a row and the labeled items' embeddings.

    Source: hard negative mining, Felzenszwalb, Girshick, McAllester and Ramanan (2010), Object detection with
    discriminatively trained part-based models, section 4, by neighbours instead of known negatives.
    """
    assert context.probabilities is not None
    assert context.embeddings is not None
    assert context.labels is not None
    probabilities, embeddings = np.asarray(context.probabilities), context.embeddings
    n_classes = probabilities.shape[1]
    wanted = None if label is None else class_code("hard_negatives", label, context.classes, n_classes)
    candidates = context.candidates
    taught = context.labeled[context.labels >= 0]
    if len(taught) == 0:
        doubts = 1 - probabilities[candidates].max(axis=1)
        return pick_highest(doubts.astype(np.float32), context, batch_size)
    code = dict(zip(context.labeled.tolist(), context.labels.tolist(), strict=True))
    taught = canonical_order(context, taught, "hard_negatives")[:MOST_LABELED]
    classes = np.array([code[row] for row in taught.tolist()])

    rows = canonical_order(context, candidates, "hard_negatives")
    read = centred_reader(embeddings, rows)
    points = points_of(rows, read, embeddings.shape[1])
    centres = read(taught)
    norms = squared_norms(centres)
    scores = np.empty(len(rows), dtype=np.float32)
    step = max(64, (1 << 18) // len(taught))
    for part, block in points.blocks():
        for start in range(0, part.stop - part.start, step):
            inside = slice(start, min(start + step, part.stop - part.start))
            few = slice(part.start + inside.start, part.start + inside.stop)
            some = tuple(factor[inside] for factor in block)
            said = probabilities[rows[few]].astype(np.float32)
            guess = said.argmax(axis=1)
            squared = squared_distances(some, points.norms[few], centres, norms)
            same = classes == guess[:, None]
            own = np.sqrt(np.where(same, squared, np.inf).min(axis=1))
            other = np.sqrt(np.where(same, np.inf, squared).min(axis=1))
            scores[few] = said.max(axis=1) * _nearness(own, other)
            if wanted is not None:
                scores[few] -= guess != wanted
    placed = np.empty_like(scores)
    placed[np.searchsorted(candidates, rows)] = scores
    return pick_highest(placed, context, batch_size)


def _nearness(own: np.ndarray, other: np.ndarray) -> np.ndarray:
    """``own / (own + other)``: 1 without own, 0 without others, a half where both are 0."""
    both = own + other
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.where(both > 0, own / both, 0.5)
    return np.where(np.isinf(own), 1.0, np.where(np.isinf(other), 0.0, share)).astype(np.float32)
