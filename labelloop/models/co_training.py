"""Co-training: two learners that see different columns teach each other with what each is sure of."""

from __future__ import annotations

import copy

import numpy as np

from labelloop.models.base import Learner
from labelloop.models.pseudo_labels import Taught, counted
from labelloop.models.self_training import surest
from labelloop.settings.pool import DEFAULT

PASSES = 4
WEIGHT = 1.0
"""Weight of all pseudo-labels together against all labels. More than self-training's: what a view is taught
comes from columns that it does not see, so it is not its own errors that come back."""

Views = tuple[np.ndarray, np.ndarray]
"""Columns of the first and of the second view: int64, not empty, without a column in common."""


def co_train(
    untrained: Learner,
    inputs: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray | None,
    pool: np.ndarray,
    views: Views,
    *,
    threshold: float = DEFAULT.threshold,
    most: int = DEFAULT.taught,
    first: Learner,
) -> Taught:
    """Fit a copy of `untrained` on labels and on pseudo-labels that two views have agreed upon.

    A view's learner is the same learner with all other columns at their mean over the pool, so it learns
    nothing from them. In every pass each view's learner labels the items of the pool that it is sure of, with
    the classes in the proportions of the labels, and the other view's is fitted again with those. In the end
    the learner of all columns is fitted with the items of which the product of both views' probabilities is
    sure.

    Args:
        inputs: shape (n, d), float32.
        targets: shape (n,), int64.
        pool: shape (m, d); the first `most` are used.
        threshold: probability of the likeliest class from which an item is sure.
        most: items that may get a pseudo-label.
        first: the plain fit on all columns.

    Returns:
        A fitted learner of all columns, and what its pseudo-labels were (confidence is the product's);
        `first` and none where no item is sure enough.

    Source: Blum and Mitchell (1998), Combining labeled and unlabeled data with co-training.
    """
    weight = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    some = pool[:most]
    totals = np.bincount(targets, weights=weight, minlength=untrained.n_classes)
    centre = some.mean(axis=0, dtype=np.float64).astype(some.dtype)

    def fit(rows: np.ndarray, seen: np.ndarray, pseudo: np.ndarray, known: np.ndarray) -> Learner:
        each = WEIGHT * weight.sum() / max(len(rows), 1)
        return copy.deepcopy(untrained).fit(
            np.concatenate([known, seen[rows]]),
            np.concatenate([targets, pseudo]),
            np.concatenate([weight, np.full(len(rows), each)]),
        )

    nothing = np.empty(0, dtype=np.int64)
    taught = [(nothing, nothing), (nothing, nothing)]
    shown = [(_only(inputs, view, centre), _only(some, view, centre)) for view in views]
    said: list[np.ndarray] = []
    for _ in range(PASSES):
        said = [
            fit(rows, seen, pseudo, known).predict_proba(seen)
            for (known, seen), (rows, pseudo) in zip(shown, taught, strict=True)
        ]
        chosen = [surest(probabilities, totals, threshold) for probabilities in said]
        # What one view is sure of is taught to the other.
        taught = [(rows, said[1 - v][rows].argmax(axis=1)) for v, rows in enumerate(chosen[::-1])]
    # Views that are independent given the class: p(c | both) is their product over the class's share.
    share = np.where(totals > 0, totals / totals.sum(), 1.0)
    together = said[0].astype(np.float64) * said[1] / share
    together /= together.sum(axis=1, keepdims=True)
    rows = surest(together, totals, threshold)
    learner = fit(rows, some, together[rows].argmax(axis=1), inputs) if len(rows) else first
    return Taught(learner, counted(together, rows))


def _only(inputs: np.ndarray, view: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """The inputs with all columns but the view's at the centre."""
    shown = np.tile(centre, (len(inputs), 1))
    shown[:, view] = inputs[:, view]
    return shown
