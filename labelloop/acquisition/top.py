"""The best of a score: what every strategy that judges items one by one does with its scores."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from labelloop.acquisition.base import Context, Picks
from labelloop.acquisition.keys import CHUNK, item_keys, lowest_items
from labelloop.acquisition.streaming import Score


def pick_top(score: Score, context: Context, batch_size: int) -> Picks:
    """Pick the candidates with the highest scores, best first.

    Candidates that are exactly tied at the threshold are drawn by a keyed hash, so that neither the order of
    the pool nor chance outside the seed decides; their selection probability is the share of them that fit.

    Memory: 8 bytes a candidate, also when all are tied; without ids 60 a tied one.

    Returns:
        Picks with the scores; probability 1 for rows above the threshold.
    """
    assert context.probabilities is not None
    return pick_highest(score(context.probabilities, context.candidates), context, batch_size)


def pick_highest(scores: np.ndarray, context: Context, batch_size: int) -> Picks:
    """As `pick_top`, for scores that are there already: shape (n_candidates,), in the candidates' order.

    Where items have costs the scores, 0 or more, are gains, and the highest gains over costs are picked.
    """
    candidates = context.candidates
    if context.costs is not None:
        scores = scores / context.costs[candidates]
    last = len(scores) - batch_size
    threshold = np.partition(scores, last)[last]
    above = np.concatenate(list(_places(scores, np.greater, threshold)))
    wanted = batch_size - len(above)
    rivals = (candidates[piece] for piece in _places(scores, np.equal, threshold))
    drawn = np.searchsorted(candidates, lowest_items(context, rivals, wanted, "tie"))
    tied = sum(len(piece) for piece in _places(scores, np.equal, threshold))
    chosen = np.sort(np.concatenate([above, drawn]))
    chosen = chosen[np.lexsort((item_keys(context, candidates[chosen], "tie"), -scores[chosen]))]
    chance = np.where(scores[chosen] > threshold, 1.0, wanted / tied)
    return Picks(candidates[chosen], scores[chosen].astype(np.float64), chance)


def _places(scores: np.ndarray, holds: np.ufunc, threshold: np.floating) -> Iterator[np.ndarray]:
    """Where the comparison holds, piece by piece: all places at once may be more than the scores."""
    for start in range(0, len(scores), CHUNK):
        yield start + np.flatnonzero(holds(scores[start : start + CHUNK], threshold))
