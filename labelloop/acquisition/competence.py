"""What the labels say of how far a campaign is: how many there are a class, and what they can teach."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from labelloop.acquisition.base import Context
from labelloop.acquisition.canonical import canonical_order
from labelloop.one_thread import one_thread

MOST_ROWS = 2000
"""Labeled rows that are looked at; more of them say the same."""
_SURE = 1.64


@dataclass(frozen=True)
class Competence:
    """How well labeled rows are told apart by a linear head that has not seen them."""

    labels: int
    classes: int
    """Classes with at least one label."""
    per_class: float
    """Median number of labels of those classes."""
    recall: float
    """Leave-one-out recall, mean over the classes with two labels or more; 0 where there are none."""
    low: float
    """Lower end of a one-sided 95% interval of it."""
    chance: float
    """What guessing would give."""

    @property
    def shown(self) -> bool:
        """Whether what can be learned is surely better than guessing."""
        return self.low > self.chance


def competence(context: Context) -> Competence:
    """Judge by the labels and embeddings of the labeled rows.

    The head is a ridge regression of one-hot labels on standardised embeddings; leaving a row out has a
    closed form, so nothing is drawn and nothing is fitted twice.

    Time: O(l^2 d + l^3) for l labeled rows, `MOST_ROWS` at most.

    Source: Allen (1974), The relationship between variable selection and data augmentation (PRESS).
    """
    assert context.embeddings is not None
    assert context.labels is not None
    has_label = context.labels >= 0
    code = np.full(int(context.labeled.max(initial=-1)) + 1, -1, dtype=np.int64)
    code[context.labeled] = context.labels
    rows = canonical_order(context, context.labeled[has_label], "competence")[:MOST_ROWS]
    labels = code[rows]
    counts = np.bincount(context.labels[has_label]) if has_label.any() else np.zeros(0, dtype=np.int64)
    seen = int((counts > 0).sum())
    per_class = float(np.median(counts[counts > 0])) if seen else 0.0
    judged = np.flatnonzero(np.bincount(labels) >= 2) if len(labels) else np.empty(0, dtype=np.int64)
    if seen < 2 or len(judged) == 0:
        return Competence(int(has_label.sum()), seen, per_class, 0.0, 0.0, 1.0 / max(seen, 1))
    said = _left_out(context.embeddings[rows].astype(np.float64), labels)
    right = said == labels
    recalls = np.array([right[labels == c].mean() for c in judged])
    sizes = np.array([(labels == c).sum() for c in judged])
    # Of none or all right, a half more of each: else a class of two would be sure of itself.
    smoothed = (recalls * sizes + 0.5) / (sizes + 1)
    error = float(np.sqrt((smoothed * (1 - smoothed) / sizes).sum()) / len(judged))
    recall = float(recalls.mean())
    low = recall - _SURE * error
    return Competence(int(has_label.sum()), seen, per_class, recall, low, 1.0 / seen)


def _left_out(points: np.ndarray, labels: np.ndarray, ridge: float = 1.0) -> np.ndarray:
    """Each row's class as told by the head that is fitted to all others: shape (l,), int64."""
    spread = points.std(axis=0)
    points = (points - points.mean(axis=0)) / np.where(spread > 0, spread, 1)
    onehot = np.eye(int(labels.max()) + 1)[labels]
    present = onehot.any(axis=0)
    # With several threads the last bits would depend on the machine.
    with one_thread():
        kernel = points @ points.T / max(1, points.shape[1]) + 1 / len(points)
        inverse = np.linalg.inv(kernel + ridge / 10 * np.eye(len(points)))
        # Left-out prediction: y_i - (K^-1 y)_i / (K^-1)_ii.
        predicted = onehot - (inverse @ onehot) / np.diag(inverse)[:, None]
    predicted[:, ~present] = -np.inf
    return np.asarray(predicted.argmax(axis=1))
