"""Rare class: find the items of one class that is a small part of the pool."""

from __future__ import annotations

import numpy as np

from labelloop.acquisition.base import Context, Picks, needs
from labelloop.acquisition.distances import distances_to
from labelloop.acquisition.herding import pick_max_herding
from labelloop.acquisition.named import class_code
from labelloop.acquisition.top import pick_highest

FEW = 10
"""Labels of the class from which the model's word counts as much as likeness to the labeled ones."""


@needs("probabilities", "embeddings", "labels", doubt=False)
def pick_rare_class(context: Context, batch_size: int, *, label: str | int | None = None) -> Picks:
    """Pick the rows that are likeliest of the class: as many of it as can be found per label.

    The score mixes the rank of the model's probability of the class with the rank of the distance to the
    nearest labeled item of it; the model's weight is ``n / (n + FEW)`` with n labels of the class, because a
    model that has seen it twice hardly knows it. Until one is found, the pool is covered (max_herding).

    Args:
        label: the class, by name or code. Without it the class with the fewest labels, at least one; among
            equally rare ones the first.

    Returns:
        Picks with the mixed rank, in (0, 1], as score; probability 1.

    Raises:
        SettingsError: there is no such class.

    Time: O(n log n + n d positives). Memory: 60 bytes a row.

    Source: active search, Garnett, Krishnamurthy, Xiong, Schneider and Mann (2012), Bayesian optimal active
    search and surveying, its greedy form.
    """
    assert context.probabilities is not None
    assert context.labels is not None
    probabilities = np.asarray(context.probabilities)
    n_classes = probabilities.shape[1]
    if label is None:
        wanted = _rarest(context.labels, n_classes)
    else:
        wanted = class_code("rare_class", label, context.classes, n_classes)
    found = context.labeled[context.labels == wanted]
    if len(found) == 0:
        return pick_max_herding(context, batch_size)

    points, distance = distances_to(context, found, "rare_class")
    rows = points.rows
    weight = len(found) / (len(found) + FEW)
    near, likely = _ranks(-distance), _ranks(probabilities[rows, wanted].astype(np.float32))
    scores = np.empty(len(rows), dtype=np.float32)
    scores[np.searchsorted(context.candidates, rows)] = (1 - weight) * near + weight * likely
    return pick_highest(scores, context, batch_size)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks over their number, in (0, 1]; 1 for the highest, equal ones share the highest of theirs."""
    return np.searchsorted(np.sort(values), values, side="right") / np.float64(len(values))


def _rarest(labels: np.ndarray, n_classes: int) -> int:
    """The class with the fewest labels, at least one; the first of equally rare ones, or of all."""
    counts = np.bincount(labels[labels >= 0], minlength=n_classes)
    seen = np.flatnonzero(counts)
    return int(seen[counts[seen].argmin()]) if len(seen) else 0
