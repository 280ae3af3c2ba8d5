"""Relabel: the next votes go where they tell most for the money, to new rows and to labeled ones alike.

ActiveLab ranks labeled and unlabeled rows together by one score: how sure the votes and the model are of the
row's label. Here the score is what a vote is expected to change about that, per unit of money. So rows may
cost different amounts, a new row may be asked of several people at once, and a vote that would settle
nothing (everybody agrees, or nobody could be believed) is worth nothing however unsure the row is. With
equal costs and one vote a row the order is ActiveLab's but for that.

What is known of an unlabeled row is what the model says of it; of a labeled one, what its votes (and, where
the fusion heard it, the model trained without the row) say. See fusion/vote_gain.py for the unit.

Source: Goh and Mueller (2023), ActiveLab: active learning with re-labeling by multiple annotators.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.named import costs_of_rows
from labelloop.acquisition.streaming import score_in_chunks
from labelloop.acquisition.top import pick_highest
from labelloop.fusion.vote_gain import gain_by_class, new_votes_worth

USUAL_ACCURACY = 0.75
"""How often a vote is right where nobody says."""


def vote_gain(
    probabilities: np.ndarray,
    rows: np.ndarray | None = None,
    *,
    accuracy: float = USUAL_ACCURACY,
    votes: int = 1,
) -> np.ndarray:
    """What each of `votes` votes about a row is expected to add to the worth of what is known of it.

    Args:
        probabilities: shape (n, n_classes), rows sum to 1: what is known before; may be memory-mapped.
        rows: shape (m,), int64, the rows to score; None for all.
        accuracy: chance of a vote to be right, in (0, 1).
        votes: how many a row gets at once. Later ones add less: by as much as they do for a row of which
            nothing is known.

    Returns:
        Shape (m,), float32, in [0, 1].
    """
    n_classes = probabilities.shape[1]
    first = new_votes_worth(n_classes, accuracy, 1)
    share = new_votes_worth(n_classes, accuracy, votes) / first if votes > 1 and first else 1.0

    def gain(chunk: np.ndarray, room: np.ndarray, out: np.ndarray) -> None:
        turned = room[:n_classes]
        np.copyto(turned, chunk.T)
        np.multiply(gain_by_class(turned, accuracy), np.float32(share), out=out)

    return score_in_chunks(gain, probabilities, rows)


@needs("probabilities", "beliefs")
def pick_relabel(
    context: Context,
    batch_size: int,
    *,
    accuracy: float = USUAL_ACCURACY,
    votes: int = 1,
    costs: npt.ArrayLike | None = None,
) -> Picks:
    """Pick the rows, labeled ones with a belief among them, where a vote brings most for its cost.

    Args:
        accuracy: chance of a vote to be right.
        votes: people who are asked about a new row at once; a labeled one gets a vote at a time.
        costs: shape (n,), above 0: what a vote about each row of the pool costs. Default: all the same.
    """
    assert context.probabilities is not None
    rows = len(context.probabilities)
    scores = vote_gain(context.probabilities, context.candidates, accuracy=accuracy, votes=votes)
    if context.beliefs is not None and len(context.believed):
        beliefs = context.beliefs[np.isin(context.labeled, context.believed)]
        both = np.concatenate([context.candidates, context.believed])
        order = np.argsort(both, kind="stable")
        scores = np.concatenate([scores, vote_gain(beliefs, accuracy=accuracy)])[order]
        context = replace(context, candidates=both[order])
    if costs is not None:
        scores = scores / costs_of_rows(costs, rows)[context.candidates]
    return pick_highest(scores, context, batch_size)
