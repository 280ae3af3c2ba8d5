"""Self-training: fit, take the pool's items that the fit is sure of as if they were labeled, fit again."""

from __future__ import annotations

import copy

import numpy as np

from labelloop.models.base import Learner
from labelloop.models.pseudo_labels import Taught, counted
from labelloop.settings.pool import DEFAULT

PASSES = 2
WEIGHT = 0.5
"""Weight of all pseudo-labels together against all labels: what the model thinks is never the majority."""


def self_train(
    untrained: Learner,
    inputs: np.ndarray,
    targets: np.ndarray,
    sample_weight: np.ndarray | None,
    pool: np.ndarray,
    *,
    threshold: float = DEFAULT.threshold,
    most: int = DEFAULT.taught,
    first: Learner | None = None,
) -> Taught:
    """Fit a copy of `untrained` on labels and pseudo-labels.

    Items of the pool whose likeliest class has a probability of `threshold` or more take part with that
    class; of each class no more than its share of the labels allows, the surest first, so that the classes
    keep their proportions.

    Args:
        pool: m rows; the first `most` are used.
        threshold: probability of the likeliest class from which an item is sure.
        most: items that may get a pseudo-label.
        first: the plain fit, where it is there already.

    Returns:
        A fitted learner, and what its pseudo-labels were; the plain fit and none where no item is sure
        enough.

    Source: Yarowsky (1995); Scudder (1965), Probability of error of some adaptive pattern-recognition
    machines.
    """
    weight = np.ones(len(targets)) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    learner = first or copy.deepcopy(untrained).fit(inputs, targets, sample_weight)
    some = pool[:most]
    pseudo_labels = counted(np.empty((len(some), learner.n_classes)), np.empty(0, dtype=np.int64))
    for _ in range(PASSES):
        probabilities = learner.predict_proba(some)
        rows = surest(
            probabilities, np.bincount(targets, weights=weight, minlength=learner.n_classes), threshold
        )
        if len(rows) == 0:
            break
        pseudo = probabilities[rows].argmax(axis=1)
        each = WEIGHT * weight.sum() / len(rows)
        learner = copy.deepcopy(untrained).fit(
            np.concatenate([inputs, some[rows]]),
            np.concatenate([targets, pseudo]),
            np.concatenate([weight, np.full(len(rows), each)]),
        )
        pseudo_labels = counted(probabilities, rows)
    return Taught(learner, pseudo_labels)


def surest(probabilities: np.ndarray, totals: np.ndarray, threshold: float) -> np.ndarray:
    """Rows at or above the threshold, in their order, with classes in the proportions of `totals`."""
    best = probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    able = np.bincount(best[sure >= threshold], minlength=len(totals))
    present = (totals > 0) & (able > 0)
    if not present.any():
        return np.empty(0, dtype=np.int64)
    # As many a label as the class that has the fewest can give, but at least one of each that has any.
    ratio = np.quantile(able[present] / totals[present], 0.5)
    chosen = []
    for c in np.flatnonzero(present):
        rows = np.flatnonzero((best == c) & (sure >= threshold))
        most = max(1, int(np.ceil(ratio * totals[c])))
        chosen.append(rows[np.argsort(-sure[rows], kind="stable")[:most]])
    return np.sort(np.concatenate(chosen))
